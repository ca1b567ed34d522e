"""Stores of recordings, in a folder and in an object store, plain and encrypted, behave alike."""

import asyncio
import io
import os
import resource
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from uuid import uuid4

import pytest

from paraserve.errors import ParaserveError, StorageError, StorageFullError
from paraserve.job_errors import StoredDataError
from paraserve.runtime.jobs.recordings.cipher import Cipher
from paraserve.runtime.jobs.recordings.folder_store import UNFINISHED
from paraserve.runtime.jobs.recordings.recording_store import RecordingStore, open_recordings
from support.object_stores import S3Server, start_s3

CIPHER = Cipher(bytes(range(32)))
SMALL, LARGE = os.urandom(1000), os.urandom(9 << 20)
"""The large one takes several requests to an object store."""
MIB = 1 << 20


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    for server in start_s3():
        server.make_bucket("recordings")
        yield server


@pytest.fixture(params=["folder", "folder, encrypted", "s3", "s3, encrypted"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> RecordingStore:
    url = ""
    if request.param.startswith("s3"):
        request.getfixturevalue("s3")
        url = f"s3://recordings/{uuid4().hex}/inner"
    return open_recordings(tmp_path / "data" / "recordings", url, CIPHER if "encrypted" in request.param else None)


async def content(store: RecordingStore, name: str) -> bytes:
    async with store.open(name) as file:
        return file.read_bytes() if isinstance(file, Path) else file.read()


def files_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow over a MiB: the error that a full disk gives, without one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_recording_comes_back(store: RecordingStore):
    for data in (SMALL, LARGE, b""):
        file = io.BytesIO(data)
        file.seek(5)
        assert await store.put("job-1", file) == len(data)
        assert await content(store, "job-1") == data
    assert await store.names(-3600) == ["job-1"]
    assert await store.names(3600) == []


async def test_a_recording_that_was_received_in_a_spool_comes_back(store: RecordingStore):
    with SpooledTemporaryFile(max_size=MIB) as file:
        file.write(LARGE)
        assert await store.put("job-1", file) == len(LARGE)
    assert await content(store, "job-1") == LARGE


async def test_recordings_do_not_mix(store: RecordingStore):
    names = [f"job-{number}" for number in range(5)]
    await asyncio.gather(*(store.put(name, io.BytesIO(name.encode() * 1000)) for name in names))
    assert [await content(store, name) for name in names] == [name.encode() * 1000 for name in names]
    assert sorted(await store.names(-3600)) == names


async def test_a_deleted_recording_is_gone(store: RecordingStore):
    await store.put("job-1", io.BytesIO(SMALL))
    await store.delete("job-1")
    await store.delete("job-1")
    await store.delete_unfinished(0)
    assert await store.names(-3600) == []
    with pytest.raises(StoredDataError, match="job-1 is not stored any more"):
        await content(store, "job-1")


async def test_an_open_recording_may_be_deleted(store: RecordingStore):
    await store.put("job-1", io.BytesIO(LARGE))
    async with store.open("job-1") as file:
        await store.delete("job-1")
        assert not isinstance(file, Path)
        assert file.read() == LARGE


async def test_a_name_cannot_lead_elsewhere(tmp_path: Path):
    store = open_recordings(tmp_path, "", None)
    for name in ("../a", "a/b", "/etc/passwd", ".hidden", "", "a\0b"):
        with pytest.raises(ValueError, match="no name of a recording"):
            await store.put(name, io.BytesIO(b""))


async def test_nothing_is_readable_where_it_is_stored(tmp_path: Path):
    store = open_recordings(tmp_path, "", CIPHER)
    await store.put("job-1", io.BytesIO(b"words that nobody may read" * 10_000))
    assert b"words" not in (tmp_path / "job-1").read_bytes()


@pytest.mark.parametrize("other", [None, Cipher(bytes(32))])
async def test_another_key_or_none_is_noticed(tmp_path: Path, other: Cipher | None):
    await open_recordings(tmp_path, "", CIPHER).put("job-1", io.BytesIO(LARGE))
    with pytest.raises(StoredDataError, match="key"):
        await content(open_recordings(tmp_path, "", other), "job-1")


async def test_a_damaged_recording_is_noticed(tmp_path: Path):
    store = open_recordings(tmp_path, "", CIPHER)
    await store.put("job-1", io.BytesIO(LARGE))
    os.truncate(tmp_path / "job-1", 5 * MIB)
    with pytest.raises(StoredDataError, match="damaged"):
        await content(store, "job-1")


@pytest.mark.parametrize("cipher", [None, CIPHER])
async def test_a_full_disk_leaves_nothing_and_passes(tmp_path: Path, cipher: Cipher | None):
    store = open_recordings(tmp_path, "", cipher)
    with full_disk(), pytest.raises(StorageFullError):
        await store.put("job-1", io.BytesIO(LARGE))
    assert not files_of(tmp_path)
    await store.put("job-1", io.BytesIO(LARGE))
    if cipher is not None:
        with full_disk(), pytest.raises(StorageFullError):  # it has no room to be decrypted
            await content(store, "job-1")
    assert await content(store, "job-1") == LARGE


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path):
    (tmp_path / "file").touch()
    store = open_recordings(tmp_path / "file", "", None)
    for attempt in (store.put("job-1", io.BytesIO(SMALL)), store.names(0), content(store, "job-1")):
        with pytest.raises(StorageError):
            await attempt


async def test_a_put_reaches_the_disk_before_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The bytes, then the name, then the folder: a power failure at any point leaves a whole recording or none."""
    steps, fsync, replace = [], os.fsync, os.replace

    def noting_fsync(descriptor: int) -> None:
        fsync(descriptor)
        steps.append(("fsync", Path(f"/proc/self/fd/{descriptor}").readlink()))

    def noting_replace(old: Path, new: Path) -> None:
        replace(old, new)
        steps.append(("rename", Path(new)))

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(os, "replace", noting_replace)
    folder = tmp_path / "data" / "recordings"
    await open_recordings(folder, "", None).put("job-1", io.BytesIO(SMALL))
    *made, (synced, unfinished), renamed, listed = steps
    assert made == [("fsync", tmp_path), ("fsync", tmp_path / "data")]
    assert (synced, unfinished.parent, renamed, listed) == (
        "fsync", folder, ("rename", folder / "job-1"), ("fsync", folder)
    )  # fmt: skip


async def test_what_a_crash_left_is_deleted_once_it_is_old(tmp_path: Path):
    store = open_recordings(tmp_path, "", None)
    await store.put("job-1", io.BytesIO(SMALL))
    old, new = tmp_path / f"{UNFINISHED}old", tmp_path / f"{UNFINISHED}new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 100,) * 2)
    assert await store.names(-3600) == ["job-1"]
    await store.delete_unfinished(50)
    assert files_of(tmp_path) == [new.name, "job-1"]


async def test_one_that_is_cancelled_may_close_its_file(tmp_path: Path):
    store = open_recordings(tmp_path, "", None)
    for delay_s in (0.0, 0.001, 0.005):
        with SpooledTemporaryFile(max_size=MIB) as file:
            file.write(LARGE)
            putting = asyncio.create_task(store.put("job-1", file))
            await asyncio.sleep(delay_s)
            putting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await putting
    assert set(files_of(tmp_path)) <= {"job-1"}


async def test_memory_is_bounded(tmp_path: Path):
    recording = tmp_path / "recording"
    with recording.open("wb") as file:
        file.truncate(100 * MIB)
    store = open_recordings(tmp_path / "stored", "", CIPHER)
    tracemalloc.start()
    try:
        with recording.open("rb") as file:
            await store.put("job-1", file)
        async with store.open("job-1") as opened:
            assert not isinstance(opened, Path)
            assert opened.seek(0, io.SEEK_END) == 100 * MIB
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()


async def test_an_object_store_that_is_away_may_come_back(s3: S3Server, monkeypatch: pytest.MonkeyPatch):
    lost = open_recordings(Path(), "s3://no-such-bucket/inner", None)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    away = open_recordings(Path(), "s3://recordings/inner", None)
    for store in (lost, away):
        with pytest.raises(StorageError):
            await store.put("job-1", io.BytesIO(SMALL))
    for attempt in (away.names(0), away.delete("job-1"), content(away, "job-1")):
        with pytest.raises(StorageError):
            await attempt


def test_a_url_of_another_form_is_named():
    for url in ("gs://bucket", "s3://", "https://bucket.example/"):
        with pytest.raises(ParaserveError, match="jobs_recordings"):
            open_recordings(Path(), url, None)
