"""Resumable uploads between requests, the disk and the database."""

import asyncio
import os
import resource
from collections.abc import AsyncIterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import numpy as np
import pytest

from paraserve.errors import ShuttingDownError, StorageFullError
from paraserve.job_errors import (
    QuotaError,
    StoredDataError,
    UploadBusyError,
    UploadNotFoundError,
    UploadStateError,
)
from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.job import JobRequest, NewJob, Quotas, Upload
from paraserve.runtime.jobs.recordings.cipher import Cipher
from paraserve.runtime.jobs.uploads.resumable_uploads import ResumableUploads

KEY = "one"
DATA = np.random.default_rng(0).bytes(700_000)
NO_QUOTAS = Quotas()


class ConnectionLostError(Exception):
    """What the rest of a request is when its client has gone."""


@pytest.fixture(scope="module")
def cipher() -> Cipher:
    return Cipher(bytes(range(32)))


@pytest.fixture
async def store(tmp_path):
    opened = await JobStore.open(tmp_path / "jobs.sqlite3")
    yield opened
    await opened.close()


@pytest.fixture(params=["plain", "sealed"])
def uploads(request, store, tmp_path, cipher) -> ResumableUploads:
    return ResumableUploads(
        store.uploads, tmp_path / "uploads", cipher if request.param == "sealed" else None, keep_s=60
    )


async def begin(uploads: ResumableUploads, length: int | None = len(DATA), **metadata: str) -> str:
    upload = Upload(os.urandom(16).hex(), KEY, length, metadata)
    return (await uploads.rows.add(upload, NO_QUOTAS)).id


async def chunks(data: bytes, *, breaks: bool = False, size: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]
    if breaks:
        raise ConnectionLostError


async def add(
    uploads: ResumableUploads,
    upload_id: str,
    coming: AsyncIterator[bytes],
    *,
    length: int | None = len(DATA),
    keeps_part: bool = True,
    is_ending=lambda: False,
    quotas: Quotas = NO_QUOTAS,
) -> int:
    async with uploads.writer(upload_id, KEY, quotas) as writer:
        upload = await writer.add(coming, length, keeps_part=keeps_part, is_ending=is_ending)
    return upload.offset


async def offset_of(uploads: ResumableUploads, upload_id: str) -> int:
    return (await uploads.rows.get(upload_id, KEY)).offset


async def read(uploads: ResumableUploads, upload_id: str) -> bytes:
    async with uploads.recording(upload_id, KEY) as (_, file):
        return file.read()


async def test_breaks_anywhere(uploads, full):
    """Requests break at random places, some leave a torn file behind: the bytes are those that were sent."""
    rng = np.random.default_rng(1)
    for _ in range(20 if full else 2):
        upload_id = await begin(uploads)
        offset = 0
        while offset < len(DATA):
            size = int(rng.integers(1, 200_000))
            with suppress(ConnectionLostError):
                await add(uploads, upload_id, chunks(DATA[offset : offset + size], breaks=bool(rng.integers(2))))
            offset = min(offset + size, len(DATA))
            assert await offset_of(uploads, upload_id) == offset
            if rng.integers(2):  # bytes that were written and not counted when the server died
                with next(uploads.folder.glob(f"{upload_id}*")).open("ab") as file:
                    file.write(rng.bytes(100))
        assert await read(uploads, upload_id) == DATA


async def test_nothing_is_told_before_it_is_on_the_disk(uploads):
    """While a request goes on, its bytes are counted after a second at most, also when nothing more comes."""
    upload_id, is_over = await begin(uploads), asyncio.Event()

    async def hanging() -> AsyncIterator[bytes]:
        yield DATA[:1000]
        await is_over.wait()

    adding = asyncio.ensure_future(add(uploads, upload_id, hanging()))
    async with asyncio.timeout(10):
        while await offset_of(uploads, upload_id) < 1000:  # noqa: ASYNC110 - what the database has
            await asyncio.sleep(0.05)
    is_over.set()
    assert await adding == 1000


async def test_a_broken_part_with_a_checksum_is_not_kept(uploads):
    upload_id = await begin(uploads)
    with pytest.raises(ConnectionLostError):
        await add(uploads, upload_id, chunks(DATA[:300_000], breaks=True), keeps_part=False)
    assert await offset_of(uploads, upload_id) == 0
    await add(uploads, upload_id, chunks(DATA), keeps_part=False)
    assert await read(uploads, upload_id) == DATA


async def test_a_cancelled_request_keeps_what_came(uploads):
    """So it is when the server is stopped, and does not wait any longer."""
    upload_id, has_begun = await begin(uploads), asyncio.Event()

    async def hanging() -> AsyncIterator[bytes]:
        yield DATA[:1000]
        has_begun.set()
        await asyncio.Event().wait()

    adding = asyncio.ensure_future(add(uploads, upload_id, hanging()))
    await has_begun.wait()
    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding
    assert await offset_of(uploads, upload_id) == 1000


async def test_a_server_that_stops_ends_the_request(uploads):
    upload_id = await begin(uploads)
    with pytest.raises(ShuttingDownError):
        await add(uploads, upload_id, chunks(DATA, size=1000), is_ending=lambda: True)
    assert await offset_of(uploads, upload_id) == 1000


async def test_one_request_at_a_time(uploads):
    """The second one ends the first. One that comes while a request does not let go is refused."""
    upload_id = await begin(uploads)

    async def hanging() -> AsyncIterator[bytes]:
        yield DATA[:1000]
        await asyncio.Event().wait()

    first = asyncio.ensure_future(add(uploads, upload_id, hanging()))
    await asyncio.sleep(0.1)
    assert await add(uploads, upload_id, chunks(DATA[1000:])) == len(DATA)
    with pytest.raises(UploadBusyError):
        await first
    async with uploads.recording(upload_id, KEY):
        with pytest.raises(UploadBusyError):
            await read(replace(uploads, patience_s=0.2), upload_id)
    assert await read(uploads, upload_id) == DATA


async def test_a_job_uses_the_upload_up(uploads, store):
    upload_id = await begin(uploads)
    with pytest.raises(UploadStateError, match="0 of 700000"):
        await read(uploads, upload_id)
    await add(uploads, upload_id, chunks(DATA))
    async with uploads.recording(upload_id, KEY) as (upload, file):
        assert file.read() == DATA
        job = NewJob(upload.id, KEY, JobRequest(), upload.id, len(DATA), upload=upload.id)
        await store.submit([job], NO_QUOTAS)
    assert list(uploads.folder.iterdir()) == []
    with pytest.raises(UploadNotFoundError):
        await read(uploads, upload_id)
    assert list(uploads.folder.iterdir()) == []


async def test_a_job_that_is_refused_leaves_the_upload(uploads, store):
    upload_id = await begin(uploads)
    await add(uploads, upload_id, chunks(DATA))
    job = NewJob(upload_id, KEY, JobRequest(), upload_id, len(DATA), upload=upload_id)
    async with uploads.recording(upload_id, KEY):
        with pytest.raises(QuotaError):
            await store.submit([job], Quotas(max_bytes=1))
    assert await read(uploads, upload_id) == DATA


async def test_other_keys_see_nothing(uploads):
    upload_id = await begin(uploads)
    for doing in (uploads.writer(upload_id, "two", NO_QUOTAS), uploads.recording(upload_id, "two")):
        with pytest.raises(UploadNotFoundError):
            await doing.__aenter__()
    with pytest.raises(UploadNotFoundError):
        await uploads.delete(upload_id, "two")
    assert not uploads.folder.exists()


async def test_quotas(uploads):
    """The length counts from the beginning; without one, what has come. An upload counts as an unfinished job."""
    with pytest.raises(QuotaError):
        await uploads.rows.add(Upload("0" * 32, KEY, 101), Quotas(max_bytes=100))
    upload_id = await begin(uploads, None)
    with pytest.raises(QuotaError):
        await add(uploads, upload_id, chunks(DATA[:101]), length=None, quotas=Quotas(max_bytes=100))
    with pytest.raises(QuotaError):
        await uploads.rows.add(Upload("1" * 32, KEY, 1), Quotas(max_unfinished=1))
    await uploads.delete(upload_id, KEY)
    await uploads.rows.add(Upload("2" * 32, KEY, 100), Quotas(max_bytes=100, max_unfinished=1))


async def test_sweep(uploads):
    """Expired uploads go, and files of none; complete ones are made jobs; all others stay."""
    made: list[str] = []

    async def make_job(upload: Upload) -> None:
        made.append(upload.id)

    complete, begun = await begin(uploads), await begin(uploads)
    await add(uploads, complete, chunks(DATA))
    await add(uploads, begun, chunks(DATA[:10]))
    (uploads.folder / "unknown.upload").write_bytes(b"0")
    (uploads.folder / "unknown.wanted").write_bytes(b"")
    await uploads.sweep(make_job)
    assert made == [complete]
    assert {path.stem for path in uploads.folder.iterdir()} == {complete, begun}
    async with uploads.recording(complete, KEY):
        await replace(uploads, keep_s=0).sweep(make_job)
        assert {path.stem for path in uploads.folder.iterdir()} == {complete}, "one in use stays"
    await replace(uploads, keep_s=0).sweep(make_job)
    assert list(uploads.folder.iterdir()) == []
    with pytest.raises(UploadNotFoundError):
        await offset_of(uploads, begun)


@contextmanager
def full_disk(size_bytes: int):
    """No file may grow over this size: the error that a full disk gives, without one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk(uploads):
    """What fitted is kept, the rest is refused, and it goes on once there is room."""
    upload_id = await begin(uploads)
    with full_disk(500_000), pytest.raises(StorageFullError):
        await add(uploads, upload_id, chunks(DATA))
    offset = await offset_of(uploads, upload_id)
    assert 300_000 < offset < 500_000
    await add(uploads, upload_id, chunks(DATA[offset:]))
    assert await read(uploads, upload_id) == DATA


async def test_bytes_that_are_not_here(uploads):
    """A file that was lost, or is another host's, is told as an upload that is not there: the client begins again."""
    upload_id = await begin(uploads)
    await add(uploads, upload_id, chunks(DATA[:1000]))
    next(uploads.folder.iterdir()).unlink()
    with pytest.raises(UploadNotFoundError, match="begin again"):
        await add(uploads, upload_id, chunks(DATA[1000:]))


async def test_sealed_bytes(store, tmp_path, cipher):
    """Nothing that was said can be read, and what was changed or moved is noticed."""
    uploads = ResumableUploads(store.uploads, tmp_path / "uploads", cipher, keep_s=60)
    upload_id = await begin(uploads, 8)
    for start in (0, 4):
        await add(uploads, upload_id, chunks(b"good" if start else b"very"), length=8)
    (path,) = uploads.folder.iterdir()
    stored = path.read_bytes()
    assert b"good" not in stored
    half = len(stored) // 2
    for changed in (stored[half:] + stored[:half], stored[:-1] + bytes([stored[-1] ^ 1])):
        path.write_bytes(changed)
        with pytest.raises(StoredDataError):
            await read(uploads, upload_id)
    path.write_bytes(stored)
    assert await read(uploads, upload_id) == b"verygood"
    with pytest.raises(StoredDataError):
        await read(replace(uploads, cipher=Cipher(bytes(32))), upload_id)
