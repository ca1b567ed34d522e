"""Results in a SQLite file, which the processes of one machine share."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from paraserve.runtime.result_cache.result_store import ENTRY_OVERHEAD_BYTES, TURN_S, CacheAwayError

T = TypeVar("T")
BUSY_TIMEOUT_S = 2.0
USE_INTERVAL_S = 60.0
"""A use is noted only if the last one was so long ago: each is a write."""
RETRY_S = 5.0
VERSION = 1
"""Of the tables below."""
SCHEMA = """
    CREATE TABLE results (
        key TEXT PRIMARY KEY, value BLOB NOT NULL, bytes INTEGER NOT NULL, made_s REAL NOT NULL, used_s REAL NOT NULL
    );
    CREATE INDEX results_by_use ON results (used_s);
    CREATE TABLE turns (key TEXT PRIMARY KEY, owner TEXT NOT NULL, until_s REAL NOT NULL);
    CREATE TABLE total (bytes INTEGER NOT NULL);
    INSERT INTO total VALUES (0);
    CREATE TRIGGER added AFTER INSERT ON results BEGIN
        UPDATE total SET bytes = bytes + new.bytes;
    END;
    CREATE TRIGGER removed AFTER DELETE ON results BEGIN
        UPDATE total SET bytes = bytes - old.bytes;
    END;
    PRAGMA user_version = 1;
"""
OLDEST = "DELETE FROM results WHERE key IN (SELECT key FROM results ORDER BY used_s LIMIT 8)"
TAKE_TURN = """
    INSERT INTO turns VALUES (:key, :owner, :until_s)
    ON CONFLICT (key) DO UPDATE SET owner = :owner, until_s = :until_s
    WHERE owner = :owner OR until_s < :now_s
"""


class SqliteStore:
    """Matches `ResultStore`. A file that is no database of this version is replaced by a new one.

    Args:
        path: of the file. Its folder is made where it is missing.
        max_bytes: of all results.
        keep_s: how long a result is kept.
    """

    def __init__(self, path: Path, max_bytes: int, keep_s: float) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._keep_s = keep_s
        self._thread = ThreadPoolExecutor(1, "result cache")
        self._database: sqlite3.Connection | None = None
        self._retry_at_s = 0.0

    async def get(self, key: str) -> bytes | None:
        """See `ResultStore`."""
        return await self._run(lambda database: self._get(database, key))

    async def put(self, key: str, value: bytes) -> None:
        """See `ResultStore`."""
        await self._run(lambda database: self._put(database, key, value))

    async def take_turn(self, key: str, owner: str) -> bool:
        """See `ResultStore`."""
        now_s = time.time()
        values = {"key": key, "owner": owner, "now_s": now_s, "until_s": now_s + TURN_S}
        return await self._run(lambda database: database.execute(TAKE_TURN, values).rowcount > 0)

    async def end_turn(self, key: str, owner: str) -> None:
        """See `ResultStore`."""
        await self._run(
            lambda database: database.execute("DELETE FROM turns WHERE key = ? AND owner = ?", (key, owner))
        )

    async def close(self) -> None:
        """See `ResultStore`."""
        await asyncio.to_thread(self._thread.shutdown)
        if self._database is not None:
            self._database.close()

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, work)

    def _answer(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run one transaction. After a failure nothing is tried for a while."""
        if self._database is None and time.monotonic() < self._retry_at_s:
            raise CacheAwayError("the file of the result cache could not be used a moment ago")
        try:
            if self._database is None:
                self._database = _opened(self._path)
            with self._database:
                return work(self._database)
        except (sqlite3.Error, OSError) as error:
            self._retry_at_s = time.monotonic() + RETRY_S
            if self._database is not None:
                self._database.close()
                self._database = None
            if is_damage(error):
                _remove(self._path)
                self._retry_at_s = 0.0
            raise CacheAwayError(f"{self._path}: {error}") from error

    def _get(self, database: sqlite3.Connection, key: str) -> bytes | None:
        now_s = time.time()
        row = database.execute("SELECT value, made_s, used_s FROM results WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        value, made_s, used_s = row
        if made_s + self._keep_s < now_s:
            return None
        if used_s + USE_INTERVAL_S < now_s:
            database.execute("UPDATE results SET used_s = ? WHERE key = ?", (now_s, key))
        return bytes(value)

    def _put(self, database: sqlite3.Connection, key: str, value: bytes) -> None:
        now_s = time.time()
        database.execute("DELETE FROM results WHERE key = ?", (key,))
        database.execute("DELETE FROM results WHERE used_s < ?", (now_s - self._keep_s,))
        row = (key, value, len(value) + ENTRY_OVERHEAD_BYTES, now_s, now_s)
        database.execute("INSERT INTO results VALUES (?, ?, ?, ?, ?)", row)
        database.execute("DELETE FROM turns WHERE until_s < ?", (now_s,))
        while database.execute("SELECT bytes FROM total").fetchone()[0] > self._max_bytes:
            database.execute(OLDEST)


def is_damage(error: Exception) -> bool:
    """Return whether a file is no database, or a damaged one."""
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for _ in range(2):
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # texts are for nobody else
        database = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
        try:
            if _prepare(database):
                return database
        except BaseException as error:
            database.close()
            if not (isinstance(error, Exception) and is_damage(error)):
                raise
        _remove(path)
    raise sqlite3.OperationalError("the file is no database")


def _prepare(database: sqlite3.Connection) -> bool:
    """Make the tables where they are missing. False: the file is of another version."""
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("BEGIN IMMEDIATE")
    with closing(database.cursor()) as cursor:
        version = cursor.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            for statement in _statements(SCHEMA):
                cursor.execute(statement)
    database.commit()
    return version in {0, VERSION}


def _statements(script: str) -> list[str]:
    statements, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
