"""Deletion: nothing of a job is left, and no recording is forgotten."""

from pathlib import Path

import pytest

from paraserve.job_errors import JobNotFoundError
from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.job import JobFilter, JobRequest, Progress
from support.new_jobs import LEASE_S, claimed, submit

SECRET = "芝麻开门"


async def finished(store: JobStore, /, **more: object) -> str:
    """The id of a job that is done, with sentences."""
    job = await claimed(store, request=JobRequest({"hotwords": [SECRET]}, f"{SECRET}.wav"), **more)
    await store.add_sentences(job.id, job.lease, 0, [{"text": SECRET}], Progress())
    await store.save_checkpoint(job.id, job.lease, SECRET.encode())
    await store.finish(job.id, job.lease, SECRET.encode(), 1000)
    return job.id


async def test_a_deleted_job_leaves_nothing(store: JobStore) -> None:
    """No list, event, result or message knows it."""
    job_id = await finished(store, callback_url="https://example.org")
    assert await store.purge(job_id, "") == [job_id]
    for ask in (store.get(job_id, None), store.transcript(job_id, None), store.events(job_id, 0)):
        with pytest.raises(JobNotFoundError):
            await ask
    assert await store.deliveries(job_id) == []
    assert await store.webhooks.claim_delivery("sender", LEASE_S) is None
    assert (await store.list(JobFilter(None)))[0] == []


async def test_deleted_texts_are_in_no_file(tmp_path: Path) -> None:
    """SQLite's file and log have zeros where the texts were. (PostgreSQL's vacuum is its own business.)"""
    store = await JobStore.open(tmp_path / "jobs.sqlite3")
    for drop in (store.delivered, lambda job_id: store.purge(job_id, "")):
        job_id = await finished(store, store=False)
        assert SECRET.encode() in whole(tmp_path)
        await drop(job_id)
        assert SECRET.encode() not in whole(tmp_path)
    await store.close()


def whole(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_a_recording_is_to_be_deleted_until_it_is(place: str | Path, store: JobStore) -> None:
    """A process that dies between the row and the recording leaves a note for the next one."""
    first, second = await finished(store), await finished(store)
    await store.purge(first, "")
    await store.purge(second, "")
    reopened = await JobStore.open(place)
    assert await reopened.recordings_to_delete(10) == [first, second]
    assert await reopened.recordings_to_delete(1) == [first]
    await reopened.recording_deleted(first)
    assert await store.recordings_to_delete(10) == [second]
    await reopened.close()


async def test_a_job_that_is_not_to_be_stored_is_dropped_once_delivered(store: JobStore) -> None:
    """Recording and checkpoints go with its end, texts and request with the delivery; the row says what it was."""
    job_id = await finished(store, store=False)
    assert await store.recordings_to_delete(10) == [job_id]
    assert await store.transcript(job_id, "") == SECRET.encode()
    await store.delivered(job_id)
    job = await store.get(job_id, "")
    assert (job.state, job.has_result, job.request, job.recording) == ("done", False, JobRequest(), "")
    assert [event.kind for event in await store.events(job_id, 0)] == ["progress", "state"]


@pytest.mark.parametrize("state", ["queued", "running"])
async def test_an_unfinished_job_may_be_deleted(store: JobStore, state: str) -> None:
    """Nobody gets it any more."""
    job = await submit(store)
    if state == "running":
        await store.claim("runner", 0)
    await store.purge(job.id, "")
    assert await store.claim("runner", LEASE_S) is None


async def test_old_jobs_are_due_for_deletion(store: JobStore) -> None:
    """Those that ended long enough ago, the oldest first, as many as asked for; never unfinished ones."""
    first, second = await finished(store), await finished(store)
    await submit(store)
    assert await store.due_for_deletion(0, 10) == [first, second]
    assert await store.due_for_deletion(0, 1) == [first]
    assert await store.due_for_deletion(1000, 10) == []


async def test_a_job_is_kept_until_it_was_told_about(store: JobStore) -> None:
    """A webhook is not lost to a short retention."""
    job_id = await finished(store, callback_url="https://example.org")
    for _ in range(2):
        assert await store.due_for_deletion(0, 10) == []
        delivery = await store.webhooks.claim_delivery("sender", LEASE_S)
        await store.webhooks.delivery_done(delivery.id, "sender", 200)
    assert await store.due_for_deletion(0, 10) == [job_id]
