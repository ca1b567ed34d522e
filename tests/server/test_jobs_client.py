"""The client of jobs and the server, over connections that break: nothing is lost, and nothing comes twice."""

import asyncio
import threading
import time
from collections import Counter
from itertools import repeat

import numpy as np
import pytest

from paraserve import job_errors
from paraserve.errors import AccessError, ProtocolError
from paraserve.runtime.jobs.database.store import JobStore
from paraserve.server.access.api_keys import hashed, new_key, write_keys
from paraserve_client import AsyncJobs, Jobs
from paraserve_client.jobs import Retries
from support.audio_files import pcm_wav
from support.breaks import Break, breaking
from support.commands import run_here
from support.fakes import FakeEngine
from support.job_worker import job_worker, transcript_of
from support.tiers import first_quick

FAST = Retries(attempts=30, first_s=0.01, longest_s=0.1)
RATE = 16_000
KINDS = ("reset", "end")


@pytest.fixture(scope="module")
def server(serve_app, tmp_path_factory):
    """A server that works on jobs, and hears how long and how loud they are."""
    folder = tmp_path_factory.mktemp("data")
    with serve_app(FakeEngine(), data_dir=str(folder), jobs_at_once=2, url_file_root=str(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def idle(serve_app, tmp_path_factory):
    """A server that takes jobs, and the worker that works on them."""
    folder = tmp_path_factory.mktemp("data")
    with serve_app(FakeEngine(), data_dir=str(folder), jobs_at_once=0) as running:
        asyncio.run(_made(folder))
        with job_worker(folder / "jobs.sqlite3") as worker:
            yield running, worker


async def _made(folder):
    await (await JobStore.open(folder / "jobs.sqlite3")).close()


def recording(seconds, seed=0):
    """Noise that no other seed gives."""
    noise = np.random.default_rng(seed).integers(-9_000 - seed, 9_000 + seed, round(seconds * RATE))
    return pcm_wav(noise.astype("<i2").tobytes())


def direct(server, data):
    answer = server.post("/transcribe", data, format="text")
    assert answer.status_code == 200
    return answer.text


def breaks(seed, count, most_bytes):
    rng = np.random.default_rng(seed)
    return [Break(str(rng.choice(KINDS)), int(rng.integers(1, most_bytes))) for _ in range(count)]


def lost_answer(data):
    """A break once the server has the whole request: less than a read is missing then."""
    return Break("reset", len(data) + 100)


def http(way):
    return way.replace("ws:", "http:")


async def in_thread(url, do, **options):
    """Call with a client for threads, beside the loop that carries the connections."""

    def call():
        with Jobs(url, retries=FAST, **options) as jobs:
            return do(jobs)

    return await asyncio.to_thread(call)


@pytest.mark.parametrize("seed", first_quick(range(20), 2))
async def test_submissions_over_breaks(server, seed):
    """Each submission is one job, whatever broke, and its text is that of the direct upload."""
    data, done = recording(0.5, seed), Counter()
    planned = [*breaks(seed, 2, len(data)), lost_answer(data), *breaks(seed + 1, 1, len(data)), lost_answer(data)]
    async with breaking(repeat(server.address), planned, done) as way, AsyncJobs(http(way), retries=FAST) as jobs:
        job = await jobs.submit(data, filename=f"async-{seed}.wav")
    async with breaking(repeat(server.address), planned, done) as way:
        other = await in_thread(http(way), lambda jobs: jobs.submit(data, filename=f"sync-{seed}.wav"))
    assert sum(done.values()) == 2 * len(planned)
    async with AsyncJobs(server.url) as jobs:
        assert [(await jobs.wait(one.id)).state for one in (job, other)] == ["done"] * 2
        texts = [await jobs.transcript(one.id) for one in (job, other)]
        names = Counter([one.filename async for one in jobs.list(page_size=3)])
    assert texts == [direct(server, data)] * 2
    assert names[f"async-{seed}.wav"] == names[f"sync-{seed}.wav"] == 1


@pytest.mark.parametrize("seed", first_quick(range(20)))
async def test_a_large_recording_over_breaks(server, seed):
    """It goes up in parts and goes on behind what arrived; the text is that of the direct upload."""
    data = recording(60, seed)
    sent, done = [], Counter()
    async with breaking(repeat(server.address), breaks(seed, 6, len(data) // 3), done) as way:
        job = await in_thread(
            http(way), lambda jobs: jobs.submit(data, on_sent=lambda *n: sent.append(n)), resumable_bytes=1_000_000
        )
        async with AsyncJobs(http(way), retries=FAST, resumable_bytes=1_000_000) as jobs:
            other = await jobs.submit(data)
            assert (await jobs.wait(other.id)).state == "done"
            text = await jobs.transcript(other.id)
    assert sum(done.values()) >= 3
    assert job.size_bytes == other.size_bytes == len(data)
    assert sent[-1] == (len(data), len(data))
    assert sent == sorted(sent)
    with Jobs(server.url) as jobs:
        jobs.wait(job.id)
        assert jobs.transcript(job.id) == text == direct(server, data)


def test_a_finished_upload_twice(server):
    """A submission of an upload whose answer got lost is repeated, and is the same job."""
    data, tus = recording(0.2, 7), {"Tus-Resumable": "1.0.0"}
    made = server.http.post(f"{server.url}/v1/uploads", headers={**tus, "Upload-Length": str(len(data))})
    place = server.url + made.headers["location"]
    body = {**tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert server.http.patch(place, headers=body, content=data).status_code == 204
    asked = {"json": {"upload": place.rsplit("/", 1)[1]}, "headers": {"Idempotency-Key": "upload-once"}}
    jobs = [server.http.post(f"{server.url}/v1/jobs", **asked).json() for _ in range(2)]
    assert jobs[0]["id"] == jobs[1]["id"]


async def test_events_over_breaks(idle):
    """Each sentence comes once and in order, while the connection breaks and the job goes on."""
    running, worker = idle
    texts = [f"sentence {n}." for n in range(40)]
    with Jobs(running.url) as jobs:
        job_id = jobs.submit(recording(0.1)).id
    claimed = worker.claim(job_id)

    def work():
        for n, text in enumerate(texts):
            worker.say(claimed, n, text, duration_ms=40_000)
        worker.finish(claimed, transcript_of(*texts))

    thread = threading.Thread(target=work)
    done = Counter()
    async with breaking(repeat(running.address), breaks(5, 12, 4_000), done) as way:
        thread.start()
        sync = asyncio.ensure_future(in_thread(http(way), lambda jobs: list(jobs.events(job_id))))
        async with AsyncJobs(http(way), retries=FAST) as jobs:
            here = [event async for event in jobs.events(job_id)]
        both = [here, await sync]
    thread.join()
    assert sum(done.values()) > 1  # fewer where the job ends before the connections break
    for events in both:
        assert [event.data["text"] for event in events if event.kind == "sentence"] == texts
        assert events[-1].kind == "end"
        seqs = [event.seq for event in events[:-1]]
        assert seqs == sorted(set(seqs))
        assert max(event.progress.percent for event in events if event.kind == "progress") == 100


def test_refusals(server, serve_app, tmp_path):
    """The server's refusals are errors of their own classes."""
    with Jobs(server.url) as jobs:
        job = jobs.submit(recording(0.1, 77), idempotency_key="once")
        assert jobs.submit(recording(0.1, 77), idempotency_key="once").id == job.id
        refused = [
            (job_errors.IdempotencyError, lambda: jobs.submit(recording(0.2), idempotency_key="once")),
            (job_errors.JobNotFoundError, lambda: jobs.get("nope")),
            (ProtocolError, lambda: jobs.submit(recording(0.1), priority=11)),
            (ProtocolError, lambda: jobs.submit("http://127.0.0.1:1/a.wav")),
        ]
        for kind, call in refused:
            with pytest.raises(kind) as caught:
                call()
            assert caught.value.code != "invalid_request"
        bad = jobs.wait(jobs.submit(b"this is no audio at all").id)
        assert (bad.state, bad.error.code) == ("failed", "unsupported_format")
        with pytest.raises(job_errors.JobStateError) as caught:
            jobs.transcript(bad.id)
        assert caught.value.code == "job_failed"


def test_quota(serve_app, tmp_path):
    """A key that has used up its quota is told so; without a key the server is closed."""
    key, file = new_key(), tmp_path / "keys"
    write_keys(file, [hashed("ann", key)])
    with serve_app(
        FakeEngine(), data_dir=str(tmp_path / "d"), jobs_at_once=0, api_keys_file=str(file), max_jobs_per_key=1
    ) as running:
        with Jobs(running.url, api_key=key, retries=Retries(attempts=1)) as jobs:
            first = jobs.submit(recording(0.1))
            with pytest.raises(job_errors.QuotaError):
                jobs.submit(recording(0.1))
            assert jobs.cancel(first.id).state == "cancelled"
            jobs.delete(first.id)
            assert list(jobs.list()) == []
        with Jobs(running.url) as jobs, pytest.raises(AccessError):
            jobs.submit(recording(0.1))


def test_not_stored(server):
    """With store=False the texts are gone once they were fetched."""
    with Jobs(server.url) as jobs:
        job = jobs.submit(recording(0.3, 5), store=False)
        jobs.wait(job.id)
        assert jobs.transcript(job.id) == direct(server, recording(0.3, 5))
        deadline = time.monotonic() + 20
        while jobs.get(job.id).has_transcript:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with pytest.raises(job_errors.JobStateError) as caught:
            jobs.transcript(job.id)
    assert caught.value.code == "result_deleted"


def test_commands(server, tmp_path, capsys):
    """Submit a folder, watch, list, fetch to files: the texts are those of the direct uploads."""
    for n in range(3):
        (tmp_path / f"r{n}.wav").write_bytes(recording(0.4, 100 + n))
    place = ("--server", server.url)
    done = run_here(capsys, "jobs", "submit", tmp_path, "--recursive", "--watch", *place)
    lines = done.stdout.splitlines()
    ids = lines[:3]
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(line.split()[-1] for line in lines[3:]) == ["r0.wav", "r1.wav", "r2.wav"]
    listed = run_here(capsys, "jobs", "list", "--limit", 3, *place).stdout
    assert all(one in listed for one in ids)
    run_here(capsys, "jobs", "fetch", *ids, "--output", tmp_path / "out", *place)
    for n in range(3):
        assert (tmp_path / "out" / f"r{n}.text").read_text() == direct(server, recording(0.4, 100 + n))
    shown = run_here(capsys, "jobs", "show", ids[0], *place).stdout
    assert "state      done" in shown
