"""`serve --workers`: one port, one sum of metrics, and processes that are replaced without a lost request."""

import contextlib
import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import psutil
import pytest

from support import fake_workers
from support.audio_files import pcm_wav
from support.commands import SUPERVISED, paraserve
from support.live import heard, live, speech

VOICE = pcm_wav(speech(2000))
SETTLE_S = 60
HEARTBEAT_TIMEOUT_S = 10
"""Longer than a healthy worker takes for a heartbeat on a loaded test machine."""


@pytest.fixture
def start(process_factory, tmp_path):
    """Starts workers on `FakeEngine`; they end with the test. `how`: see `fake_workers`."""
    with contextlib.ExitStack() as stack:

        def start(n_workers, how="fork", **settings):
            names = {"workers": n_workers, "drain_timeout_s": 5, **settings}
            environment = {f"PARASERVE_{name.upper()}": str(value) for name, value in names.items()}
            environment |= {"FAKE_HEARTBEAT_TIMEOUT_S": str(HEARTBEAT_TIMEOUT_S), "FAKE_START": how}
            return stack.enter_context(process_factory(tmp_path, program=fake_workers.main, **environment))

        yield start


def workers_of(server):
    """Process ids of the workers; their decode children are not among them."""
    return {child.pid for child in psutil.Process(server.process.pid).children()}


def until(is_so):
    deadline = time.monotonic() + SETTLE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def text_of_upload(server):
    answer = server.post_raw("/transcribe", VOICE)
    assert answer.status_code == 200, answer.text
    return answer.json()["text"]


@pytest.mark.slow
def test_one_port_one_sum(start):
    """All workers serve the one port, and each reports the metrics of all, and takes their client secrets."""
    server = start(2, how="exec")
    assert len(workers_of(server)) == 2
    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(lambda _: text_of_upload(server), range(30))) == {heard(2000)}
    for _ in range(6):
        assert server.metric("paraserve_audio_seconds_total") == 60
        assert server.metric("paraserve_models_loaded") == 2
        assert server.metric("paraserve_uploads_in_progress") == 0
    session = {"type": "transcription", "audio": {"input": {"turn_detection": None}}}
    token = server.get("/v1/realtime/client_secrets", "POST", json={"session": session}).json()["value"]
    for _ in range(6):
        with live(server.url, f"/v1/realtime?token={token}") as client:
            created = json.loads(client.ws.recv(SETTLE_S))
            assert created["session"]["audio"]["input"]["turn_detection"] is None


@pytest.mark.slow
@pytest.mark.full
def test_one_status(start):
    """Whichever worker is asked tells of the sessions and traces of all, and drains all, newcomers included."""
    server = start(2)
    with contextlib.ExitStack() as stack:
        for n in range(8):
            headers = {"x-request-id": f"session-{n}"}
            stack.enter_context(live(server.url, additional_headers=headers)).utterance(speech(300))
        server.post_raw("/transcribe", b"no recording", headers={"x-request-id": "bad"})
        time.sleep(0.6)  # a status is kept for half a second
        for _ in range(6):
            told = server.get("/v1/admin/status").json()
            assert {worker["pid"] for worker in told["workers"]} == workers_of(server)
            assert {one["request_id"] for one in told["sessions"]["data"]} == {f"session-{n}" for n in range(8)}
            assert sum(worker["live_sessions"] for worker in told["workers"]) == 8
            assert "bad" in {error["request_id"] for error in told["errors"]}
            assert told["models"][0]["loaded_in"] == 2
            assert server.get("/v1/admin/sessions/session-5/trace").status_code == 200
        assert server.get("/v1/admin/sessions/none/trace").status_code == 404

        assert server.get("/v1/admin/drain", "POST").json()["live_sessions"] == 8
        assert {server.get("/readyz").status_code for _ in range(6)} == {503}
    before = workers_of(server)
    psutil.Process(min(before)).kill()
    until(lambda: len(workers_of(server) - before) == 1 and min(before) not in workers_of(server))
    until(lambda: states(server) == ["drained"] * 2)
    assert {server.post_raw("/transcribe", VOICE).status_code for _ in range(6)} == {503}
    server.get("/v1/admin/drain", "DELETE")
    assert [text_of_upload(server) for _ in range(6)] == [heard(2000)] * 6


@pytest.mark.slow
@pytest.mark.full
def test_status_with_a_worker_that_hangs(start):
    """It is named, and the others answer all the same."""
    server = start(2)
    hanging = psutil.Process(min(workers_of(server)))
    hanging.suspend()
    until(lambda: hanging.pid in told_by_others(server)["silent_workers"])
    until(lambda: hanging.pid not in workers_of(server))  # the supervisor has noticed, too
    until(lambda: told_by_others(server)["silent_workers"] == [])


def told_by_others(server):
    """The status, by a worker that answers within four seconds."""
    while True:
        with contextlib.suppress(httpx2.TransportError):
            return server.http.get(f"{server.url}/v1/admin/status", timeout=4).json()


def states(server):
    return [worker["state"] for worker in server.get("/v1/admin/status").json()["workers"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "number", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.full)], ids=["killed", "hanging"]
)
def test_lost_worker(start, number):
    """A worker that dies or hangs is replaced; the others go on serving; metrics keep their sums."""
    server = start(2, how="exec")
    before = workers_of(server)
    for _ in range(5):
        text_of_upload(server)
    lost = min(before)
    psutil.Process(lost).send_signal(number)
    until(lambda: len(workers_of(server) - before) == 1 and lost not in workers_of(server))
    until(lambda: server.metric("paraserve_models_loaded") == 2)
    assert server.metric("paraserve_audio_seconds_total") == 10
    assert [text_of_upload(server) for _ in range(5)] == [heard(2000)] * 5


@pytest.mark.slow
@pytest.mark.parametrize(
    "limit", [{"worker_max_age_s": 5}, pytest.param({"worker_max_memory_bytes": 1_000_000}, marks=pytest.mark.full)]
)
def test_recycling(start, limit):
    """Workers that are too old or too large are replaced, while every upload is answered."""
    server = start(2, **limit)
    before, seen = workers_of(server), set()
    while len(seen - before) < 2:
        assert text_of_upload(server) == heard(2000)
        seen |= workers_of(server)
    until(lambda: not before & workers_of(server))
    assert "worker died" not in server.log


@pytest.mark.slow
def test_recycled_under_a_live_session(start):
    """The session gets its last result and close code 1012, upon which clients connect again."""
    server = start(1, worker_max_age_s=2)
    with live(server.url) as client:
        client.send(speech(700))
        assert client.until_final()[-1]["text"] == heard(700)
        assert client.close_code() == (1012, "shutting_down")
    assert text_of_upload(server) == heard(2000)


@pytest.mark.slow
def test_stop(start):
    """On SIGTERM every live session gets its last result, all processes end, nothing is left, the exit code is 0."""
    server = start(2)
    pids = workers_of(server)
    with live(server.url) as client:
        client.send(speech(700))
        server.process.send_signal(signal.SIGTERM)
        assert client.until_final()[-1]["text"] == heard(700)
        assert client.close_code() == (1012, "shutting_down")
    assert server.wait(15) == 0
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert list(server.temp_dir.iterdir()) == []


@pytest.mark.slow
def test_supervisor_that_is_gone(start):
    """Workers end with their supervisor."""
    server = start(2)
    processes = [psutil.Process(pid) for pid in workers_of(server)]
    server.process.kill()
    gone, alive = psutil.wait_procs(processes, timeout=15)
    assert (len(gone), alive) == (2, [])


@pytest.mark.full
def test_models(process_factory, demo_dir, tmp_path, samples):
    """The real command: each worker has models of its own."""
    with process_factory(tmp_path, "--bundle", demo_dir, "--workers", 2, command=SUPERVISED) as server:
        assert len(workers_of(server)) == 2
        text = server.post("/transcribe", samples["zh_phone"].data).json()["text"]
        with live(server.url) as client:
            assert client.utterance(samples["zh_phone"].data[44:])
        assert text
        assert server.metric("paraserve_models_loaded") == 2


@pytest.mark.slow
def test_models_that_do_not_load(demo_dir):
    """One clear line and exit code 1; nothing is announced."""
    done = paraserve("serve", "--workers", 2, "--port", 0, "--bundle", demo_dir, "--device", "cuda:0")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("paraserve: ")]
    assert "cuda:0" in line


@pytest.mark.slow
def test_address_in_use(start):
    """Refused before any model is loaded."""
    server = start(1, worker_max_age_s=3600)
    port = server.address[1]
    done = paraserve("serve", "--workers", 2, "--port", port)
    assert done.returncode == 1
    assert "cannot listen on" in done.stderr
