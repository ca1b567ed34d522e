"""Jobs in a PostgreSQL database, which servers on several hosts share."""

import asyncio
import logging
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, bindparam, create_engine, func, make_url, select
from sqlalchemy.exc import ArgumentError

from paraserve.errors import ParaserveError
from paraserve.runtime.jobs.database.backend import LastSeqs
from paraserve.runtime.jobs.database.news import News

THREADS = 4
"""Transactions at once, of those that write and of those that read."""
CHANNEL = "paraserve_jobs"
CONNECT_TIMEOUT_S = 5
ANSWER_TIMEOUT_MS = 30_000
LISTEN_AGAIN_S = 1.0
CONNECTION: Mapping[str, Any] = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "application_name": "paraserve",
    # A host that is gone without a word is noticed within seconds.
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "options": f"-c statement_timeout={ANSWER_TIMEOUT_MS} -c lock_timeout={ANSWER_TIMEOUT_MS}",
}
_TELL = select(func.pg_notify(CHANNEL, bindparam("news")))

log = logging.getLogger(__name__)


class PostgresBackend:
    """Connections to a PostgreSQL database that exists."""

    def __init__(self, url: str) -> None:
        self.writers = ThreadPoolExecutor(THREADS, thread_name_prefix="jobs-write")
        self.readers = ThreadPoolExecutor(THREADS, thread_name_prefix="jobs-read")
        self._url = _checked(url)
        self._writing = create_engine(
            self._url,
            isolation_level="READ COMMITTED",
            pool_size=THREADS,
            pool_pre_ping=True,
            connect_args=dict(CONNECTION),
        )
        self._reading = create_engine(
            self._url,
            isolation_level="REPEATABLE READ",
            pool_size=THREADS,
            pool_pre_ping=True,
            connect_args=dict(CONNECTION),
        )
        self._sender = secrets.token_hex(4)

    @contextmanager
    def write(self, *, is_lasting: bool) -> Iterator[Connection]:  # noqa: ARG002 - all are
        """See `Backend.write`. To say that one need not last would cost more than it saves."""
        with self._writing.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """See `Backend.read`."""
        with self._reading.begin() as connection:
            yield connection

    def tell(self, connection: Connection, news: set[str]) -> None:
        """Notify the processes that listen. The own one knows already, and is named so that it can tell."""
        connection.execute(_TELL, {"news": " ".join((self._sender, *news))})

    def after_deletion(self) -> None:
        """Do nothing: PostgreSQL's vacuum frees the space by itself."""

    async def watch(self, news: News, last_seqs: LastSeqs) -> None:  # noqa: ARG002 - the news say it
        """See `Backend.watch`. While the database is away there are no news, and afterwards all is new."""
        while True:
            try:
                await self._listen(news)
            except psycopg.Error as error:
                log.warning("no news of the database of jobs: %s", error)
            await asyncio.sleep(LISTEN_AGAIN_S)

    def close(self) -> None:
        """Wait for transactions in progress, and close all connections."""
        for threads in (self.writers, self.readers):
            threads.shutdown()
        for engine in (self._writing, self._reading):
            engine.dispose()

    async def _listen(self, news: News) -> None:
        url = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        async with await psycopg.AsyncConnection.connect(url, autocommit=True, **CONNECTION) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            news.tell_all()
            async for notice in connection.notifies():
                sender, *topics = notice.payload.split()
                if sender != self._sender:
                    news.tell(topics)


def _checked(url: str) -> URL:
    """Return the URL for our driver.

    Raises:
        ParaserveError: it is no URL of PostgreSQL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.drivername not in ("postgresql", "postgres"):
        raise ParaserveError("jobs_database is not a URL of PostgreSQL: postgresql://USER:PASSWORD@HOST/NAME")
    return parsed.set(drivername="postgresql+psycopg")
