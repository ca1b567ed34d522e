"""What comes of jobs: events as they come and after breaks, long polls, transcripts, and nothing once that is due."""

import contextlib
import http.client
import json
import socket
import struct
import threading
import time

import pytest

from paraserve.formats import FORMATS
from paraserve.server.protocols.schemas.job_answers import JobProgress, StateEvent
from paraserve.subtitle_options import SubtitleOptions
from paraserve.types import FieldWarning, Notice
from support.audio_files import pcm_wav
from support.fakes import FakeEngine
from support.job_worker import job_worker, transcript_of
from support.live import eventually

RECORDING = pcm_wav(b"\x00\x10" * 1600)
TEXTS = tuple(f"sentence {n}. " for n in range(40))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(serve_app, folder):
    """A server that takes jobs and leaves them alone."""
    with serve_app(FakeEngine(), data_dir=str(folder), jobs_at_once=0) as running:
        yield running


@pytest.fixture(scope="module")
def worker(server, folder):
    """Another process, so to say, which works on them."""
    server.get("/v1/jobs/x", "POST")
    submitted = server.post("/v1/jobs", RECORDING).json()  # makes the database
    with job_worker(folder / "jobs.sqlite3") as worker:
        worker.fail(worker.claim(submitted["id"]))
        yield worker


@pytest.fixture
def submit(server, worker):
    """Submit and claim a job: its path, and the worker's side of it."""

    def submit(**fields):
        job = server.post("/v1/jobs", RECORDING, **fields).json()
        return job["links"]["self"], worker.claim(job["id"])

    return submit


class Reader:
    """A client of the events of a job, over a connection of its own."""

    def __init__(self, server, path, headers=None):
        self.connection = http.client.HTTPConnection(*server.address, timeout=30)
        self.connection.request("GET", f"{path}/events", headers=headers or {})
        self.answer = self.connection.getresponse()
        self.last_id = None

    def event(self):
        """(name, data) of the next event; None at the end. Comments are passed over."""
        fields = {}
        while line := self.answer.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            elif "event" in fields:
                self.last_id = fields.get("id", self.last_id)
                return fields["event"], json.loads(fields["data"])
        return None

    def rest(self):
        events = []
        while (event := self.event()) is not None:
            events.append(event)
        return events

    def until(self, name):
        """Events up to the first of this name."""
        events = [self.event()]
        while events[-1][0] != name:
            events.append(self.event())
        return events

    def close(self):
        self.answer.close()
        self.connection.close()


@pytest.fixture
def follow(server):
    """Begin to read events: `follow(path, last_id)`. The connections end with the test."""
    with contextlib.ExitStack() as stack:

        def follow(path, last_id=None):
            reader = Reader(server, path, {} if last_id is None else {"Last-Event-ID": last_id})
            stack.callback(reader.close)
            return reader

        yield follow


def sentences_of(events):
    return [data["text"] for name, data in events if name == "sentence"]


def test_events_as_they_come(server, worker, submit, follow):
    """States, progress and sentences, each as it is described, and an end."""
    path, job = submit()
    reader = follow(path)
    assert reader.answer.headers["content-type"].startswith("text/event-stream")
    assert reader.until("state")[-1] == ("state", {"state": "running", "attempts": 1, "error": None})
    events = []
    for n in range(3):
        worker.say(job, n, TEXTS[n])
        events += reader.until("sentence")
    worker.finish(job, transcript_of(*TEXTS[:3]))
    events += reader.rest()
    assert sentences_of(events) == list(TEXTS[:3])
    assert events[-2:] == [(name, {"state": "done", "attempts": 1, "error": None}) for name in ("state", "end")]
    for name, data in events:
        if name == "sentence":
            assert set(data) == {"index", "text", "start_ms", "end_ms"}
        else:
            model = JobProgress if name == "progress" else StateEvent
            assert set(data) == set(model.model_fields)
            model.model_validate(data, strict=False)
    progress = [data for name, data in events if name == "progress"]
    assert progress[0]["percent"] == 10.0


def test_a_client_that_returns_gets_each_sentence_once(server, worker, submit, follow):
    """Whichever event was its last, by the header and by the query, while the job runs and after it."""
    path, job = submit()
    heard, last_id = [], "0"
    for n in range(0, 40, 4):
        worker.say(job, n, *TEXTS[n : n + 4])
        reader = follow(path, last_id)
        for _ in range(n % 5 + 1):  # and then the connection breaks
            heard += sentences_of([reader.event()])
            last_id = reader.last_id
        reader.close()
    worker.finish(job, transcript_of(*TEXTS))
    reader = follow(path, last_id)
    heard += sentences_of(reader.rest())
    assert heard == list(TEXTS)
    for after in (reader.last_id, "999999999"):
        assert server.get(f"{path}/events?after={after}").status_code == 204
    assert sentences_of(follow(path).rest()) == list(TEXTS)


def test_places_that_are_no_place(server, submit, is_error):
    """An id that is no number is refused, so that nobody takes the whole for the rest."""
    path, _ = submit()
    is_error(server.get(f"{path}/events?after=x"), 400, "invalid_value", param="after")
    answer = server.get(f"{path}/events", headers={"Last-Event-ID": "-1"})
    is_error(answer, 400, "invalid_value", param="Last-Event-ID")
    assert server.get(f"{path}/events", "HEAD").status_code == 200


def test_many_events(server, worker, submit, follow):
    """More than are read at once."""
    path, job = submit()
    texts = [f"{n}" for n in range(750)]
    worker.say(job, 0, *texts, duration_ms=750_000)
    worker.finish(job, transcript_of(*texts))
    assert sentences_of(follow(path).rest()) == texts


def test_readers_that_vanish_leave_nothing(server, submit, follow):
    """Neither those that close, nor those that reset, nor those that only stop reading and go then."""
    path, _ = submit()
    before = server.n_tasks()
    readers = [follow(path) for _ in range(12)]
    for reader in readers:
        reader.until("state")
    assert server.n_tasks() > before
    for n, reader in enumerate(readers):
        if n % 2:
            linger = struct.pack("ii", 1, 0)
            reader.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        reader.close()
    eventually(lambda: server.n_tasks() <= before)


def test_events_of_a_job_that_is_deleted(server, submit, follow):
    """The events end, since there is nothing more to tell."""
    path, _ = submit()
    reader = follow(path)
    reader.until("state")
    server.get(f"{path}?purge=true", "DELETE")
    assert reader.rest() == []


def test_a_long_poll_ends_with_the_job(server, worker, submit):
    """And not before, unless its time is over; sentences in between do not end it."""
    path, job = submit()
    started = time.monotonic()
    assert server.get(f"{path}?wait_s=0.3").json()["state"] == "running"
    assert 0.25 < time.monotonic() - started < 10
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(server.get(f"{path}?wait_s=60").json()))
    waiting.start()
    worker.say(job, 0, "one")
    time.sleep(0.3)
    assert not answers
    worker.finish(job, transcript_of("one"))
    waiting.join(20)
    assert [answer["state"] for answer in answers] == ["done"]
    assert server.get(f"{path}?wait_s=60").json() == answers[0]
    assert (answers[0]["has_transcript"], answers[0]["progress"]["percent"]) == (True, 100.0)


def test_waits_that_are_refused(server, submit, is_error):
    """Longer ones than the server waits, and what is no time."""
    path, _ = submit()
    for wait in ("301", "-1", "soon", "nan"):
        is_error(server.get(f"{path}?wait_s={wait}"), 400, "invalid_value", param="wait_s")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format(server, worker, submit, name):
    """A transcript is what the writer of its format makes of it, with what there is to warn of."""
    path, job = submit()
    facts = {
        "warnings": (FieldWarning("unknown_field", "x", "no such field"),),
        "notice": Notice("outside_vocabulary", "?"),
    }
    transcript = transcript_of(*TEXTS[:5], **facts)
    worker.finish(job, transcript)
    answer = server.get(f"{path}/transcript?format={name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == FORMATS[name].media_type
    wanted = FORMATS[name].write(transcript, SubtitleOptions())
    if name == "json":
        assert answer.json() == json.loads(wanted)
    else:
        assert answer.text == wanted
        assert answer.headers["x-paraserve-warnings"] == "unknown_field x"
        assert answer.headers["x-paraserve-notice"] == "outside_vocabulary: ?"
    head = server.get(f"{path}/transcript?format={name}", "HEAD")
    assert head.headers["content-length"] == str(len(answer.content))


def test_fields_of_the_output(server, worker, submit, is_error):
    """Those of the job count where the request has none; one that cannot be used is named."""
    path, job = submit(format="srt", subtitle_latin_chars="12")
    transcript = transcript_of("a sentence of some more words", "and another one")
    worker.finish(job, transcript)
    narrow = FORMATS["srt"].write(transcript, SubtitleOptions(latin_chars=12))
    wide = FORMATS["srt"].write(transcript, SubtitleOptions(latin_chars=60))
    assert narrow != wide
    assert server.get(f"{path}/transcript").text == narrow
    assert server.get(f"{path}/transcript?subtitle_latin_chars=60").text == wide
    vtt = FORMATS["vtt"].write(transcript, SubtitleOptions(latin_chars=12))
    assert server.get(f"{path}/transcript?format=vtt").text == vtt
    assert server.get(f"{path}/transcript?response_format=vtt").text == vtt
    is_error(server.get(f"{path}/transcript?format=mp3"), 400, "invalid_format", param="format")
    wrong = server.get(f"{path}/transcript?subtitle_lines=0")
    is_error(wrong, 400, "invalid_value", param="subtitle_lines")


def test_transcripts_that_are_not_there(server, worker, submit, is_error):
    """The code tells whether to wait or not; the message of a failed job says why it failed."""
    path, job = submit()
    is_error(server.get(f"{path}/transcript"), 409, "job_not_done")
    worker.fail(job, "unsupported_format", is_dead=True)
    error = is_error(server.get(f"{path}/transcript"), 409, "job_failed")
    assert "it failed" in error["message"]
    shown = server.get(path).json()
    assert shown["error"] == {"code": "unsupported_format", "message": "it failed", "param": None}
    assert (shown["state"], shown["is_dead_letter"], shown["has_transcript"]) == ("failed", True, False)
    path = server.post("/v1/jobs", RECORDING).json()["links"]["self"]
    is_error(server.get(f"{path}/transcript"), 409, "job_not_done")
    server.get(path, "DELETE")
    is_error(server.get(f"{path}/transcript"), 409, "job_cancelled")


def test_what_is_not_stored_goes_with_its_delivery(server, worker, submit, folder, is_error, follow):
    """With store=false the recording is gone with the end, and the texts once the transcript was sent in whole."""
    path, job = submit(store="false", hotwords="marvellous")
    worker.say(job, 0, "unheard of")
    worker.finish(job, transcript_of("unheard of"))
    assert server.get(f"{path}/transcript", "HEAD").status_code == 200
    assert server.get(f"{path}/transcript?format=text").text == "unheard of\n"
    eventually(lambda: server.get(f"{path}/transcript").status_code == 409)
    is_error(server.get(f"{path}/transcript"), 409, "result_deleted")
    shown = server.get(path).json()
    assert (shown["state"], shown["has_transcript"], shown["store"]) == ("done", False, False)
    assert sentences_of(follow(path).rest()) == []
    eventually(lambda: not (folder / "recordings" / job.id).exists())
    written = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    assert b"unheard of" not in written
    assert b"marvellous" not in written


def test_what_was_not_sent_in_whole_stays(server, worker, submit):
    """A client that leaves in the middle of a long transcript can come again for it."""
    path, job = submit(store="false")
    text = "x" * 1000
    transcript = transcript_of(*[text] * 6_000)
    worker.finish(job, transcript)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(server.address)
        sock.sendall(f"GET {path}/transcript?format=text HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert b" 200 " in sock.recv(100)
    time.sleep(0.5)
    assert server.get(f"{path}/transcript?format=text").text == "".join([text] * 6_000) + "\n"
    eventually(lambda: server.get(f"{path}/transcript", "HEAD").status_code == 409)


def test_deliveries(server, submit, is_error):
    """None for a job without a callback_url."""
    path, _ = submit()
    assert server.get(f"{path}/deliveries").json() == {"object": "list", "data": []}
    is_error(server.get("/v1/jobs/none/deliveries"), 404, "job_not_found")


def test_counts(server, worker):
    """Jobs by their states, and the age of the one that waits for longest."""
    server.post("/v1/jobs", RECORDING)

    def is_counted():
        return (
            server.metric('paraserve_jobs{state="queued"}') >= 1 and server.metric('paraserve_jobs{state="done"}') > 1
        )

    eventually(is_counted, 20)
    assert server.metric("paraserve_jobs_oldest_waiting_seconds") > 0
    assert server.metric("paraserve_jobs_submitted_total") > 1
