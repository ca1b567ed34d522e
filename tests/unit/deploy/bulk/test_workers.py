"""Workers of a bulk run: how many, and how each goes about a batch."""

import json
import re
import shutil
import sys
from contextlib import closing

import pytest

from paraserve.cli.batch.tally import Tally
from paraserve.cli.program import run_program
from paraserve.cli.recognition_flags import RecognitionFlags
from paraserve.deploy.bulk.batches import write_batch
from paraserve.deploy.bulk.cluster import Place, Workers, workers_for
from paraserve.deploy.bulk.command import app
from paraserve.deploy.bulk.progress import Progress
from paraserve.deploy.bulk.recordings import Recording
from paraserve.deploy.bulk.worker import Worker, WorkerPlan, rows_of
from paraserve.errors import ParaserveError


@pytest.mark.parametrize(
    ("resources", "place", "is_cpu", "workers"),
    [
        ({"CPU": 16}, Place(), None, Workers(16, 1)),
        ({"CPU": 16}, Place(worker_cpus=4), None, Workers(4, 4)),
        ({"CPU": 16}, Place(n_workers=3), None, Workers(3, 1)),
        ({"CPU": 2}, Place(n_workers=3), None, Workers(2, 1)),
        ({"CPU": 16, "GPU": 4}, Place(), None, Workers(4, 4, 1)),
        ({"CPU": 64, "GPU": 2}, Place(), False, Workers(2, 8, 1)),
        ({"CPU": 64, "GPU": 2}, Place(worker_cpus=40), None, Workers(1, 40, 1)),
        ({"CPU": 16, "GPU": 4}, Place(), True, Workers(16, 1)),
    ],
)
def test_workers_fill_the_cluster(resources, place, is_cpu, workers):
    assert workers_for(resources, place, is_cpu) == workers


@pytest.mark.parametrize(
    ("resources", "place", "is_cpu", "message"),
    [
        ({"CPU": 4}, Place(), False, "no GPU"),
        ({"CPU": 4}, Place(worker_cpus=8), None, "4 CPUs: no room for a worker of 8"),
        ({}, Place(), None, "no room"),
    ],
)
def test_a_cluster_without_room_says_so(resources, place, is_cpu, message):
    with pytest.raises(ParaserveError, match=message):
        workers_for(resources, place, is_cpu)


def test_a_batch_has_a_row_for_each_recording(tmp_path, data_dir):
    shutil.copy(data_dir / "en_date.wav", tmp_path / "good.wav")
    (tmp_path / "damaged.wav").write_bytes(b"RIFF no more")
    paths = [str(tmp_path / name) for name in ("good.wav", "damaged.wav", "missing.wav")]
    batch = [Recording(path, path) for path in paths] + [Recording("nl", paths[0], 0, {"language": "klingon"})]
    with closing(Worker(WorkerPlan({"inference_threads": 1}, RecognitionFlags(), 2))) as worker:
        rows = rows_of(worker({"batch": [write_batch(batch)]}))
    facts = [json.loads(row.line) for row in rows]
    assert [row.id for row in rows] == [one.id for one in batch]
    assert facts[0]["text"] == "july 19 2067."
    assert [one["error"] for one in facts] == [None, facts[1]["error"], "unreadable", "invalid_value"]
    assert facts[1]["error"] in ("invalid_audio", "unsupported_format")
    assert [row.is_failed for row in rows] == [False, True, True, True]
    assert rows[0].audio_ms == facts[0]["duration_ms"] == 3325


def test_a_worker_without_models_ends_the_run(tmp_path):
    with (
        closing(Worker(WorkerPlan({"bundle": [str(tmp_path / "none")]}, RecognitionFlags(), 2))) as worker,
        pytest.raises(ParaserveError, match=rf"a worker cannot work: .*{re.escape(str(tmp_path / 'none'))}"),
    ):
        rows_of(worker({"batch": [write_batch([Recording("a", "/a.wav")])]}))


def test_the_time_left_follows_from_the_bytes_since_the_first_rows():
    now_s = 0.0
    recordings = [Recording(str(n), f"/{n}.wav", 100) for n in range(10)]
    progress = Progress(recordings, lambda: now_s)
    tally = Tally(transcribed=2)
    now_s = 60.0  # of which models were loaded for most
    progress.done(["0", "1"], tally)
    assert progress.left_s() is None
    now_s = 64.0
    progress.done(["2", "3"], tally)
    assert progress.left_s() == 12.0
    assert progress.line(tally).startswith("paraserve: 2 of 10 recordings, 0 failed, 0.0x real time, 0:00:12 left")


def test_without_ray_the_command_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SystemExit) as ended:
        run_program([str(tmp_path), str(tmp_path / "out")], lambda: app)
    assert ended.value.code == 1
    assert capsys.readouterr().err == "paraserve: the package ray[data] is needed: pip install 'paraserve[ray]'\n"
    assert not (tmp_path / "out").exists()
