"""Events: each sentence once and in order, the latest of the rest, and waits for them."""

import asyncio
import sys
from pathlib import Path

import pytest

from paraserve.job_errors import JobNotFoundError, JobStateError
from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.job import Job, JobError, JobEvent, Progress
from support.new_jobs import LEASE_S, claimed, submit

OTHER_PROCESS = """
import asyncio, pathlib, sys
from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.job import Progress

async def main(url):
    store = await JobStore.open(url if "://" in url else pathlib.Path(url))
    job = await store.claim("other process", 30)
    print("claimed", flush=True)
    for number, line in enumerate(sys.stdin):
        await store.add_sentences(job.id, job.lease, number, [{"text": line.strip()}], Progress(done_ms=number))
    await store.finish(job.id, job.lease, b"{}", 1000)
    await store.close()

asyncio.run(main(sys.argv[1]))
"""


def texts(events: list[JobEvent]) -> list[str]:
    return [event.data["text"] for event in events if event.kind == "sentence"]


async def test_sentences_come_once_and_in_order(store: JobStore) -> None:
    """What a later attempt finds again is not told again, and every event has a higher seq than the one before."""
    first = await claimed(store)
    await store.add_sentences(first.id, first.lease, 0, [{"text": "一"}, {"text": "二"}], Progress(done_ms=2))
    await store.release(first.id, first.lease)
    second = await store.claim("runner", LEASE_S)
    for index, sentence in enumerate(("一", "二", "三")):
        await store.add_sentences(second.id, second.lease, index, [{"text": sentence}], Progress(done_ms=index))
    await store.add_sentences(second.id, second.lease, 1, [{"text": text} for text in ("二", "三", "四")], Progress())
    await store.add_sentences(second.id, second.lease, 4, [], Progress(done_ms=9))
    events = await store.events(first.id, 0)
    assert texts(events) == ["一", "二", "三", "四"]
    assert [event.data["index"] for event in events if event.kind == "sentence"] == [0, 1, 2, 3]
    seqs = [event.seq for event in events]
    assert seqs == sorted(set(seqs))
    assert events[-1].data["done_ms"] == 9


async def test_a_reader_goes_on_where_it_was(store: JobStore) -> None:
    """Page by page, with any size of a page, all sentences come once, and the latest state and progress."""
    job = await claimed(store)
    for number in range(7):
        await store.add_sentences(job.id, job.lease, number, [{"text": str(number)}], Progress(done_ms=number))
    await store.finish(job.id, job.lease, b"{}", 1000)
    whole = await store.events(job.id, 0)
    for size in (1, 2, 3, 100):
        seen: list[JobEvent] = []
        while page := await store.events(job.id, seen[-1].seq if seen else 0, size):
            assert len(page) <= size
            seen += page
        assert seen == whole
    assert texts(whole) == list("0123456")
    assert whole[-1].data == {"state": "done", "attempts": 1, "error": None, "is_cancelling": False}
    assert await store.events(job.id, whole[-1].seq) == []


async def test_a_state_tells_its_error(store: JobStore) -> None:
    """A failed attempt and a failed job say why."""
    job = await claimed(store)
    await store.fail(job.id, job.lease, JobError("invalid_audio", "没有声音", "file"), retry_in_s=None)
    (event,) = await store.events(job.id, 0)
    error = {"code": "invalid_audio", "message": "没有声音", "param": "file"}
    assert event.data == {"state": "failed", "attempts": 1, "error": error, "is_cancelling": False}


async def test_every_change_wakes_a_waiting_reader(store: JobStore, other_store: JobStore) -> None:
    """Of this process and of others; with nothing new a wait ends in time."""
    job = await submit(store)
    seq = (await store.events(job.id, 0))[-1].seq
    assert not await store.wait(job.id, seq, 0.05)
    assert await store.wait(job.id, seq - 1, 20)
    for one in (store, other_store):

        async def next_seq(after: int, one: JobStore = one) -> int:
            assert await one.wait(job.id, after, 20)
            return (await one.events(job.id, after))[-1].seq

        waiting = asyncio.create_task(next_seq(seq))
        await asyncio.sleep(0.02)
        running = await store.claim("runner", LEASE_S)
        seq = await waiting
        waiting = asyncio.create_task(next_seq(seq))
        await asyncio.sleep(0.02)
        await store.heartbeat(running.id, running.lease, LEASE_S, Progress(done_ms=1))
        seq = await waiting
        await store.release(running.id, running.lease)
        seq = await next_seq(seq)


async def test_a_deleted_job_wakes_its_readers(store: JobStore) -> None:
    """A reader learns that there is nothing to wait for."""
    job = await submit(store)
    waiting = asyncio.create_task(store.wait(job.id, 99, 20))
    await asyncio.sleep(0.02)
    await store.purge(job.id, "")
    assert await waiting
    with pytest.raises(JobNotFoundError):
        await store.events(job.id, 0)


async def test_sentences_of_another_process_come_as_they_are_written(place: str | Path, store: JobStore) -> None:
    """A reader that waits gets each sentence before the next one is written."""
    job = await submit(store)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER_PROCESS, str(place), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    await process.stdout.readline()
    seq, seen = 1, []
    for sentence in ("甲", "乙", "丙"):
        process.stdin.write(f"{sentence}\n".encode())
        while sentence not in seen:
            assert await store.wait(job.id, seq, 30)
            new = await store.events(job.id, seq)
            seq, seen = new[-1].seq, seen + texts(new)
    process.stdin.close()
    while (await store.get(job.id, None)).state != "done":
        assert await store.wait(job.id, seq, 30)
        seq = (await store.events(job.id, seq))[-1].seq
    assert seen == ["甲", "乙", "丙"]
    assert await process.wait() == 0


async def test_checkpoints_are_kept_for_the_next_attempt(store: JobStore) -> None:
    """Until the job is done; another job has none of them."""
    job = await claimed(store)
    other = await submit(store)
    for number in range(12):
        await store.save_checkpoint(job.id, job.lease, bytes([number]))
    await store.fail(job.id, job.lease, JobError("x", "y"), retry_in_s=0)
    again = await store.claim("runner", LEASE_S)
    await store.save_checkpoint(again.id, again.lease, b"last")
    assert await store.checkpoints(job.id) == [*(bytes([number]) for number in range(12)), b"last"]
    assert await store.checkpoints(other.id) == []
    await store.finish(again.id, again.lease, b"{}", 1)
    assert await store.checkpoints(job.id) == []


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("none", "job_not_done"),
        ("fail", "job_failed"),
        ("cancel", "job_cancelled"),
        ("delivered", "result_deleted"),
    ],
)
async def test_a_job_without_a_result_says_why(store: JobStore, end: str, code: str) -> None:
    """Each reason has a code of its own."""
    job = await claimed(store)
    await bring_to(end, store, job)
    with pytest.raises(JobStateError) as refused:
        await store.transcript(job.id, "")
    assert refused.value.code == code
    assert not (await store.get(job.id, "")).has_result


async def bring_to(end: str, store: JobStore, job: Job) -> None:
    if end == "fail":
        await store.fail(job.id, job.lease, JobError("x", "y"), retry_in_s=None)
    elif end == "cancel":
        await store.cancel(job.id, "")
        await store.end_cancelled(job.id, job.lease)
    elif end == "delivered":
        await store.finish(job.id, job.lease, b"{}", 1)
        await store.delivered(job.id)


async def test_a_done_job_has_its_result(store: JobStore) -> None:
    """Byte for byte, with the whole audio done."""
    job = await claimed(store)
    await store.finish(job.id, job.lease, "{'文': '本'}".encode(), 61_000)
    done = await store.get(job.id, "")
    assert (done.state, done.has_result, done.progress.done_ms, done.progress.eta_s) == ("done", True, 61_000, 0)
    assert done.created_s <= done.started_s <= done.ended_s
    assert await store.transcript(job.id, "") == "{'文': '本'}".encode()
