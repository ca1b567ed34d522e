"""Claims: who works on what, in which order, and what becomes of a job whose runner is gone."""

import asyncio
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest

from paraserve.job_errors import LeaseLostError
from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.job import Job, JobError, JobRequest, Progress, Quotas
from support.new_jobs import LEASE_S, claimed, new_job, submit

ENDED_S = 0.0
"""Time of a lease that has ended by the next statement."""
ERROR = JobError("inference_failed", "the model failed")


async def claim(store: JobStore, lease_s: float = LEASE_S) -> Job:
    job = await store.claim("runner", lease_s)
    assert job is not None
    return job


async def test_two_processes_take_each_job_once(store: JobStore, other_store: JobStore, full: bool) -> None:
    """However many ask at once, no job is given to two, and none is left."""
    jobs = await store.submit([new_job() for _ in range(400 if full else 40)], Quotas())

    async def take_all(one: JobStore) -> list[str]:
        taken = []
        while (job := await one.claim("runner", LEASE_S)) is not None:
            taken.append(job.id)
        return taken

    taken = await asyncio.gather(*(take_all(one) for one in (store, other_store) for _ in range(3)))
    assert Counter(chain.from_iterable(taken)) == Counter(job.id for job in jobs)


async def test_a_claimed_job_says_so(store: JobStore) -> None:
    """State, attempt, lease and begin are set."""
    job = await claimed(store)
    assert (job.state, job.attempts, job.is_cancelling) == ("running", 1, False)
    assert job.lease
    assert job.created_s <= job.started_s <= job.created_s + 30
    assert await store.get(job.id, None) == job


async def test_a_job_whose_runner_is_gone_is_taken_over(store: JobStore, other_store: JobStore) -> None:
    """Once its lease ends, before new jobs; and whatever the first runner still writes is refused."""
    zombie = await claim_after_submit(store, ENDED_S)
    new = await submit(store)
    assert await store.next_due_s() <= 0
    heir = await claim(other_store)
    assert (heir.id, heir.attempts) == (zombie.id, 2)
    for write in (
        store.heartbeat(zombie.id, zombie.lease, LEASE_S),
        store.heartbeat(zombie.id, zombie.lease, LEASE_S, Progress()),
        store.fetched(zombie.id, zombie.lease, "name", 1, JobRequest()),
        store.add_sentences(zombie.id, zombie.lease, 0, [{"text": "x"}], Progress()),
        store.save_checkpoint(zombie.id, zombie.lease, b"x"),
        store.finish(zombie.id, zombie.lease, b"zombie", 1),
        store.fail(zombie.id, zombie.lease, ERROR, retry_in_s=1),
        store.fail(zombie.id, zombie.lease, ERROR, retry_in_s=None),
        store.end_cancelled(zombie.id, zombie.lease),
        store.release(zombie.id, zombie.lease),
    ):
        with pytest.raises(LeaseLostError):
            await write
    assert await store.get(heir.id, None) == heir
    assert await store.checkpoints(heir.id) == []
    await other_store.finish(heir.id, heir.lease, b"heir", 1)
    assert await store.transcript(heir.id, None) == b"heir"
    assert (await claim(store)).id == new.id


async def claim_after_submit(store: JobStore, lease_s: float) -> Job:
    await submit(store)
    return await claim(store, lease_s)


async def test_heartbeats_keep_a_job(store: JobStore, other_store: JobStore) -> None:
    """A lease that is prolonged in time does not end."""
    job = await claim_after_submit(store, ENDED_S)
    assert not await store.heartbeat(job.id, job.lease, LEASE_S, Progress(done_ms=5, duration_ms=10, eta_s=1.5))
    assert await other_store.claim("runner", LEASE_S) is None
    assert 0 < await store.next_due_s() <= LEASE_S
    assert (await other_store.get(job.id, None)).progress == Progress(5, 10, 1.5)


async def test_a_runner_that_lost_nothing_may_come_late(store: JobStore) -> None:
    """A lease that has ended is good as long as nobody else has taken the job."""
    job = await claim_after_submit(store, ENDED_S)
    await store.finish(job.id, job.lease, b"late", 1)
    assert await store.claim("runner", LEASE_S) is None


async def test_higher_priorities_come_first(store: JobStore) -> None:
    """Within a priority the order is that of submission."""
    jobs = {priority: [await submit(store, priority=priority) for _ in range(2)] for priority in (0, -5, 10)}
    order = [(await claim(store)).id for _ in range(6)]
    assert order == [job.id for priority in (10, 0, -5) for job in jobs[priority]]


async def test_a_key_with_many_jobs_does_not_starve_others(store: JobStore) -> None:
    """Keys take turns: a job of a new key comes after at most one more of the busy key, also after many claims."""
    await store.submit([new_job("busy") for _ in range(1000)], Quotas())
    late = await submit(store, "quiet")
    assert late.id in [(await claim(store)).id for _ in range(3)]
    for _ in range(20):
        await claim(store)
    for _ in range(3):
        await submit(store, "quiet")
        await submit(store, "another")
    keys = [(await claim(store)).key_name for _ in range(9)]
    assert Counter(keys) == {"busy": 3, "quiet": 3, "another": 3}


async def test_large_recordings_cost_more_turns(store: JobStore) -> None:
    """Shares are by size: four small jobs come for one of four times the size."""
    for key_name, size in (("large", 8), ("small", 2)):
        await store.submit([new_job(key_name, size_bytes=size * 2**20) for _ in range(8)], Quotas())
    keys = Counter([(await claim(store)).key_name for _ in range(10)])
    assert keys == {"large": 2, "small": 8}


async def test_priorities_keep_turns_apart(store: JobStore) -> None:
    """What a key had at a high priority does not put off newcomers at a low one."""
    await store.submit([new_job("busy", priority=5) for _ in range(10)], Quotas())
    await store.submit([new_job("old") for _ in range(5)], Quotas())
    for _ in range(10):
        assert (await claim(store)).key_name == "busy"
    await submit(store, "new")
    assert "new" in [(await claim(store)).key_name for _ in range(2)]


async def test_a_failed_attempt_is_tried_again_when_due(store: JobStore) -> None:
    """Not before, and with the reason of the last failure at hand."""
    job = await claimed(store)
    await store.fail(job.id, job.lease, ERROR, retry_in_s=50)
    waiting = await store.get(job.id, None)
    assert (waiting.state, waiting.error, waiting.attempts, waiting.lease) == ("queued", ERROR, 1, None)
    assert waiting.next_at_s > waiting.started_s
    assert await store.claim("runner", LEASE_S) is None
    assert 0 < await store.next_due_s() <= 50
    other = await claimed(store)
    await store.fail(other.id, other.lease, ERROR, retry_in_s=0)
    again = await claim(store)
    assert (again.id, again.attempts) == (other.id, 2)
    await store.finish(again.id, again.lease, b"{}", 1)
    assert (await store.get(again.id, None)).error is None


async def test_a_job_that_is_given_up_is_a_dead_letter(store: JobStore) -> None:
    """It says why, and is not tried again; one that cannot succeed is failed, and no dead letter."""
    for is_dead in (True, False):
        job = await claimed(store)
        await store.fail(job.id, job.lease, ERROR, retry_in_s=None, is_dead=is_dead)
        failed = await store.get(job.id, None)
        assert (failed.state, failed.error, failed.is_dead, failed.lease) == ("failed", ERROR, is_dead, None)
        assert failed.ended_s >= failed.started_s
    assert await store.claim("runner", LEASE_S) is None


async def test_a_released_job_is_as_if_not_begun(store: JobStore) -> None:
    """Its attempt does not count, and it keeps its place in the queue."""
    first = await claimed(store)
    await submit(store)
    await store.release(first.id, first.lease)
    again = await claim(store)
    assert (again.id, again.attempts) == (first.id, 1)
    assert again.lease != first.lease


async def test_a_queued_job_is_cancelled_at_once(store: JobStore) -> None:
    """Nobody gets it, and cancelling it again changes nothing."""
    job = await store.cancel((await submit(store)).id, "")
    assert (job.state, job.is_finished) == ("cancelled", True)
    assert await store.claim("runner", LEASE_S) is None
    assert await store.cancel(job.id, "") == job


async def test_a_running_job_is_cancelled_by_its_runner(store: JobStore, other_store: JobStore) -> None:
    """The runner learns of it by its heartbeat, and at once where it waits for it."""
    job = await claimed(store)
    assert not await store.wait_for_cancel(job.id, 0.05)
    waiting = asyncio.create_task(store.wait_for_cancel(job.id, 20))
    await asyncio.sleep(0.05)
    asked = await other_store.cancel(job.id, "")
    assert (asked.state, asked.is_cancelling) == ("running", True)
    assert await waiting
    assert await store.heartbeat(job.id, job.lease, LEASE_S)
    await store.end_cancelled(job.id, job.lease)
    assert (await store.get(job.id, None)).state == "cancelled"


@pytest.mark.parametrize("end", ["fail", "release", "lease"])
async def test_a_cancelled_job_is_not_tried_again(store: JobStore, end: str) -> None:
    """However its attempt ends, also where its runner is gone."""
    job = await claim_after_submit(store, ENDED_S)
    await store.cancel(job.id, "")
    if end == "fail":
        await store.fail(job.id, job.lease, ERROR, retry_in_s=0)
    elif end == "release":
        await store.release(job.id, job.lease)
    assert await store.claim("runner", LEASE_S) is None
    assert (await store.get(job.id, None)).state == "cancelled"


async def test_a_cancelled_claim_takes_no_job(place: str | Path, store: JobStore) -> None:
    """A runner that is ended while it claims leaves the job to others, without a lease to wait for."""
    job = await submit(store)
    for steps in range(8):
        leaving = await JobStore.open(place)
        claiming = asyncio.create_task(leaving.claim("gone", LEASE_S))
        for _ in range(steps):
            await asyncio.sleep(0.0005)
        claiming.cancel()
        await asyncio.wait([claiming])
        await leaving.close()
        if not claiming.cancelled():
            await store.release(job.id, claiming.result().lease)
        assert (await store.get(job.id, None)).state == "queued"
    assert (await claim(store)).attempts == 1


async def test_whoever_waits_for_work_hears_of_it(store: JobStore, other_store: JobStore) -> None:
    """From its own process and from others, also of what came between its last look and its wait."""
    loop = asyncio.get_running_loop()
    for source in (store, other_store):
        assert await store.claim("runner", LEASE_S) is None
        began = loop.time()
        waiting = asyncio.create_task(store.wait_for_work(20))
        await asyncio.sleep(0.02)
        await submit(source)
        await waiting
        assert loop.time() - began < 10
        await claim(store)
    assert await store.claim("runner", LEASE_S) is None
    await submit(store)
    await store.wait_for_work(20)
    assert loop.time() - began < 10


async def test_waits_for_work_end_in_time(store: JobStore) -> None:
    """Without news a wait lasts as long as it was asked to."""
    assert await store.claim("runner", LEASE_S) is None
    await store.wait_for_work(0.5)  # to begin to listen may count as news
    assert await store.claim("runner", LEASE_S) is None
    loop = asyncio.get_running_loop()
    began = loop.time()
    await store.wait_for_work(0.3)
    assert 0.25 < loop.time() - began < 10
