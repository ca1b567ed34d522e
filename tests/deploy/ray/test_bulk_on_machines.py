"""Bulk on three machines: one dies, a worker dies, the run is killed. Each recording has its row, once."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from paraserve.deploy.bulk.batches import BATCH_FILES
from paraserve.deploy.bulk.running import TRIES_ALONE
from support.ray_cluster import audio_server
from support.ray_cluster.audio_server import WORKER
from support.ray_cluster.machines import RAY_PORT, Machine, cluster, environment, processes_of
from support.ray_cluster.speech import write_recordings

N = 1000
N_MACHINES = 3
PORT = 8099

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("speech") / "in"
    write_recordings(folder, N)
    return folder


@pytest.fixture(scope="module")
def local_texts(recordings, tmp_path_factory) -> dict[str, str]:
    """The texts of `paraserve transcribe` by the names of the recordings, those that it can transcribe."""
    out = tmp_path_factory.mktemp("local")
    command = [sys.executable, "-m", "paraserve.cli.main", "transcribe", recordings, "--format", "json"]
    subprocess.run([*command, "--output", out], check=False, stderr=subprocess.DEVNULL)
    return {f"{file.stem}.wav": json.loads(file.read_text("utf-8"))["text"] for file in out.glob("*.json")}


@pytest.fixture(scope="module")
def machines(tmp_path_factory) -> Iterator[list[Machine]]:
    with cluster(N_MACHINES, tmp_path_factory.mktemp("ray")) as machines:
        yield machines


def begin(head: Machine, source: Path, out: Path) -> "subprocess.Popen[str]":
    """Begin a run on the cluster."""
    flags = ["--format", "jsonl", "--address", f"{head.address}:{RAY_PORT}"]
    command = head.command(sys.executable, "-m", "paraserve.deploy.bulk", source, out, *flags)
    return subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)


def rows_of(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for part in out.glob("part-*.jsonl") for line in part.read_text("utf-8").splitlines()]


def n_rows(out: Path) -> int:
    """Rows in parts, or on their way into one."""
    files = [file for pattern in ("part-*.jsonl", ".rows-*.jsonl") for file in out.glob(pattern)]
    return sum(file.read_bytes().count(b"\n") for file in files)


def wait_for_rows(out: Path, n: int, run: "subprocess.Popen[str]") -> None:
    """Wait until a run has written so many rows, into parts or on their way there."""
    while run.poll() is None:
        if n_rows(out) >= n:
            return
        time.sleep(0.1)
    pytest.fail(f"the run has ended: {run.stderr.read()}")


@contextmanager
def served(head: Machine, folder: Path, log: Path) -> Iterator[str]:
    """Serve a folder to the cluster, by the URL of it."""
    with log.open("w") as lines:
        server = subprocess.Popen(
            head.command(sys.executable, "-m", audio_server.__name__, folder, str(PORT), head.run),
            stderr=lines,
            env=environment(),
        )
        try:
            yield f"http://{head.address}:{PORT}"
        finally:
            server.kill()
            server.wait()


def asked_for(log: Path) -> Counter[str]:
    return Counter(re.findall(r"GET /(\S+)", log.read_text("utf-8")))


def test_a_killed_run_goes_on_where_it_was(machines, recordings, local_texts, tmp_path):
    names = sorted(file.name for file in recordings.iterdir())[:300]
    manifest, out, log = tmp_path / "list.txt", tmp_path / "out", tmp_path / "requests"
    with served(machines[0], recordings, log) as url:
        manifest.write_text("".join(f"{url}/{name}\n" for name in names))
        first = begin(machines[0], manifest, out)
        wait_for_rows(out, 100, first)
        first.kill()
        first.communicate()
        while any(processes_of(machine, WORKER) for machine in machines):
            time.sleep(0.2)
        asked_before = asked_for(log)
        second = begin(machines[0], manifest, out)
        _, stderr = second.communicate()
        asked = asked_for(log)
    assert second.returncode == 0, stderr
    rows = {str(row["path"]).rpartition("/")[2]: row["text"] for row in rows_of(out)}
    assert rows == {name: local_texts[name] for name in names}
    again = sum(asked[name] > 1 for name in names)
    print(f"{sum(asked_before.values())} begun before the kill, {again} of them begun again")
    assert again <= BATCH_FILES * N_MACHINES


def test_a_recording_that_kills_workers_has_a_row_that_says_so(machines, recordings, local_texts, tmp_path):
    names = sorted(file.name for file in recordings.iterdir())[:40]
    (recordings / "deadly.wav").touch()
    manifest, out, log = tmp_path / "list.txt", tmp_path / "out", tmp_path / "requests"
    with served(machines[0], recordings, log) as url:
        manifest.write_text("".join(f"{url}/{name}\n" for name in (names[0], "deadly.wav", *names[1:])))
        run = begin(machines[0], manifest, out)
        _, stderr = run.communicate()
        asked = asked_for(log)
    assert run.returncode == 0, stderr
    (recordings / "deadly.wav").unlink()
    rows = {str(row["path"]).rpartition("/")[2]: row for row in rows_of(out)}
    assert {name: row["text"] for name, row in rows.items()} == {name: local_texts[name] for name in names} | {
        "deadly.wav": None
    }
    assert rows["deadly.wav"]["error"] == "worker_died"
    assert asked["deadly.wav"] == 1 + TRIES_ALONE


def test_a_machine_and_a_worker_die_under_load(machines, recordings, local_texts, tmp_path):
    """The last test of the cluster, which has a machine less after it."""
    run = begin(machines[0], recordings, tmp_path)
    wait_for_rows(tmp_path, N // 10, run)
    for pid in processes_of(machines[1], WORKER):
        os.kill(pid, signal.SIGKILL)
    wait_for_rows(tmp_path, N // 4, run)
    machines[2].kill()
    _, stderr = run.communicate()
    print(stderr)
    assert run.returncode == 0, stderr
    rows = {Path(row["path"]).name: row for row in rows_of(tmp_path)}
    assert (len(rows_of(tmp_path)), len(rows)) == (N, N)
    assert {name: row["text"] for name, row in rows.items() if row["error"] is None} == local_texts
    assert len(local_texts) == N - 2
    assert len(set(local_texts.values())) > N / 2
    assert (rows["damaged.wav"]["error"], rows["empty.wav"]["error"]) == ("invalid_audio", "empty_file")
    assert "tried again, each alone" in stderr
