"""The client of jobs, in both ways of programming, against a server that breaks off and refuses."""

import contextlib
import io
import os

import numpy as np
import pytest

from paraserve import job_errors
from paraserve.errors import (
    AccessError,
    AudioError,
    OverloadedError,
    ParaserveError,
    ProtocolError,
    RequestTimeoutError,
    StorageFullError,
)
from paraserve_client import AsyncJobs, Jobs
from paraserve_client.jobs import Retries
from support.certificates import self_signed
from support.jobs_stub import CUT, DROP, N_SENTENCES, JobsStub
from support.looped import looped

FAST = Retries(first_s=0.001, longest_s=0.01)
RECORDING = bytes(range(256)) * 40


@pytest.fixture
def stub():
    return JobsStub()


@pytest.fixture
def url(stub):
    with stub.running() as running:
        yield running


@pytest.fixture(params=[Jobs, looped(AsyncJobs)], ids=["sync", "async"])
def jobs(request, url):
    with request.param(url, api_key="ps_1", retries=FAST, resumable_bytes=1_000_000) as client:
        yield client


@contextlib.contextmanager
def piped(data):
    """A pipe with these bytes, of which the kernel holds as many."""
    read_fd, write_fd = os.pipe()
    with os.fdopen(read_fd, "rb") as reader:
        with os.fdopen(write_fd, "wb") as writer:
            writer.write(data)
        yield reader


def test_kinds_of_recordings(jobs, stub, tmp_path):
    """A path, bytes, a file and a pipe arrive whole, with their fields as texts and the API key."""
    path = tmp_path / "a b.wav"
    path.write_bytes(RECORDING)
    texts = {"language": "zh", "itn": "false", "hotwords": '{"魔搭": 40}', "priority": "3"}
    with piped(RECORDING) as pipe:
        for recording in (str(path), path, RECORDING, io.BytesIO(RECORDING), pipe):
            job = jobs.submit(recording, language="zh", itn=False, hotwords={"魔搭": 40}, model=None, priority=3)
            name = "a b.wav" if recording in (str(path), path) else "recording"
            assert (job.state, job.size_bytes, job.filename) == ("done", len(RECORDING), name)
            assert texts.items() <= job.raw["fields"].items()
            assert "model" not in job.raw["fields"]
    assert all(head["authorization"] == "Bearer ps_1" for head in stub.heads)
    assert len(stub.keys) == len(stub.jobs) == 5


def test_url(jobs):
    """An address is told to the server, not opened here."""
    job = jobs.submit("https://example.com/talk.mp3", callback_url="https://example.com/done")
    assert job.url == "https://example.com/talk.mp3"
    assert job.raw["fields"]["callback_url"] == "https://example.com/done"


def test_absent_file(jobs, tmp_path):
    """A file that is not there is the usual error, before anything is sent."""
    with pytest.raises(FileNotFoundError):
        jobs.submit(tmp_path / "absent.wav")


@pytest.mark.parametrize("fault", [CUT, DROP, 429, 502, 503, 504])
def test_submission_again(jobs, stub, fault):
    """A submission that gets no answer, or "later", is sent again whole and makes one job."""
    stub.faults.extend([fault, fault])
    sent = []
    job = jobs.submit(RECORDING, on_sent=lambda done, total: sent.append((done, total)))
    assert (job.size_bytes, len(stub.jobs), len(stub.asked)) == (len(RECORDING), 1, 3)
    assert len({head["idempotency-key"] for head in stub.heads}) == 1
    assert sent[-1] == (len(RECORDING), len(RECORDING))


def test_own_key(jobs, stub):
    """The caller's key makes two submissions one job."""
    ids = {jobs.submit(RECORDING, idempotency_key="mine").id for _ in range(2)}
    assert len(ids) == len(stub.jobs) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, ProtocolError), (401, AccessError), (404, ProtocolError), (422, AudioError), (500, ParaserveError),
     (507, StorageFullError)],
)  # fmt: skip
def test_refusals(jobs, stub, status, kind):
    """A refusal is an error of its class at once, with the server's code, message and field."""
    stub.faults.append(status)
    with pytest.raises(kind) as caught:
        jobs.submit(RECORDING)
    assert (caught.value.code, caught.value.message, caught.value.param) == ("refused_here", "no", "file")
    assert len(stub.asked) == 1


def test_a_long_wait_is_left_to_the_caller(jobs, stub):
    """Where the server wants more than a minute, the error says how much."""
    stub.faults.append(429)
    stub.retry_after = "3600"
    with pytest.raises(OverloadedError) as caught:
        jobs.submit(RECORDING)
    assert (caught.value.retry_after_s, len(stub.asked)) == (3600, 1)


def test_attempts_end(jobs, stub):
    """After all attempts the last failure is raised."""
    stub.faults.extend([503] * 100)
    with pytest.raises(OverloadedError):
        jobs.get("job-1")
    assert len(stub.asked) == FAST.attempts


@pytest.mark.parametrize("kind", [Jobs, looped(AsyncJobs)])
@pytest.mark.parametrize(("url", "code"), [("http://127.0.0.1:1", "no_connection"), ("127.0.0.1", "invalid_url")])
def test_no_server(kind, url, code):
    """Without a server the error names the URL."""
    with pytest.raises(ParaserveError, match=r"127\.0\.0\.1") as caught, kind(url, retries=FAST) as jobs:
        jobs.get("job-1")
    assert caught.value.code == code


@pytest.mark.parametrize("kind", [Jobs, looped(AsyncJobs)])
def test_https(kind, stub, tmp_path):
    """A certificate that nobody vouches for is refused at once, and taken where the caller says so."""
    stub.submit("k", 1)
    with stub.running(certificate=self_signed(tmp_path)) as url:
        assert url.startswith("https:")
        with (
            kind(url, retries=Retries(first_s=100.0)) as jobs,
            pytest.raises(ProtocolError, match="not trusted") as caught,
        ):
            jobs.get("job-1")
        with kind(url, verify=False) as jobs:
            assert jobs.get("job-1").id == "job-1"
    assert caught.value.code == "untrusted_certificate"


def test_resumable_upload(jobs, stub):
    """A large recording goes up in parts, goes on behind what arrived, and is one job at the end."""
    recording = np.random.default_rng(0).bytes(3_000_000)
    stub.faults.extend([None, CUT, None, DROP, None, CUT, None, 503, None, None, DROP])
    sent = []
    job = jobs.submit(io.BytesIO(recording), filename="long.wav", language="zh", on_sent=lambda *n: sent.append(n))
    assert stub.uploads == {"up-1": recording}
    assert (job.size_bytes, len(stub.jobs), job.raw["fields"]["language"]) == (len(recording), 1, "zh")
    assert sent == sorted(sent)
    assert sent[-1] == (len(recording), len(recording))
    assert not stub.faults


def test_an_upload_that_never_goes_on(jobs, stub):
    """Parts that all fail end in the server's error."""
    stub.faults.extend([None, *[503, None] * FAST.attempts])
    with pytest.raises(OverloadedError):
        jobs.submit(bytes(1_000_000))
    assert sum(method == "PATCH" for method, _ in stub.asked) == FAST.attempts


def test_list(jobs, stub):
    """All pages, the newest first."""
    for n in range(5):
        stub.submit(str(n), n)
    assert [job.size_bytes for job in jobs.list(page_size=2)] == [4, 3, 2, 1, 0]
    assert [path for _, path in stub.asked] == [
        "/v1/jobs?limit=2", "/v1/jobs?limit=2&after=job-4", "/v1/jobs?limit=2&after=job-2",
    ]  # fmt: skip
    list(jobs.list(states=["queued", "running"], batch="b-1"))
    assert stub.asked[-1][1] == "/v1/jobs?state=queued%2Crunning&batch=b-1&limit=100"


@pytest.mark.parametrize("fault", [CUT, DROP, 503])
def test_events(jobs, stub, fault):
    """Each event comes once, however often the connection breaks, or the server is away."""
    stub.submit("k", 1)
    stub.faults.extend([fault] * 3)
    events = list(jobs.events("job-1"))
    assert [event.seq for event in events] == [*range(1, N_SENTENCES + 1), None]
    assert [event.data["text"] for event in events[:-1]] == [f"{n}." for n in range(1, N_SENTENCES + 1)]
    assert [event.kind for event in events] == ["sentence"] * N_SENTENCES + ["end"]
    assert [event.seq for event in jobs.events("job-1", after_seq=4)] == [5, None]
    assert list(jobs.events("job-1", after_seq=5)) == []


@pytest.mark.parametrize("call", ["get", "wait", "events", "transcript", "cancel", "delete", "deliveries"])
def test_unknown_job(jobs, call):
    """It has an error of its own, whatever is asked for."""
    with pytest.raises(job_errors.JobNotFoundError, match="no job a/b") as caught:
        list(getattr(jobs, call)("a/b") or ())
    assert caught.value.code == "job_not_found"


def test_wait(jobs, stub):
    """It ends with the job, and tells each state before."""
    stub.submit("k", 1)
    stub.states.extend(["queued"])
    states = []
    assert jobs.wait("job-1", on_progress=lambda job: states.append(job.state)).state == "done"
    assert states == ["queued", "done"]
    assert [path for _, path in stub.asked] == ["/v1/jobs/job-1?wait_s=1"] * 2


def test_wait_for_a_time(jobs, stub):
    """It gives up after the caller's time, and the job goes on."""
    stub.submit("k", 1)
    stub.states.extend(["running"] * 10)
    with pytest.raises(RequestTimeoutError, match="running"):
        jobs.wait("job-1", timeout_s=0.1)


def test_fetch_and_delete(jobs, stub):
    """Transcript, deliveries, cancel; a deletion whose answer got lost is one."""
    stub.submit("k", 77)
    assert jobs.transcript("job-1", "srt", subtitle_lines=1) == "77"
    assert stub.asked[-1][1] == "/v1/jobs/job-1/transcript?subtitle_lines=1&format=srt"
    assert [one.state for one in jobs.deliveries("job-1")] == ["delivered"]
    assert jobs.cancel("job-1").state == "cancelled"
    stub.faults.append(DROP)
    assert jobs.delete("job-1") is None
    assert stub.jobs == {}
