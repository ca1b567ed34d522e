"""The load of `scripts/load` with the real Locust: all kinds of users, and what makes it fail."""

import asyncio
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from paraserve.errors import InferenceError
from paraserve.server.access.api_keys import hashed, new_key, write_keys
from support.app_on_a_thread import app_on_a_thread
from support.commands import clean_environment, server
from support.fakes import FakeEngine
from support.grpc_client import free_port
from support.turns import file_lock

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "scripts" / "load" / "run"
TIMEOUT_S = 280
KINDS = ("uploads", "events, first text", "events, whole text", "live, final text", "Realtime, completed text",
         "jobs, accepted", "jobs, text")  # fmt: skip
EVEN = ("--uploads=1", "--events=1", "--live=1", "--realtime=1", "--jobs=1")
SHORT = ("--headless", "--only-summary", "--rate=5", "--ramp-s=2", "--hold-s=10", *EVEN)
RELAXED = ("--target-mean-ms=20000", "--target-p95-ms=20000", "--target-p99-ms=20000")
"""For a machine that runs other tests meanwhile."""
pytestmark = [pytest.mark.full, pytest.mark.slow, pytest.mark.timeout(2 * TIMEOUT_S)]


@dataclass
class SlowEngine(FakeEngine):
    """Takes `delay_s` for each segment."""

    delay_s: float = 0.7

    async def recognize(self, *arguments, **options):
        await asyncio.sleep(self.delay_s)
        return await super().recognize(*arguments, **options)


@pytest.fixture(scope="module", autouse=True)
def environment():
    """Locust's, made by the starter."""
    folder = ROOT / "build" / "load"
    folder.mkdir(parents=True, exist_ok=True)
    with file_lock(folder / "lock"):
        try:
            done = subprocess.run([RUN, "--version"], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip(f"Locust was not installed in {TIMEOUT_S} s")
    if done.returncode != 0 and "pip" in done.stderr:
        pytest.skip(f"Locust cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    assert done.stdout.startswith("locust 2."), done.stderr


def start(*options, **variables):
    """Start the load without proxies."""
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return subprocess.Popen(
        [RUN, *options],
        env={name: value for name, value in clean_environment(**variables).items() if name in {*kept, *variables}},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def load(*options, **variables):
    """The exit code and what is printed."""
    with start(*options, **variables) as process:
        output, _ = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, output


def verdicts(output):
    """The last word of each line of the tables, by what was judged."""
    lines = [line for line in output.splitlines() if line.rstrip().endswith((" met", " MISSED"))]
    return {line.split("  ")[0]: line.split()[-1] for line in lines}


@pytest.mark.alone  # partial texts give way where other tests keep the CPUs busy, and that is a loss
def test_all_kinds(tmp_path, certificate):
    """Every kind gets the right texts of the embedded bundle, over TLS and with a key from the environment."""
    key = new_key()
    write_keys(tmp_path / "keys", [hashed("load", key)])
    tls = ("--certfile", certificate.certfile, "--keyfile", certificate.keyfile)
    with server(*tls, "--api-keys-file", tmp_path / "keys", "--data-dir", tmp_path) as url:
        code, output = load("--host", url, "--insecure", *SHORT, *RELAXED, PARASERVE_API_KEY=key)
        strict_code, strict = load("--host", url, *SHORT, *RELAXED, PARASERVE_API_KEY=key)
    found = verdicts(output)
    assert code == 0, output
    assert set(found.values()) == {"met"}
    assert {f"{kind}, {name}" for kind in KINDS for name in ("mean", "p95", "p99")} < set(found)
    assert (strict_code, verdicts(strict)["lost"]) == (1, "MISSED"), "a self-signed certificate was taken"
    assert "CERTIFICATE_VERIFY_FAILED" in strict


def test_a_slow_server(tmp_path):
    """A server that takes 0.7 s misses the targets, and the table names each, for every kind."""
    with app_on_a_thread(SlowEngine(), data_dir=str(tmp_path)) as url:
        code, output = load("--host", url, "--expect=any", *SHORT)
    found = verdicts(output)
    assert code == 1, output
    assert {f"{kind}, mean" for kind in KINDS if kind != "jobs, accepted"} <= {
        name for name, verdict in found.items() if verdict == "MISSED"
    }
    assert (found["lost"], found["jobs, accepted, mean"]) == ("met", "met")


def test_losses(tmp_path):
    """Errors of the server fail a load, with their code, and so do texts that are not those of the clips."""
    broken = FakeEngine(error=InferenceError("broken"))
    with app_on_a_thread(broken, data_dir=str(tmp_path / "a"), jobs_max_attempts=1) as url:
        code, output = load("--host", url, "--expect=any", *SHORT, *RELAXED)
    assert (code, verdicts(output)["lost"]) == (1, "MISSED"), output
    assert "upload: 500 inference_failed" in output
    assert "error inference_failed" in output
    with app_on_a_thread(FakeEngine(), data_dir=str(tmp_path / "b")) as url:
        code, output = load("--host", url, *SHORT, *RELAXED)
    assert (code, verdicts(output)["lost"]) == (1, "MISSED"), output
    assert "not '70%。'" in output


def test_distributed(tmp_path):
    """Options of the master reach its worker, and the master judges what the worker has counted."""
    port = free_port()
    with app_on_a_thread(FakeEngine(), data_dir=str(tmp_path)) as url:
        worker = start("--worker", f"--master-port={port}")
        master = ("--master", f"--master-bind-port={port}", "--expect-workers=1", "--host", url, "--expect=any")
        code, output = load(*master, *SHORT, *RELAXED)
        worker_output, _ = worker.communicate(timeout=TIMEOUT_S)
    assert code == 0, output + worker_output
    assert {f"{kind}, p99" for kind in KINDS} < set(verdicts(output))
    assert "verdict" not in worker_output


def test_wrong_options():
    """An option that cannot be ends Locust before the load, with its name."""
    code, output = load("--headless", "--rate=0")
    assert code != 0
    assert "--rate must be more than 0" in output
