"""Server processes that hang, stand still or crash: who waits is told, and another process takes over."""

import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time

import psutil
import pytest

from support import fake_workers
from support.audio_files import pcm_wav
from support.certificates import self_signed
from support.commands import PROGRAM, clean_environment, paraserve
from support.live import heard, live, speech
from support.tiers import first_quick

VOICE = pcm_wav(speech(2000))
TIMEOUT_S = 4
"""Of model runs; the process is replaced in a second or two after it."""
SETTLE_S = 60


class Faults:
    """The faults that the workers of a test meet: see `support/fake_worker.py`."""

    def __init__(self, folder):
        self.folder = folder

    def begin(self, name, *pids):
        """Of these processes, or of all that there are and will be."""
        new = self.folder / f".{name}"
        new.write_text(" ".join(map(str, pids)), "utf-8")
        new.rename(self.folder / name)
        for pid in pids if name == "hang" else ():
            until((self.folder / f"{pid} hangs").exists)

    def end(self, name):
        (self.folder / name).unlink()


@pytest.fixture
def faults(tmp_path):
    (tmp_path / "faults").mkdir()
    return Faults(tmp_path / "faults")


@pytest.fixture
def start(process_factory, faults, tmp_path):
    """Starts a supervisor of workers on a fake engine; they end with the test."""
    with contextlib.ExitStack() as stack:

        def start(**settings):
            names = {"drain_timeout_s": 5, "inference_timeout_s": TIMEOUT_S, **settings}
            environment = {f"PARASERVE_{name.upper()}": str(value) for name, value in names.items()}
            environment |= {"FAKE_HEARTBEAT_TIMEOUT_S": "8", "FAKE_FAULTS": str(faults.folder)}
            return stack.enter_context(process_factory(tmp_path, program=fake_workers.main, **environment))

        yield start


def until(is_so):
    deadline = time.monotonic() + SETTLE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_replaced(server, pid):
    return server.worker.pid not in {pid, server.process.pid}


def error_of(client):
    """The code of the next error."""
    while "error" not in (message := client.receive()):
        pass
    return message["error"]["code"]


def assert_serves(server):
    assert server.post_raw("/transcribe", VOICE).json()["text"] == heard(2000)


@pytest.mark.slow
def test_a_model_that_hangs(start, faults, is_error):
    """Uploads and live clients get a typed error, newcomers too; another process takes over, and all is well."""
    server = start()
    pid = server.worker.pid
    with live(server.url) as waiting, live(server.url) as silent:
        faults.begin("hang", pid)
        waiting.send(speech(700))
        waiting.end()
        answer = server.post_raw("/transcribe", VOICE)
        is_error(answer, 503, "engine_stuck")
        assert int(answer.headers["retry-after"]) > 0
        assert error_of(waiting) == "engine_stuck"
        assert waiting.close_code() == (1013, "engine_stuck")
        until(lambda: is_replaced(server, pid))
        assert silent.close_code() == (1012, "shutting_down")
    assert_serves(server)
    assert server.metric("paraserve_worker_failures") == 1
    server.wait_for_log("the engine is stuck")
    server.wait_for_log("worker is stuck")


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["block", pytest.param("stop", marks=pytest.mark.full)])
def test_a_process_that_stands_still(start, faults, fault):
    """A blocked event loop or a stopped process is killed: its connections close, another process takes over."""
    server = start()
    pid = server.worker.pid
    with live(server.url) as client:
        if fault == "stop":
            os.kill(pid, signal.SIGSTOP)
        else:
            faults.begin("block", pid)
        until(lambda: is_replaced(server, pid))
        assert client.close_code()[0] == 1006
    assert_serves(server)
    assert server.metric("paraserve_worker_failures") == 1
    server.wait_for_log("worker hangs")


@pytest.mark.slow
def test_busy_is_not_stuck(start, faults):
    """What is slow, and shorter than the timeout, is waited for: the process stays."""
    server = start(inference_timeout_s=25)
    pid = server.worker.pid
    faults.begin("hang", pid)
    time.sleep(3)
    faults.end("hang")
    assert_serves(server)
    assert server.worker.pid == pid


@pytest.mark.slow
@pytest.mark.parametrize("n_workers", [1, pytest.param(2, marks=pytest.mark.full)])
@pytest.mark.parametrize(
    "fault", ["hang", *(pytest.param(fault, marks=pytest.mark.full) for fault in ("block", "stop"))]
)
def test_stop_while_wedged(start, faults, fault, n_workers):
    """SIGTERM ends everything within the drain time, whatever hangs; an upload that waits for a model is told."""
    server = start(drain_timeout_s=4, inference_timeout_s=100, workers=n_workers)
    workers = [child for child in psutil.Process(server.process.pid).children() if child.is_running()]
    if fault == "stop":
        for worker in workers:
            os.kill(worker.pid, signal.SIGSTOP)
    else:
        faults.begin(fault, *(worker.pid for worker in workers))
    with socket.create_connection(server.address, 30) as upload:
        upload.sendall(
            b"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(VOICE) + VOICE
        )
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        answer = b""
        with contextlib.suppress(ConnectionError):
            while data := upload.recv(65536):
                answer += data
        assert server.wait(20) == 0
    assert time.monotonic() - started < 12
    assert not any(worker.is_running() for worker in workers)
    if fault == "hang":
        assert answer.startswith(b"HTTP/1.1 503")
        assert b'"shutting_down"' in answer


@pytest.mark.slow
def test_crash_loop(start, faults):
    """A process that dies again and again is started at once, then ever later; the log says why, and it heals."""
    server = start()
    faults.begin("crash")
    server.wait_for_log('"failures": 5')
    faults.end("crash")
    assert '"reason": "exit code 7"' in server.log
    assert '"next_start_in_s": 2.0' in server.log
    assert_serves(server)


@pytest.mark.slow
def test_killed_as_for_want_of_memory(start):
    """SIGKILL, as the kernel sends it: another process takes over, and the log says what it may have been."""
    server = start()
    pid = server.worker.pid
    with live(server.url) as client:
        os.kill(pid, signal.SIGKILL)
        assert client.close_code()[0] == 1006
    assert_serves(server)
    assert "memory is short" in server.log
    assert server.metric("paraserve_models_loaded") == server.metric("paraserve_worker_failures") == 1


@pytest.mark.slow
def test_signals_that_do_not_end_it(start):
    """SIGHUP, SIGUSR1 and SIGUSR2, to the supervisor or the server: it goes on, and SIGHUP reads files again."""
    server = start()
    worker = server.worker.pid
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        server.process.send_signal(number)
        os.kill(worker, number)
    server.wait_for_log("files read again")
    assert_serves(server)
    assert (server.worker.pid, server.process.poll()) == (worker, None)


@pytest.mark.slow
def test_service_manager(start, tmp_path, monkeypatch):
    """systemd is told when the server is ready, reloads and stops, and hears from it while it is well."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        name = f"\0paraserve-test-{os.getpid()}"
        manager.bind(name)
        manager.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", name.replace("\0", "@"))
        monkeypatch.setenv("WATCHDOG_USEC", "1000000")
        monkeypatch.setenv("FAKE_START", "exec")
        server = start()
        said = [manager.recv(1000).decode() for _ in range(4)]
        server.process.send_signal(signal.SIGHUP)
        while not said[-1].startswith("RELOADING=1"):
            said.append(manager.recv(1000).decode())
        server.process.send_signal(signal.SIGTERM)
        while not said[-1].startswith("STOPPING=1"):
            said.append(manager.recv(1000).decode())
    assert said[0] == "READY=1\nSTATUS=1 of 1 server processes ready"
    assert said.count("WATCHDOG=1") >= 3
    assert "NOTIFY_SOCKET" not in psutil.Process(server.worker.pid).environ()


@pytest.mark.slow
@pytest.mark.parametrize("supervise", first_quick(["true", "false"]))
def test_address_in_use(start, supervise):
    """One plain line, before any model is loaded."""
    port = start().address[1]
    done = paraserve("serve", "--port", port, "--supervise", supervise)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(
        rf"paraserve: cannot listen on 127\.0\.0\.1:{port}: Address already in use \(process \d+, \w.*\): "
        "stop what listens there, or choose another port with --port\n",
        done.stderr,
    )


@pytest.mark.slow
def test_the_supervisor_is_small(server):
    """It imports neither the server nor the libraries of the models."""
    supervisor = psutil.Process(server.process.pid)
    mapped = "".join(file.path for file in supervisor.memory_maps())
    assert "pydantic_core" in mapped
    assert "onnxruntime" not in mapped
    assert "numpy" not in mapped


@pytest.mark.slow
def test_interrupted_in_the_first_second():
    """Ctrl-C while the program is still being loaded is no traceback, once Python itself has started."""
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-c", "import pathlib, re"], env=clean_environment(), check=True)
    python_s = 3 * (time.monotonic() - began_s)
    for pause_s in (python_s, python_s + 0.2, python_s + 0.5, python_s + 0.9):
        process = subprocess.Popen(
            [PROGRAM, "serve", "--port", "0"],
            env=clean_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(pause_s)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
        assert "Traceback" not in stderr, stderr
        assert process.returncode in {0, 130, -signal.SIGINT}


@pytest.mark.slow
def test_reload_reads_the_certificate_again(start, tmp_path):
    """After SIGHUP new connections get the certificate that is in the file now; a broken one changes nothing."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    first, second = self_signed(tmp_path / "first"), self_signed(tmp_path / "second")
    server = start(certfile=first.certfile, keyfile=first.keyfile)
    address = server.address
    assert ssl.get_server_certificate(address) == first.certfile.read_text()
    for before, after in ((first.certfile, second.certfile), (first.keyfile, second.keyfile)):
        before.write_bytes(after.read_bytes())
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("files read again")
    assert ssl.get_server_certificate(address) == second.certfile.read_text()
    first.certfile.write_text("nothing")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("TLS certificate not read again")
    assert ssl.get_server_certificate(address) == second.certfile.read_text()
