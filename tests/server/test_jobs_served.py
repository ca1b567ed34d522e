"""Jobs from the request to the text in one server: its work, its stops and starts, quotas, and stores that fail."""

import contextlib
import http.client
import json
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from paraserve.errors import InferenceError
from paraserve.server.access.api_keys import hashed, new_key, write_keys
from support.audio_files import pcm_wav
from support.fakes import FakeEngine
from support.live import eventually

RECORDING = pcm_wav(b"\x00\x10" * 16_000)
RAW = b"\x00\x10" * 8_000
FIELDS = {"hotwords": "one two", "nonsense": "1", "language": "zh", "audio_quality": "true"}


def ended(server, path):
    """The job, once it has ended."""
    return server.get(f"{path}?wait_s=60").json()


def submitted(server, data=RECORDING, **fields):
    """The path of a new job."""
    answer = server.post("/v1/jobs", data, **fields)
    assert answer.status_code == 202, answer.text
    return answer.headers["location"]


def without_times(transcript):
    return {key: value for key, value in transcript.items() if key != "timing"}


@pytest.fixture(scope="module")
def server(serve_app, tmp_path_factory):
    """A server that works on its jobs."""
    with serve_app(FakeEngine(), data_dir=str(tmp_path_factory.mktemp("data")), jobs_retry_s=0.05) as running:
        yield running


@pytest.mark.parametrize("fields", [{}, FIELDS], ids=["no fields", "fields"])
def test_the_transcript_is_that_of_an_upload(server, fields):
    """In each part, warnings and notices included."""
    direct = server.post("/transcribe", RECORDING, **fields).json()
    path = submitted(server, **fields)
    job = ended(server, path)
    assert (job["state"], job["attempts"], job["progress"]["percent"]) == ("done", 1, 100.0)
    assert without_times(server.get(f"{path}/transcript").json()) == without_times(direct)
    assert ("warnings" in direct) == bool(fields)


def test_raw_audio(server):
    """By its content type and by the field, as uploads take it."""
    typed, named = {"headers": {"content-type": "audio/L16;rate=8000"}}, {"encoding": "linear16", "sample_rate": 8000}
    for options in (typed, named):
        direct = server.post_raw("/transcribe", RAW, **options).json()
        path = server.post_raw("/v1/jobs", RAW, **options).headers["location"]
        assert ended(server, path)["state"] == "done"
        assert server.get(f"{path}/transcript").json()["text"] == direct["text"]


def test_recordings_that_cannot_be_decoded(server, is_error):
    """They fail at once, with the code that an upload gets."""
    direct = server.post("/transcribe", b"no recording at all").json()["error"]
    path = submitted(server, b"no recording at all")
    job = ended(server, path)
    assert (job["state"], job["attempts"], job["is_dead_letter"]) == ("failed", 1, False)
    assert job["error"] == {key: direct[key] for key in ("code", "message", "param")}
    is_error(server.get(f"{path}/transcript"), 409, "job_failed")


def test_what_may_pass_is_tried_again(serve_app, tmp_path):
    """The job waits, says why, and is done once the fault is gone. Without attempts left it is a dead letter."""
    engine = FakeEngine(error=InferenceError("the model failed"))
    with serve_app(engine, data_dir=str(tmp_path), jobs_retry_s=0.5, jobs_max_attempts=2) as server:
        path = submitted(server)
        eventually(lambda: server.get(path).json()["error"] is not None)
        waiting = server.get(path).json()
        assert (waiting["state"], waiting["error"]["code"]) == ("queued", "inference_failed")
        engine.error = None
        assert ended(server, path)["state"] == "done"
        engine.error = InferenceError("the model failed")
        job = ended(server, submitted(server))
        assert (job["state"], job["attempts"], job["is_dead_letter"]) == ("failed", 2, True)
        assert server.metric('paraserve_job_attempts_total{outcome="dead"}') == 1


def test_a_stop_gives_jobs_back(serve_app, tmp_path):
    """Whoever waits is answered at once; the attempt does not count, and the next server does the work."""
    engine, answers = FakeEngine(is_held=True), {}

    def wait(server, name, path):  # by a client of its own, since the server's is closed first
        with contextlib.closing(http.client.HTTPConnection(*server.address, timeout=60)) as connection:
            connection.request("GET", path)
            answers[name] = connection.getresponse().read().decode()

    with serve_app(engine, data_dir=str(tmp_path), inference_timeout_s=0) as server:
        path = submitted(server)
        eventually(lambda: engine.started == 1)
        ways = {"poll": f"{path}?wait_s=60", "events": f"{path}/events"}
        waiting = [threading.Thread(target=wait, args=(server, *way)) for way in ways.items()]
        for thread in waiting:
            thread.start()
        time.sleep(0.3)
        begun_s = time.monotonic()
    took_s = time.monotonic() - begun_s
    for thread in waiting:
        thread.join(10)
    assert took_s < 10
    assert json.loads(answers["poll"])["state"] in {"queued", "running"}
    assert "event: end" not in answers["events"]
    assert engine.cancelled == 1
    with serve_app(FakeEngine(), data_dir=str(tmp_path)) as server:
        job = ended(server, path)
        assert (job["state"], job["attempts"]) == ("done", 1)


def test_requests_at_once_with_one_idempotency_key(server):
    """One job, and each of them is told of it."""
    headers = {"Idempotency-Key": "at once"}

    def send(_):
        return server.get("/v1/jobs", "POST", headers=headers, files={"file": ("a.wav", RECORDING)})

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(send, range(16)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1


def test_a_batch_of_which_some_is_deleted(server):
    """The key still names what is left of it; once nothing is, it makes new jobs."""
    headers, files = {"Idempotency-Key": "a batch"}, [("file", (f"{n}.wav", RECORDING)) for n in range(3)]

    def send():
        return server.get("/v1/jobs", "POST", headers=headers, files=files).json()["data"]

    first = send()
    server.get(first[1]["links"]["self"] + "?purge=true", "DELETE")
    assert [job["id"] for job in send()] == [first[0]["id"], first[2]["id"]]
    for job in (first[0], first[2]):
        server.get(job["links"]["self"] + "?purge=true", "DELETE")
    again = send()
    assert len(again) == 3
    assert not {job["id"] for job in again} & {job["id"] for job in first}


def test_quotas(serve_app, tmp_path, is_error):
    """Unfinished jobs and bytes of one key are bounded, all or none of a batch, and another key has its own."""
    keys = {name: new_key() for name in ("ann", "bob")}
    write_keys(tmp_path / "keys", [hashed(name, key) for name, key in keys.items()])
    settings = {"api_keys_file": str(tmp_path / "keys"), "data_dir": str(tmp_path / "data"), "jobs_at_once": 0}
    limits = {"max_jobs_per_key": 3, "max_job_bytes_per_key": 2 * len(RECORDING) + 100}
    with serve_app(FakeEngine(), **settings, **limits) as server:

        def send(name, n=1, data=RECORDING):
            files = [("file", ("a.wav", data))] * n
            return server.get("/v1/jobs", "POST", headers={"Authorization": f"Bearer {keys[name]}"}, files=files)

        assert send("ann", 2).status_code == 202
        refused = send("ann")
        is_error(refused, 429, "quota_exceeded")
        assert int(refused.headers["retry-after"]) > 0
        assert send("ann", 1, b"small").status_code == 202
        is_error(send("ann", 1, b"small"), 429, "quota_exceeded")
        is_error(send("bob", 3), 429, "quota_exceeded")
        assert send("bob", 2).status_code == 202
        assert len(list((tmp_path / "data" / "recordings").iterdir())) == 5


def test_a_folder_that_cannot_be_written(serve_app, is_error):
    """Jobs are refused for now, uploads go on."""
    with serve_app(FakeEngine(), data_dir="/proc/paraserve") as server:
        is_error(server.post("/v1/jobs", RECORDING), 503, "storage_unavailable")
        assert server.post("/transcribe", RECORDING).status_code == 200


def test_a_database_that_is_away(serve_app, tmp_path, is_error):
    """Submissions are refused for now, uploads go on, and nothing of the refused ones is kept."""
    away = "postgresql://nobody@127.0.0.1:9/none?connect_timeout=1"
    with serve_app(FakeEngine(), data_dir=str(tmp_path), jobs_database=away) as server:
        answer = server.post("/v1/jobs", RECORDING)
        is_error(answer, 503, "database_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        is_error(server.get("/v1/jobs"), 503, "database_unavailable")
        assert server.post("/transcribe", RECORDING).status_code == 200
        assert not (tmp_path / "recordings").exists()


@contextlib.contextmanager
def small_disk(folder):
    """A file system of 8 MiB."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system needs the right to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_full(serve_app, tmp_path, is_error):
    """A recording without room is refused, nothing of it stays, and smaller ones, and later ones, are taken."""
    folder, large = tmp_path / "data", pcm_wav(bytes(9 * 1024**2))
    with small_disk(folder), serve_app(FakeEngine(), data_dir=str(folder), jobs_at_once=0) as server:
        first = submitted(server, pcm_wav(bytes(4 * 1024**2)))
        for _ in range(3):
            is_error(server.post("/v1/jobs", large), 507, "disk_full")
        assert [path.name for path in (folder / "recordings").iterdir()] == [first.rpartition("/")[2]]
        submitted(server)
        is_error(server.post("/v1/jobs", pcm_wav(bytes(4 * 1024**2))), 507, "disk_full")
        server.get(f"{first}?purge=true", "DELETE")
        submitted(server, pcm_wav(bytes(4 * 1024**2)))
        assert len(server.get("/v1/jobs").json()["data"]) == 2
