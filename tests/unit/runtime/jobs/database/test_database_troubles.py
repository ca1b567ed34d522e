"""Troubles of the database: it is away, it is full, another process writes for long."""

import asyncio
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from paraserve.errors import StorageError, StorageFullError
from paraserve.job_errors import DatabaseAwayError
from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.job import JobFilter, Quotas
from support.databases import missing, new_database, own_postgres
from support.new_jobs import LEASE_S, claimed, new_job, submit


async def test_a_database_that_is_away_is_used_again_when_it_is_back() -> None:
    """Meanwhile each call says so at once; nothing that was acknowledged is lost in a crash; waits hear again."""
    with own_postgres() as server:
        store = await JobStore.open(new_database(server.url()))
        job = await claimed(store)
        acknowledged = await submit(store)
        waiting = asyncio.create_task(store.wait(job.id, 2, 60))
        await asyncio.sleep(0.2)
        server.stop("immediate")
        for call in (store.get(job.id, ""), submit(store), store.heartbeat(job.id, job.lease, LEASE_S)):
            with pytest.raises(DatabaseAwayError) as away:
                await asyncio.wait_for(call, 10)
            assert away.value.retry_after_s == 5
        assert await raises_away(waiting) or not waiting.done()
        server.start()
        await store.heartbeat(job.id, job.lease, LEASE_S)
        next_job = await store.claim("runner", LEASE_S)
        assert next_job.id == acknowledged.id
        await store.finish(job.id, job.lease, b"{}", 1000)
        assert await store.transcript(job.id, "") == b"{}"
        seq = (await store.events(job.id, 0))[-1].seq
        assert not await store.wait(job.id, seq, 1.5)  # it listens again
        other = await JobStore.open(store_url(store))
        await other.close()
        await store.close()
