"""Jobs in a file: SQLite in WAL mode, with one connection that writes and some that read."""

import asyncio
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from paraserve.runtime.jobs.database.backend import LastSeqs
from paraserve.runtime.jobs.database.news import News
from paraserve.runtime.jobs.database.transaction import DELIVERIES, WORK

READERS = 2
BUSY_TIMEOUT_MS = 30_000
"""Longest wait for another process that writes. A transaction takes milliseconds."""
WIPE_TIMEOUT_MS = 1000
"""Longest wait for readers where the log is to be emptied."""
POLL_S = 0.2
"""Interval between two looks at whether another process has written."""
PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA cache_size = -16000",
)


class SqliteBackend:
    """Connections to a SQLite file, which is made if there is none."""

    def __init__(self, path: Path) -> None:
        self.writers = ThreadPoolExecutor(1, thread_name_prefix="jobs-write")
        self.readers = ThreadPoolExecutor(READERS, thread_name_prefix="jobs-read")
        self._path = path
        self._writing = _engine(path, "BEGIN IMMEDIATE", connections=1)
        self._reading = _engine(path, "BEGIN", connections=READERS)

    @contextmanager
    def write(self, *, is_lasting: bool) -> Iterator[Connection]:
        """See `Backend.write`."""
        with self._writing.connect() as connection:
            _run(connection, f"PRAGMA synchronous = {'FULL' if is_lasting else 'NORMAL'}")
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """See `Backend.read`."""
        with self._reading.begin() as connection:
            yield connection

    def tell(self, connection: Connection, news: set[str]) -> None:
        """Do nothing: other processes see that the file was changed."""

    def after_deletion(self) -> None:
        """Move all changes from the log into the file, where what was deleted is zeros, and empty the log."""
        with self._writing.connect() as connection:
            _run(connection, f"PRAGMA busy_timeout = {WIPE_TIMEOUT_MS}")
            _run(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
            _run(connection, f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")

    async def watch(self, news: News, last_seqs: LastSeqs) -> None:
        """See `Backend.watch`."""
        loop = asyncio.get_running_loop()
        seen: dict[str, int] = {}
        version = 0
        with closing(sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)) as connection:
            while True:
                await asyncio.sleep(POLL_S)
                if not news.topics:
                    continue
                latest = await loop.run_in_executor(self.readers, _data_version, connection)
                if latest != version:
                    version = latest
                    found = await last_seqs([topic for topic in news.topics if topic not in (WORK, DELIVERIES)])
                    news.tell({WORK, DELIVERIES})
                    news.tell(topic for topic, seq in found.items() if seen.get(topic) != seq)
                    seen = found

    def close(self) -> None:
        """Wait for transactions in progress, and close the file."""
        for threads in (self.writers, self.readers):
            threads.shutdown()
        for engine in (self._writing, self._reading):
            engine.dispose()


def _engine(path: Path, begin: str, connections: int) -> Engine:
    """Make connections that begin their transactions with this statement."""
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, pool_size=connections, max_overflow=0)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # sqlite3 begins no transactions by itself
        for pragma in PRAGMAS:
            connection.execute(pragma).close()

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _run(connection: Connection, pragma: str) -> None:
    """Run a pragma outside of transactions, which SQLAlchemy would begin."""
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.execute(pragma).close()


def _data_version(connection: sqlite3.Connection) -> int:
    """Return a number that changes when another connection has changed the file."""
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return int(version)
