"""How long the store of jobs takes with many jobs in it, on SQLite and on PostgreSQL.

    python scripts/bench/job_store.py [--jobs 100000] [--rounds 200] [--folder DIR] [--postgres URL]

Half of the jobs are done, the others wait; they are of ten keys. PostgreSQL is the server at the URL, where a new
database is made, or one in a temporary folder if it is installed here. Recordings are not stored, so the times are
those of the database alone: of its statements, of its disk, and of the way to a thread and back.
"""

import argparse
import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import psycopg

from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.job import JobFilter, JobRequest, NewJob, Quotas
from recordings import ROOT
from report import add_output_options, percentile, publish, table

sys.path.insert(0, str(ROOT / "tests"))
from support.database_servers import MissingProgramError, PostgresServer
from support.databases import new_database

KEYS = 10
BATCHES = 100
BLOCK = 1000
LEASE_S = 3600.0
TRANSCRIPT = b'{"text":"' + b"x" * 500 + b'"}'
HEADER = ["call", "p50, ms", "p95, ms", "worst, ms"]
T = TypeVar("T")


class Stopwatch:
    """Times of calls by name."""

    def __init__(self) -> None:
        self.times_ms: dict[str, list[float]] = defaultdict(list)

    async def time(self, name: str, call: Awaitable[T]) -> T:
        """Return what the call returns."""
        start = time.perf_counter()
        result = await call
        self.times_ms[name].append((time.perf_counter() - start) * 1000)
        return result


def new_job(number: int) -> NewJob:
    """Return a job with a small recording."""
    request = JobRequest({"language": ["zh"]}, "meeting.wav", "audio/wav")
    job_id, batch = uuid4().hex, f"batch-{number % BATCHES}"
    key_name, priority = f"key-{number % KEYS}", number % 3
    return NewJob(job_id, key_name, request, job_id, 500_000, priority=priority, batch=batch)


async def fill(store: JobStore, place: str | Path, jobs: int) -> None:
    """Submit jobs, half of which are then done."""
    for first in range(0, jobs, BLOCK * KEYS):
        for key in range(KEYS):
            numbers = range(first + key, min(first + BLOCK * KEYS, jobs), KEYS)
            await store.submit([new_job(number) for number in numbers], Quotas())
    done = "UPDATE jobs SET state = 'done', in_queue = false, ended_s = created_s WHERE number % 2 = 0"
    with closing(sqlite3.connect(place) if isinstance(place, Path) else psycopg.connect(place)) as connection:
        connection.execute(done)
        connection.commit()


async def measure(place: str | Path, jobs: int, rounds: int) -> dict[str, list[float]]:
    """Return the times of each call."""
    store = await JobStore.open(place)
    await fill(store, place, jobs)
    watch = Stopwatch()
    for number in range(rounds):
        await one_round(store, watch, number)
    await store.close()
    return watch.times_ms


async def one_round(store: JobStore, watch: Stopwatch, number: int) -> None:
    """Make each call once."""
    key_name = f"key-{number % KEYS}"
    (job,) = await watch.time("submit", store.submit([new_job(number)], Quotas(max_unfinished=10**6)))
    claimed = await watch.time("claim", store.claim("bench", LEASE_S))
    if claimed is None or claimed.lease is None:
        raise SystemExit("no job is left")
    await watch.time("heartbeat", store.heartbeat(claimed.id, claimed.lease, LEASE_S))
    await watch.time("finish", store.finish(claimed.id, claimed.lease, TRANSCRIPT, 10_000))
    await watch.time("get", store.get(job.id, key_name))
    await watch.time("transcript", store.transcript(claimed.id, None))
    await watch.time("events", store.events(claimed.id, 0))
    for name, wanted in (
        ("list, all jobs", JobFilter(None)),
        ("list, a key's", JobFilter(key_name)),
        ("list, a key's that are done", JobFilter(key_name, ["done"])),
        ("list, a key's that failed", JobFilter(key_name, ["failed"])),
        ("list, a batch", JobFilter(key_name, batch=f"batch-{number % BATCHES}")),
    ):
        _, after = await watch.time(name, store.list(wanted))
        if after is not None:
            await watch.time(f"{name}, next page", store.list(JobFilter(key_name, wanted.states, after=after)))
    await watch.time("counts of states", store.counts())
    await watch.time("due for deletion", store.due_for_deletion(3600, 100))


@contextmanager
def postgres(url: str | None) -> Iterator[str | None]:
    """Give the URL of a new database, None without PostgreSQL."""
    if url is not None:
        yield new_database(url)
        return
    server = PostgresServer()
    try:
        server.start()
        yield new_database(server.url())
    except MissingProgramError as error:
        print(error, file=sys.stderr)
        yield None
    finally:
        server.remove()


def rows(times_ms: dict[str, list[float]]) -> list[list[object]]:
    """Return the lines of a table."""
    return [[name, percentile(ms, 50), percentile(ms, 95), percentile(ms, 100)] for name, ms in times_ms.items()]


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="where SQLite's file is made (default: the temporary folder)")
    parser.add_argument("--postgres", metavar="URL", default=os.environ.get("TEST_POSTGRES_URL"))
    add_output_options(parser)
    options = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        found["SQLite"] = asyncio.run(measure(Path(folder) / "jobs.sqlite3", options.jobs, options.rounds))
    with postgres(options.postgres) as url:
        if url is not None:
            found["PostgreSQL"] = asyncio.run(measure(url, options.jobs, options.rounds))
    tables = [f"{name}\n\n{table(HEADER, rows(times_ms))}" for name, times_ms in found.items()]
    publish(f"The store of jobs with {options.jobs} jobs in it", {"ms": found}, tables, options.json)


if __name__ == "__main__":
    main()
