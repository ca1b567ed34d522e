"""What an installation contains: the wheel, an empty virtual environment, a bare clone with scripts/serve."""

import json
import shlex
import socket
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from support.commands import clean_environment

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_wheel_holds_the_bundle(demo_dir, tmp_path):
    """The wheel has every file of the embedded bundle and of the page, and no tests or training code."""
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, timeout=300)
    (wheel,) = tmp_path.glob("paraserve-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    bundle = {
        f"paraserve/bundles/demo/{name}" for name in json.loads((demo_dir / "manifest.json").read_text())["files"]
    }
    source, clients = ROOT / "src", ROOT / "clients/python/src"
    page = {str(path.relative_to(source)) for path in (source / "paraserve/web").rglob("*") if path.is_file()}
    assert {"paraserve/web/index.html", "paraserve/web/static/page.js"} <= page
    client = {str(path.relative_to(clients)) for path in clients.rglob("*.py")}
    assert "paraserve_client/live/live.py" in client
    assert bundle | page | client | {"paraserve/bundles/demo/manifest.json", "paraserve/bundles/catalog.toml"} <= set(
        names
    )
    assert {name.split("/")[0].split("-")[0] for name in names} == {"paraserve", "paraserve_client"}


@pytest.mark.full
def test_empty_environment(data_dir, tmp_path):
    """`pip install '.[cpu]'` into an empty virtual environment is all that a transcript needs."""
    venv.create(tmp_path / "venv", with_pip=True)
    install = ["install", "--quiet", "-c", str(ROOT / "constraints.txt"), f"{ROOT}[cpu]"]
    subprocess.run([tmp_path / "venv/bin/python", "-m", "pip", *install], check=True, timeout=600)
    command = [tmp_path / "venv/bin/paraserve", "transcribe", "--no-itn", "--no-punctuate", data_dir / "zh_phone.wav"]
    done = subprocess.run(command, env=clean_environment(), cwd=tmp_path, capture_output=True, check=True, timeout=60)
    assert done.stdout.decode() == _said(data_dir) + "\n"


@pytest.mark.full
def test_bare_clone(data_dir, tmp_path):
    """scripts/serve in a clone makes its environment, serves, and prints a command that answers with the sentence.

    With `--embedded` it fetches no model.
    """
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [clone / "scripts/serve", "--embedded", "--port", str(port)],
        env={k: v for k, v in clean_environment().items() if k != "VIRTUAL_ENV"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        lines = [process.stdout.readline() for _ in range(3)]
        assert lines[0].split() == ["Address:", f"http://127.0.0.1:{port}"]
        assert lines[2].endswith(f" listens on http://127.0.0.1:{port}\n")
        curl = shlex.split(lines[1].removeprefix("Try:"))
        answer = subprocess.run([*curl, "-s", "-F", "itn=0", "-F", "punctuate=0"], capture_output=True, check=True)
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert json.loads(answer.stdout)["text"] == _said(data_dir)


def _said(data_dir):
    return json.loads((data_dir / "samples.json").read_text("utf-8"))["zh_phone.wav"]["text"]
