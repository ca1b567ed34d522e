"""Bulk on this machine alone, which starts a cluster of its own: Parquet, object stores, Ctrl-C."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from support.object_stores import start_s3
from support.ray_cluster.speech import write_recordings

N = 60


def command(*args: object) -> list[str]:
    return [sys.executable, "-m", "paraserve.deploy.bulk", *map(str, args)]


def bulk(*args: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*args), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("speech") / "in"
    write_recordings(folder, N)
    return folder


def test_a_run_that_is_interrupted_ends_clean_and_goes_on(recordings, tmp_path):
    out = tmp_path / "out"
    run = subprocess.Popen(command(recordings, out, "--actors", 2), stderr=subprocess.PIPE, text=True)
    while not any(file.stat().st_size for file in out.glob(".rows-*")) and run.poll() is None:
        time.sleep(0.1)
    children = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(signal.SIGINT)
    _, stderr = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "Traceback" not in stderr
    assert all(line.startswith("paraserve: ") for line in stderr.splitlines()), stderr
    assert not psutil.wait_procs(children, timeout=30)[1]
    n_before = pq.read_table(out).num_rows
    assert 0 < n_before < N

    done = bulk(recordings, out, "--actors", 2)
    assert done.returncode == 0, done.stderr
    assert f"{N - n_before} recordings, 2 workers of 1 CPU" in done.stderr
    assert f"{n_before} skipped" in done.stderr
    table = pq.read_table(out)
    ids = table["id"].to_pylist()
    assert sorted(ids) == sorted(str(file) for file in recordings.iterdir())
    errors = {Path(row["path"]).name: row["error"] for row in table.to_pylist() if row["error"]}
    assert errors == {"damaged.wav": "invalid_audio", "empty.wav": "empty_file"}
    row = next(row for row in table.to_pylist() if not row["error"])
    assert json.loads(row["transcript"])["text"] == row["text"]


def test_what_failed_is_tried_again_when_asked(recordings, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    shutil.copy(recordings / "0000.wav", folder / "good.wav")
    (folder / "late.wav").write_bytes(b"")
    assert bulk(folder, out, "--actors", 1).returncode == 0
    shutil.copy(recordings / "0001.wav", folder / "late.wav")
    assert "2 skipped" in bulk(folder, out, "--actors", 1).stderr
    done = bulk(folder, out, "--actors", 1, "--retry-failed")
    assert "1 transcribed, 1 skipped" in done.stderr
    assert pq.read_table(out)["error"].to_pylist() == [None, None]


def test_recordings_of_an_object_store(recordings, tmp_path):
    names = ("0000.wav", "0001.wav", "damaged.wav")
    for server in start_s3():
        server.make_bucket("speech")
        for name in names:
            server.put(f"speech/calls/{name}", (recordings / name).read_bytes())
        done = bulk("s3://speech/calls", tmp_path / "out", "--actors", 1)
        assert done.returncode == 0, done.stderr
    here = bulk(recordings, tmp_path / "here", "--actors", 1)
    assert here.returncode == 0, here.stderr
    texts = {Path(row["path"]).name: row["text"] for row in pq.read_table(tmp_path / "here").to_pylist()}
    rows = pq.read_table(tmp_path / "out").to_pylist()
    assert {row["id"]: row["text"] for row in rows} == {f"s3://speech/calls/{name}": texts[name] for name in names}


def test_models_that_are_not_there_end_the_run_with_a_line(recordings, tmp_path):
    done = bulk(recordings, tmp_path / "out", "--bundle", tmp_path / "none", "--actors", 1)
    assert done.returncode == 1
    assert str(tmp_path / "none") in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cluster_that_is_not_there_is_an_error(recordings, tmp_path):
    done = bulk(recordings, tmp_path / "out", "--address", "127.0.0.1:9")
    assert done.returncode == 1
    assert "the Ray cluster 127.0.0.1:9 does not answer" in done.stderr
    assert "Traceback" not in done.stderr
