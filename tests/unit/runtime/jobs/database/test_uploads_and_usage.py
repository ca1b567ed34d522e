"""Rows of resumable uploads, recordings fetched from URLs, and usage by day."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from paraserve.job_errors import QuotaError, UploadNotFoundError
from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.job import JobRequest, Quotas, Upload
from support.new_jobs import LEASE_S, claimed, new_job

NO_LIMIT = Quotas()
LONG_AGO, FAR_AWAY = date(1970, 1, 1), date(2999, 12, 31)


def new_upload(length: int | None = 100) -> Upload:
    return Upload(uuid4().hex, "k", length, {"filename": "会议.wav"})


async def test_an_upload_grows_and_becomes_one_job(store: JobStore) -> None:
    """Its row says how far it is; the job takes its place, so that a second one finds nothing."""
    added = await store.uploads.add(new_upload(), NO_LIMIT)
    assert await store.uploads.get(added.id, "k") == added
    assert (added.offset, added.is_complete, added.metadata) == (0, False, {"filename": "会议.wav"})
    grown = await store.uploads.change(added.id, 100, 100, NO_LIMIT)
    assert (grown.offset, grown.is_complete) == (100, True)
    assert grown.updated_s >= added.updated_s
    await store.submit([new_job("k", upload=added.id)], NO_LIMIT)
    with pytest.raises(UploadNotFoundError):
        await store.submit([new_job("k", upload=added.id)], NO_LIMIT)
    assert (await store.counts())["queued"] == 1


async def test_a_key_does_not_find_the_uploads_of_another(store: JobStore) -> None:
    """Nor may it make a job of them."""
    upload = await store.uploads.add(new_upload(), NO_LIMIT)
    for do in (store.uploads.get, store.uploads.delete):
        with pytest.raises(UploadNotFoundError):
            await do(upload.id, "another key")
    with pytest.raises(UploadNotFoundError):
        await store.submit([new_job("another key", upload=upload.id)], NO_LIMIT)
    await store.uploads.delete(upload.id, None)
    with pytest.raises(UploadNotFoundError):
        await store.uploads.get(upload.id, "k")


async def test_uploads_take_room_of_their_key(store: JobStore) -> None:
    """From their announcement on, and no more than once, also when they become a job."""
    quotas = Quotas(max_bytes=150, max_unfinished=2)
    upload = await store.uploads.add(new_upload(), quotas)
    with pytest.raises(QuotaError):
        await store.uploads.add(new_upload(), quotas)
    await store.submit([new_job("k", size_bytes=100, upload=upload.id)], quotas)
    with pytest.raises(QuotaError):
        await store.uploads.add(new_upload(), quotas)
    unknown = await store.uploads.add(new_upload(None), quotas)
    await store.uploads.change(unknown.id, 50, None, quotas)
    with pytest.raises(QuotaError):
        await store.uploads.change(unknown.id, 50, 51, quotas)
    await store.uploads.delete(unknown.id, "k")
    await store.uploads.add(new_upload(50), quotas)


async def test_uploads_without_news_expire(store: JobStore) -> None:
    """The oldest first."""
    first, second = [await store.uploads.add(new_upload(), NO_LIMIT) for _ in range(2)]
    assert await store.uploads.expired(1000, 10) == []
    assert await store.uploads.expired(0, 10) == [first.id, second.id]
    await store.uploads.change(first.id, 1, 100, NO_LIMIT)
    assert await store.uploads.expired(0, 1) == [second.id]


async def test_a_fetched_recording_belongs_to_its_job(store: JobStore) -> None:
    """Its name, size and what its host said of it are kept, and its bytes count for the key."""
    url = "https://example.org/a.wav"
    job = await claimed(store, key_name="k", recording="", size_bytes=0, url=url)
    request = JobRequest({"language": ["zh"]}, "a.wav", "audio/wav")
    await store.fetched(job.id, job.lease, job.id, 1000, request)
    found = await store.get(job.id, "k")
    assert (found.recording, found.size_bytes, found.request, found.url) == (job.id, 1000, request, url)
    with pytest.raises(QuotaError):
        await store.submit([new_job("k")], Quotas(max_bytes=1000))
    await store.fetched(job.id, job.lease, job.id, 10, request)  # again, in a later attempt
    await store.submit([new_job("k")], Quotas(max_bytes=110))
    assert await store.purge(job.id, "k") == [job.id]


async def test_usage_is_by_key_and_day(store: JobStore, other_store: JobStore) -> None:
    """Jobs count with their audio when they are done, and others what they add."""
    for one in (store, other_store):
        await one.add_usage("k", 2, 500)
    job = await claimed(store, key_name="k")
    await store.finish(job.id, job.lease, b"{}", 3000)
    await store.add_usage("", 1, 7)
    rows = await store.usage(LONG_AGO, FAR_AWAY, None)
    assert {(row.key_name, row.requests, row.audio_ms) for row in rows} == {("", 1, 7), ("k", 5, 4000)}
    today = rows[0].day
    assert abs(today - datetime.now(UTC).date()) <= timedelta(days=1)
    assert await store.usage(today, today, "k") == [row for row in rows if row.key_name == "k"]
    assert await store.usage(LONG_AGO, today - timedelta(days=1), None) == []
    assert await store.claim("runner", LEASE_S) is None
