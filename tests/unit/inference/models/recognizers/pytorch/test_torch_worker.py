"""The process of PyTorch and our end of it. A stand-in program makes the faults."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from paraserve.errors import InferenceError, InferenceTimeoutError, ModelLoadError
from paraserve.inference.models.recognizers.pytorch import torch_worker
from paraserve.inference.models.recognizers.pytorch.torch_messages import Request
from paraserve.inference.models.recognizers.pytorch.torch_worker import TorchWorker
from support import fake_torch_process
from support.fake_torch_process import DIES, HANGS, IS_GARBLED, IS_REFUSED, IS_SLOW

TIMEOUT_S = 30.0


def command(folder: Path, name: str = "Conformer") -> list[str]:
    return [sys.executable, fake_torch_process.__file__, str(folder), name]


@pytest.fixture
def open_worker(tmp_path):
    """Make workers with the stand-in; closed at the end."""
    workers = []

    def open_worker(run_timeout_s: float = TIMEOUT_S) -> TorchWorker:
        workers.append(TorchWorker(command(tmp_path), run_timeout_s=run_timeout_s))
        return workers[-1]

    yield open_worker
    for worker in workers:
        worker.close()


@pytest.fixture
def worker(open_worker):
    return open_worker()


def run(worker: TorchWorker, *marks: float, n: int = 400, **arguments: object) -> list[str]:
    """The texts of segments that begin with these samples."""
    segments = [np.full(n + i, mark, np.float32) for i, mark in enumerate(marks or (0.0,))]
    request = Request(arguments, tuple(map(len, segments)))
    return [utterance.text for utterance in worker.run(request, segments)]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def await_end(pid: int) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while is_running(pid):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def n_starts(folder: Path) -> int:
    return len((folder / "starts").read_text().splitlines())


def test_results_come_in_order(worker):
    """One for each segment, with the segments as they were sent."""
    assert worker.model.class_name == "Conformer"
    assert run(worker, 0.0, 0.1, 0.2) == ["n400", "n401", "n402"]


def test_calls_of_several_threads_take_turns(worker):
    """Each gets its own results."""
    texts: dict[int, list[str]] = {}
    threads = [
        threading.Thread(target=lambda n=n: texts.update({n: [run(worker, n=n)[0] for _ in range(10)]}))
        for n in (500, 600, 700, 800)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == {n: [f"n{n}"] * 10 for n in (500, 600, 700, 800)}


def test_a_refused_batch(worker, tmp_path):
    """It is an error with FunASR's words, and the process goes on."""
    with pytest.raises(InferenceError, match="FunASR: RuntimeError: odd shape"):
        run(worker, IS_REFUSED)
    assert run(worker) == ["n400"]
    assert n_starts(tmp_path) == 1


def test_a_crash_costs_its_own_batch_only(worker, tmp_path):
    """The error says how the process ended, and another one answers the next call."""
    with pytest.raises(InferenceError, match="process of PyTorch died: it was ended by SIGSEGV"):
        run(worker, 0.0, DIES)
    assert run(worker) == ["n400"]
    assert n_starts(tmp_path) == 2


def test_a_process_that_died_while_idle(worker, tmp_path):
    """It is replaced without a word."""
    pid = worker.process_id
    os.kill(pid, signal.SIGKILL)
    await_end(pid)
    assert run(worker) == ["n400"]
    assert n_starts(tmp_path) == 2


def test_nonsense_is_no_result(worker):
    """A process that sends it is replaced."""
    with pytest.raises(InferenceError, match="a message of kind b'\\?'"):
        run(worker, IS_GARBLED)
    assert run(worker) == ["n400"]


def test_a_hang_ends_at_the_deadline(open_worker):
    """The process is ended and replaced, and the error is typed."""
    worker = open_worker(run_timeout_s=1.0)
    pid = worker.process_id
    with pytest.raises(InferenceTimeoutError):
        run(worker, HANGS)
    await_end(pid)
    assert worker.process_id != pid


def test_a_call_without_time_left_kills_nobody(open_worker, tmp_path):
    """One that waited for its turn ends alone. Its late result is not taken for the next call's."""
    worker = open_worker(run_timeout_s=2.0)
    first = threading.Thread(target=run, args=(worker, IS_SLOW))
    first.start()
    time.sleep(0.1)
    with pytest.raises(InferenceTimeoutError):
        run(worker, IS_SLOW, n=500)
    first.join()
    assert run(worker, n=600) == ["n600"]
    assert n_starts(tmp_path) == 1


def test_a_model_that_cannot_be_loaded(tmp_path):
    """The error has the process's reason, or how it ended."""
    (tmp_path / "start").write_text("refuse")
    with pytest.raises(ModelLoadError, match="cannot load the model: no such class"):
        TorchWorker(command(tmp_path))
    (tmp_path / "start").write_text("die")
    with pytest.raises(ModelLoadError, match="it ended with exit status 3"):
        TorchWorker(command(tmp_path))
    with pytest.raises(ModelLoadError, match="cannot be started: No such file"):
        TorchWorker([str(tmp_path / "nothing")])


def test_a_process_that_does_not_come_back(worker, tmp_path, monkeypatch):
    """Each call says why. Another start is tried after a rest, not for each call."""
    (tmp_path / "start").write_text("refuse")
    os.kill(worker.process_id, signal.SIGKILL)
    await_end(worker.process_id)
    for _ in range(3):
        with pytest.raises(InferenceError, match="again: no such class"):
            run(worker)
    assert n_starts(tmp_path) == 2
    (tmp_path / "start").write_text("")
    monkeypatch.setattr(torch_worker, "REST_S", 0.0)
    assert run(worker) == ["n400"]


def test_it_ends_with_its_owner(tmp_path):
    """By `close`, and when nobody holds it any more."""
    worker = TorchWorker(command(tmp_path))
    pid = worker.process_id
    worker.close()
    await_end(pid)
    worker = TorchWorker(command(tmp_path))
    pid = worker.process_id
    del worker
    await_end(pid)


def test_it_ends_with_a_server_that_is_killed(tmp_path):
    """No process with a model outlives its server."""
    program = (
        "import sys, time; from paraserve.inference.models.recognizers.pytorch.torch_worker import TorchWorker\n"
        "worker = TorchWorker(sys.argv[1:]); print(worker.process_id, flush=True); time.sleep(600)"
    )
    server = subprocess.Popen([sys.executable, "-c", program, *command(tmp_path)], stdout=subprocess.PIPE, text=True)
    with server:
        pid = int(server.stdout.readline())
        assert is_running(pid)
        server.kill()
    await_end(pid)


@pytest.mark.parametrize(
    ("name", "value"), [("PARASERVE_API_KEY", None), ("HF_HUB_OFFLINE", "1"), ("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")]
)
def test_its_environment(open_worker, monkeypatch, name, value):
    """The server's settings stay out of it, the hubs' clients are off, and weights are numbers alone."""
    monkeypatch.setenv("PARASERVE_API_KEY", "secret")
    assert run(open_worker(), variable=name) == [f'"{value}"' if value else "null"]
