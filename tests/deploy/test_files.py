"""Files of containers, packaging and the forge: Dockerfiles, compose file, locks, monitoring, workflow, forms."""

import configparser
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from paraserve.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = ("Dockerfile.cpu", "Dockerfile.gpu")
LOCKS = ("requirements.build.lock", "requirements.cpu.lock", "requirements.gpu.lock")
ENTRY = re.compile(r"^([\w.-]+)==([\w.+-]+)((?:[^\n]*\\\n)*[^\n]*)", re.M)
EXTRAS = ("whisper", "encrypt", "postgres", "redis", "remote")
"""Of both images."""
NEVER = "sys_platform == 'never'"


def run(*command: object) -> str:
    """Both outputs of a program that must succeed."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def installed(name: str) -> str:
    """A program of this virtual environment."""
    return str(Path(sys.executable).with_name(name))


def entries(lock: str) -> dict[str, tuple[str, str]]:
    """Version, and marker with hashes, of each package that the lock installs anywhere."""
    found = ENTRY.findall((ROOT / lock).read_text("utf-8"))
    return {normal(name): (version, rest) for name, version, rest in found if NEVER not in rest}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", DOCKERFILES)
def test_dockerfile(name):
    """hadolint finds nothing, and the server is neither root nor started through a shell that keeps its signals."""
    assert run(installed("hadolint"), name) == ""
    last = (ROOT / name).read_text("utf-8").rsplit("\nFROM ", 1)[1]
    assert re.search(r"^USER [1-9]\d+$", last, re.M)
    assert re.search(r'^ENTRYPOINT \["', last, re.M)
    assert "HEALTHCHECK" in last
    assert "VOLUME" in last


@pytest.mark.parametrize("name", DOCKERFILES)
def test_dockerfile_copies_what_there_is(name):
    """Every file that is copied exists and passes .dockerignore; every lock is installed by its hashes."""
    text, allowed = (ROOT / name).read_text("utf-8"), (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    sources = [word for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.M) for word in line.split()[:-1]]
    assert len(sources) >= 8
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(Path(source).match(line.removeprefix("!")) for line in allowed if line.startswith("!")), source
    assert len(re.findall(r"--require-hashes [^\n]*-r requirements\.", text)) == 2


def test_compose():
    """docker-compose.yml keeps to the schema of the compose specification."""
    run(installed("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("vendor.github-workflows", "workflows/*.yml"),
        ("custom.github-workflows-require-timeout", "workflows/*.yml"),
        ("vendor.github-issue-forms", "ISSUE_TEMPLATE/[!c]*.yml"),
        ("vendor.github-issue-config", "ISSUE_TEMPLATE/config.yml"),
    ],
)
def test_forge(schema, pattern):
    """Workflows and issue forms keep to the forge's schemas, and each job has a time limit."""
    files = sorted((ROOT / ".github").glob(pattern))
    assert files
    run(installed("check-jsonschema"), "--builtin-schema", schema, *files)


def test_workflow_tries_each_python():
    """The workflow runs .ci/run under each Python that the package says it is for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    claimed = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    job = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))["jobs"]["run"]
    assert job["strategy"]["matrix"]["python"] == claimed
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]


def test_hooks_run_this_environments_ruff():
    """Each hook is a command of .venv, so committing needs no download."""
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    hooks = repository["hooks"]
    assert [hook["entry"].split()[:3] for hook in hooks] == [[".venv/bin/python", "-m", "ruff"]] * 2
    assert {hook["language"] for hook in hooks} == {"system"}


def test_compose_services():
    """Two CPU servers and nginx by default; everything is read-only, without capabilities, and limited."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    services = compose["services"]
    assert {name for name, service in services.items() if "profiles" not in service} == {
        "worker-1",
        "worker-2",
        "nginx",
    }
    for name, service in services.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert {"cpus", "memory", "pids"} <= set(service["deploy"]["resources"]["limits"]), name
    for mounted in re.findall(r"- \./([^:]+):", (ROOT / "docker-compose.yml").read_text("utf-8")):
        assert (ROOT / mounted).is_file()


def test_variables_are_settings():
    """Each variable that the images and the compose file give a server is one of its settings."""
    dockerfiles = "".join((ROOT / name).read_text("utf-8") for name in DOCKERFILES)
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    given = {name for service in services.values() for name in service.get("environment", {})}
    given = {name for name in given if not name.startswith("GF_")} | set(re.findall(r"PARASERVE_\w+", dockerfiles))
    assert {"PARASERVE_HOST", "PARASERVE_BUNDLE", "PARASERVE_API_KEYS_FILE"} <= given
    assert given <= {f"PARASERVE_{name.upper()}" for name in Settings.model_fields}


def test_jobs_outlive_containers():
    """The images keep jobs on a volume that is their user's alone. The CPU servers of the compose file share one."""
    for name in DOCKERFILES:
        text = (ROOT / name).read_text("utf-8")
        assert "PARASERVE_DATA_DIR=/data" in text
        assert re.search(r"^VOLUME .*/data", text, re.M)
        assert re.search(r"install -d -m 700 -o paraserve -g paraserve /data$", text, re.M)
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    for name, volume in (("worker-1", "data"), ("worker-2", "data"), ("worker-gpu", "data-gpu")):
        assert f"{volume}:/data" in compose["services"][name]["volumes"]
        assert volume in compose["volumes"]


def test_nginx_knows_the_servers_of_the_compose_file():
    """The upstreams are the CPU services at the port of the images, with addresses that survive a restart."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    upstreams = re.findall(r"^ +server ([\w-]+):10095 ", (ROOT / "nginx.conf").read_text("utf-8"), re.M)
    assert upstreams == ["worker-1", "worker-2"]
    addresses = {services[name]["networks"]["inside"]["ipv4_address"] for name in upstreams}
    assert len(addresses) == 2


@pytest.mark.parametrize("name", LOCKS)
def test_lock(name):
    """Each package has hashes and constraints.txt's version; no host is named."""
    pinned = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text("utf-8").split())
    pinned = {normal(package): version for package, version in pinned.items()}
    locked = entries(name)
    assert len(locked) >= 5
    for package, (version, rest) in locked.items():
        assert "--hash=sha256:" in rest, package
        assert version == pinned.get(package, version), f"{package}: run scripts/lock"
    assert "://" not in (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize(("name", "extras"), [("cpu", ("cpu", *EXTRAS)), ("gpu", ("gpu", *EXTRAS))])
def test_lock_is_complete(name, extras):
    """The locks have what pyproject.toml asks for, and one onnxruntime: the GPU image not the one for CPUs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *(r for extra in extras for r in project["optional-dependencies"][extra])]
    locked = entries(f"requirements.{name}.lock")
    missing = {normal(re.match(r"[\w.-]+", requirement)[0]) for requirement in wanted} - set(locked)
    assert missing == set(), "run scripts/lock"
    runtimes = {package for package in locked if package.startswith("onnxruntime")}
    assert runtimes == {"onnxruntime" if name == "cpu" else "onnxruntime-gpu"}


def test_dashboard_and_metrics():
    """The dashboard shows metrics that docs/metrics.md has, each panel from the provisioned source."""
    documented = set(re.findall(r"`(paraserve_\w+)`", (ROOT / "docs/metrics.md").read_text("utf-8")))
    dashboard = json.loads((ROOT / "monitoring/grafana/paraserve.json").read_text("utf-8"))
    source = yaml.safe_load((ROOT / "monitoring/grafana/datasource.yml").read_text("utf-8"))["datasources"][0]
    shown = set()
    for panel in dashboard["panels"]:
        assert panel["datasource"]["uid"] == source["uid"]
        names = re.findall(r"paraserve_\w+", " ".join(target["expr"] for target in panel["targets"]))
        assert names, panel["title"]
        shown |= {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
    assert shown - documented == set()


def test_prometheus_asks_the_servers_of_the_compose_file():
    """The scraped hosts are services, at the port on which the images serve."""
    jobs = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text("utf-8"))["scrape_configs"]
    services = set(yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"])
    targets = [target for job in jobs for group in job["static_configs"] for target in group["targets"]]
    assert {target.split(":")[0] for target in targets} == {"worker-1", "worker-2"} < services
    assert {target.split(":")[1] for target in targets} == {"10095"}


@pytest.mark.skipif(shutil.which("sh") is None, reason="no sh here")
def test_shell_scripts_parse():
    """What starts the container is a script for any sh."""
    run("sh", "-n", "scripts/container/start")


def test_systemd_unit():
    """The unit is told of readiness and well-being, restarts what failed, and gives the drain time to end."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(ROOT / "deploy/systemd/paraserve.service", "utf-8")
    service = unit["Service"]
    assert (service["Type"], service["Restart"], service["User"]) == ("notify", "on-failure", "paraserve")
    assert int(service["WatchdogSec"]) > 60
    assert int(service["TimeoutStopSec"]) > Settings.model_fields["drain_timeout_s"].default
    assert int(service["LimitNOFILE"]) >= 65536
    assert (service["NoNewPrivileges"], service["ProtectSystem"]) == ("yes", "strict")
    assert (service["StateDirectory"], service["StateDirectoryMode"]) == ("paraserve", "0700")
    assert "XDG_DATA_HOME=/var/lib" in service["Environment"].split()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_knows_the_unit(tmp_path):
    """systemd finds no fault in the unit, with a program that is there."""
    text = (ROOT / "deploy/systemd/paraserve.service").read_text("utf-8")
    unit = tmp_path / "paraserve.service"
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.M), "utf-8")
    assert run("systemd-analyze", "verify", unit) == ""


def test_workers_reach_nobody():
    """The network of the servers has no way out. Who publishes a port or pulls stands on another one, too."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    assert compose["networks"]["inside"]["internal"] is True
    for name, service in compose["services"].items():
        is_outside = "ports" in service or name == "pull"
        assert ("outside" in service["networks"]) == is_outside, name
    assert all([*compose["services"][f"worker-{n}"]["networks"]] == ["inside"] for n in (1, 2))


def test_systemd_unit_names_what_there_is():
    """Its command has flags that exist, each of its variables is a setting, and others are read from a file."""
    text = (ROOT / "deploy/systemd/paraserve.service").read_text("utf-8")
    flags = re.findall(r"--([\w-]+)", re.search(r"^ExecStart=(.+)$", text, re.M)[1])
    assert flags
    assert {flag.replace("-", "_") for flag in flags} <= set(Settings.model_fields)
    named = re.findall(r"PARASERVE_(\w+)", text)
    assert "API_KEYS_FILE" in named
    assert {name.lower() for name in named} <= set(Settings.model_fields)
    assert "\nEnvironmentFile=-/etc/paraserve/" in text  # whose absence is no error


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_rates_the_unit():
    """The unit keeps the rights that a server of a port needs, and hardly any other."""
    command = ("systemd-analyze", "security", "--offline=true", "--threshold=15", "deploy/systemd/paraserve.service")
    assert re.search(r"exposure level for paraserve.service: 1\.[0-5] OK", run(*command))
