"""Troubles of the database: it is away, its disk is full, another process holds it."""

import asyncio
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from paraserve.errors import StorageFullError
from paraserve.job_errors import DatabaseAwayError
from paraserve.runtime.jobs.database import sqlite
from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.job import JobFilter, JobRequest, Progress
from support.databases import new_database, own_postgres
from support.new_jobs import LEASE_S, claimed, submit

SMALL_BYTES = 1024**2


async def test_a_database_that_was_away_is_used_again() -> None:
    """Meanwhile each call says so soon. Nothing that was acknowledged is lost, and readers hear of news again."""
    with own_postgres() as server:
        url = new_database(server.url)
        store, other_store = await JobStore.open(url), await JobStore.open(url)
        job = await claimed(store)
        acknowledged = await submit(store)
        reading = asyncio.create_task(store.wait(job.id, 2, 100))
        assert not await store.wait(job.id, 2, 0.1)
        server.stop("immediate")
        for call in (store.get(job.id, ""), submit(store), store.heartbeat(job.id, job.lease, LEASE_S)):
            with pytest.raises(DatabaseAwayError) as away:
                await asyncio.wait_for(call, 20)
            assert away.value.retry_after_s == 5
        with pytest.raises(DatabaseAwayError):
            await JobStore.open(url)
        server.start()
        assert not await store.heartbeat(job.id, job.lease, LEASE_S)
        assert (await other_store.claim("runner", LEASE_S)).id == acknowledged.id
        assert not reading.done()
        await other_store.finish(job.id, job.lease, b"{}", 1000)
        assert await reading
        assert await store.transcript(job.id, "") == b"{}"
        await store.close()
        await other_store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for a megabyte."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_BYTES}", "tmpfs", str(tmp_path)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system needs the right to mount")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def fill(disk: Path, free_bytes: int) -> Path:
    """Write a file that leaves so much room."""
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(disk).free - free_bytes))
    return ballast


async def test_a_full_disk_is_said_and_got_over(small_disk: Path) -> None:
    """What does not fit leaves no trace, and there is room again once there is room again."""
    store = await JobStore.open(small_disk / "jobs.sqlite3")
    job = await claimed(store)
    ballast = fill(small_disk, free_bytes=200_000)
    large = JobRequest({"hotwords": ["x" * 300_000]})
    with pytest.raises(StorageFullError):
        await submit(store, request=large)
    with pytest.raises(StorageFullError):
        await store.finish(job.id, job.lease, bytes(300_000), 1000)
    assert [one.state for one in (await store.list(JobFilter(None)))[0]] == ["running"]
    ballast.unlink()
    await submit(store, request=large)
    await store.finish(job.id, job.lease, bytes(300_000), 1000)
    assert (await store.counts())["done"] == 1
    await store.close()


async def test_another_process_that_writes_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers do not wait for it; writers do, and give up in the end."""
    monkeypatch.setattr(sqlite, "PRAGMAS", ("PRAGMA busy_timeout = 100", *sqlite.PRAGMAS[1:]))
    store = await JobStore.open(tmp_path / "jobs.sqlite3")
    job = await claimed(store)
    other = sqlite3.connect(tmp_path / "jobs.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert await store.get(job.id, "") == job
    with pytest.raises(DatabaseAwayError):
        await store.heartbeat(job.id, job.lease, LEASE_S, Progress(done_ms=1))
    other.execute("ROLLBACK")
    other.close()
    await store.heartbeat(job.id, job.lease, LEASE_S, Progress(done_ms=1))
    await store.close()
