"""Submission: what comes back, quotas, repeated requests, lists."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from paraserve.errors import ProtocolError
from paraserve.job_errors import IdempotencyError, JobNotFoundError, QuotaError
from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.job import Idempotency, Job, JobError, JobFilter, NewJob, Quotas
from support.new_jobs import REQUEST, claimed, new_job, submit

NO_LIMIT = Quotas()
SHARED = set(NewJob.__slots__) & set(Job.__slots__)


async def test_a_job_comes_back_as_it_was_submitted(store: JobStore, other_store: JobStore) -> None:
    """All fields of a job survive the database, and other processes see the same."""
    new = new_job(
        "a key",
        url="https://example.org/a.wav",
        callback_url="https://example.org/hook?secret=ü",
        priority=3,
        timeout_s=7.5,
        store=False,
        batch="batch-1",
    )
    job = (await store.submit([new], NO_LIMIT))[0]
    assert job == await other_store.get(new.id, "a key")
    assert {name: getattr(job, name) for name in SHARED} == {name: getattr(new, name) for name in SHARED}
    assert (job.state, job.attempts, job.request) == ("queued", 0, REQUEST)


@pytest.mark.parametrize("job_id", ["none", "", "a\0b", "\ud800"])
async def test_an_unknown_job_is_not_found(store: JobStore, job_id: str) -> None:
    """Ids that no database could hold are not found either."""
    with pytest.raises(JobNotFoundError):
        await store.get(job_id, None)


async def test_a_key_does_not_find_the_jobs_of_another(store: JobStore) -> None:
    """They are not found, whatever is done with their id; a client that may see all gets them."""
    job = await submit(store, "one")
    for do in (store.get, store.cancel, store.purge, store.transcript):
        with pytest.raises(JobNotFoundError):
            await do(job.id, "two")
    assert await store.get(job.id, None) == job
    assert (await store.list(JobFilter("two")))[0] == []


async def test_the_jobs_of_a_request_come_all_or_none(store: JobStore) -> None:
    """A batch beyond a quota leaves no job, and no count."""
    batch = [new_job("k", batch="b") for _ in range(3)]
    with pytest.raises(QuotaError):
        await store.submit(batch, Quotas(max_unfinished=2))
    assert (await store.list(JobFilter("k")))[0] == []
    assert [job.id for job in await store.submit(batch, Quotas(max_unfinished=3))] == [job.id for job in batch]


@pytest.mark.parametrize("end", ["finish", "fail", "cancel", "purge"])
async def test_unfinished_jobs_count_until_their_end(store: JobStore, end: str) -> None:
    """However a job ends, its key has room for another one."""
    quotas = Quotas(max_unfinished=1)
    job = (await store.submit([new_job("k")], quotas))[0]
    with pytest.raises(QuotaError, match="1 unfinished"):
        await store.submit([new_job("k")], quotas)
    await store.submit([new_job("another key")], quotas)
    if end in ("cancel", "purge"):
        await getattr(store, end)(job.id, "k")
    else:
        running = await store.claim("r", 10)
        assert running is not None
        assert running.id == job.id
        if end == "finish":
            await store.finish(job.id, running.lease, b"{}", 1000)
        else:
            await store.fail(job.id, running.lease, JobError("x", "y"), retry_in_s=None)
    await store.submit([new_job("k")], quotas)
    with pytest.raises(QuotaError):
        await store.submit([new_job("k")], quotas)


async def test_bytes_count_until_the_recording_goes(store: JobStore) -> None:
    """A finished job's recording takes room until it is deleted, or is not kept at all."""
    quotas = Quotas(max_bytes=250)
    job, _ = await store.submit([new_job("k"), new_job("k")], quotas)
    running = await store.claim("r", 10)
    await store.finish(running.id, running.lease, b"{}", 1000)
    with pytest.raises(QuotaError, match="250 bytes"):
        await store.submit([new_job("k")], quotas)
    await store.purge(job.id, "k")
    await store.submit([replace(new_job("k"), store=False, priority=1)], quotas)
    running = await store.claim("r", 10)
    await store.finish(running.id, running.lease, b"{}", 1000)  # `store` false: its recording is to be deleted
    assert await store.recordings_to_delete(10) == [job.recording, running.recording]
    await store.submit([new_job("k")], quotas)


async def test_audio_of_the_day_counts_once_it_is_recognized(store: JobStore) -> None:
    """The quota of hours refuses jobs after those that used it up."""
    quotas = Quotas(audio_ms_per_day=2000)
    await store.submit([new_job("k") for _ in range(3)], quotas)
    for _ in range(2):
        running = await store.claim("r", 10)
        await store.submit([new_job("k")], quotas)
        await store.finish(running.id, running.lease, b"{}", 1000)
    with pytest.raises(QuotaError, match="hours of audio a day"):
        await store.submit([new_job("k")], quotas)
    await store.submit([new_job("another key")], quotas)


async def test_a_repeated_request_gets_the_jobs_of_the_first(store: JobStore, other_store: JobStore) -> None:
    """Also when both come at once, from two processes; another request with the same key is refused."""
    once = Idempotency("same", b"digest")
    answers = await asyncio.gather(
        *(one.submit([new_job("k"), new_job("k")], NO_LIMIT, once) for one in (store, other_store) for _ in range(4))
    )
    assert len({tuple(job.id for job in answer) for answer in answers}) == 1
    assert len((await store.list(JobFilter("k")))[0]) == 2
    assert await store.submitted_before("k", once) == answers[0]
    assert await store.submitted_before("another key", once) is None
    with pytest.raises(IdempotencyError):
        await store.submitted_before("k", replace(once, digest=b"another"))
    with pytest.raises(IdempotencyError):
        await store.submit([new_job("k")], NO_LIMIT, replace(once, digest=b"another"))
    await store.submit([new_job("another key")], NO_LIMIT, once)


async def test_a_request_whose_jobs_were_deleted_may_be_sent_again(store: JobStore) -> None:
    """Its key then stands for the new jobs; a forgotten key is as good as new."""
    once = Idempotency("same", b"digest")
    first, second = await store.submit([new_job(), new_job()], NO_LIMIT, once)
    await store.purge(first.id, None)
    assert await store.submit([new_job()], NO_LIMIT, once) == [second]
    await store.purge(second.id, None)
    assert await store.submitted_before("", once) is None
    third = await store.submit([new_job()], NO_LIMIT, once)
    assert await store.submitted_before("", once) == third
    await store.forget_requests(0)
    assert await store.submitted_before("", once) is None


async def test_a_refused_request_does_not_use_up_its_key(store: JobStore) -> None:
    """A request beyond a quota may be sent again with the same Idempotency-Key."""
    once = Idempotency("same", b"digest")
    new = new_job()
    with pytest.raises(QuotaError):
        await store.submit([new], Quotas(max_bytes=1), once)
    assert [job.id for job in await store.submit([new], NO_LIMIT, once)] == [new.id]


async def test_pages_follow_each_other_without_gaps(store: JobStore) -> None:
    """Newest first, through all pages, also where a job of the page before is deleted meanwhile."""
    jobs = [await submit(store, "k", priority=n % 2) for n in range(7)]
    await submit(store, "another key")
    running = await store.claim("r", 10)
    seen, after = [], None
    while True:
        page, after = await store.list(JobFilter("k", after=after, limit=3))
        seen += [job.id for job in page]
        if after is None:
            break
        await store.purge(page[-1].id, None)
    assert seen == [job.id for job in reversed(jobs)]
    assert running.id in seen


async def test_lists_are_by_state_and_by_batch(store: JobStore) -> None:
    """Filters combine; a batch shows nothing to another key."""
    one, two = await store.submit([new_job("k", batch="b"), new_job("k", batch="b")], NO_LIMIT)
    other = await submit(store, "k")
    await store.cancel(one.id, "k")

    async def ids(**wanted: object) -> list[str]:
        return [job.id for job in (await store.list(JobFilter(**{"key_name": "k", **wanted})))[0]]

    assert await ids(batch="b") == [two.id, one.id]
    assert await ids(batch="b", states=["queued"]) == [two.id]
    assert await ids(states=["queued", "cancelled"]) == [other.id, two.id, one.id]
    assert await ids(states=["done"]) == []
    assert await ids(key_name=None, states=["cancelled"]) == [one.id]
    assert await ids(key_name="another key", batch="b") == []
    assert await ids(batch="a\0b") == []
    assert await store.counts() == {"queued": 2, "running": 0, "done": 0, "failed": 0, "cancelled": 1}


@pytest.mark.parametrize("after", ["", "x", "-1", "٣", "9" * 30])
async def test_a_wrong_after_is_refused(store: JobStore, after: str) -> None:
    """What no list gave is the client's mistake."""
    with pytest.raises(ProtocolError, match="after"):
        await store.list(JobFilter(None, after=after))


async def test_a_cancelled_submission_leaves_no_job(place: str | Path, store: JobStore) -> None:
    """A client that leaves while its job is being written has not submitted it."""
    for steps in range(8):
        leaving = await JobStore.open(place)
        submitting = asyncio.create_task(leaving.submit([new_job("k")], Quotas()))
        for _ in range(steps):
            await asyncio.sleep(0.0005)
        submitting.cancel()
        await asyncio.wait([submitting])
        await leaving.close()
        left = len((await store.list(JobFilter("k")))[0])
        assert left == (0 if submitting.cancelled() else 1)
        if left:
            await store.purge(submitting.result()[0].id, "k")
    await store.submit([new_job("k")], Quotas(max_unfinished=1))


async def test_the_oldest_waiting_job_tells_how_long(store: JobStore) -> None:
    """A queue without jobs has no oldest one."""
    assert await store.oldest_waiting_s() is None
    await claimed(store)
    assert await store.oldest_waiting_s() is None
    await submit(store)
    assert 0 <= await store.oldest_waiting_s() < 30
