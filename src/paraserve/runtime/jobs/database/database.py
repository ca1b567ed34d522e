"""Transactions on threads: the event loop waits neither for a disk nor for a connection."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Concatenate, ParamSpec, TypeVar

from paraserve.job_errors import DatabaseAwayError
from paraserve.runtime.jobs.database.backend import Backend
from paraserve.runtime.jobs.database.failures import database_errors
from paraserve.runtime.jobs.database.news import News
from paraserve.runtime.jobs.database.texts import Texts
from paraserve.runtime.jobs.database.transaction import Transaction
from paraserve.runtime.jobs.database.transactions.events import last_seqs

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """Runs functions in transactions, and tells what they changed."""

    def __init__(self, backend: Backend, texts: Texts) -> None:
        self.news = News()
        self._backend = backend
        self._texts = texts
        self._watching: asyncio.Task[None] | None = None

    async def read(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in a transaction that only reads.

        Raises:
            DatabaseAwayError, StorageError: the database cannot be used now.
        """

        def run() -> T:
            with database_errors(), self._backend.read() as connection:
                return function(Transaction(connection, self._texts), *args, **kwargs)

        return await _finished(self._backend.readers, run)

    async def write(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in a transaction that is on the disk when this returns.

        Raises:
            DatabaseAwayError, StorageError, StorageFullError: nothing was written, or, where the connection broke in
                the very end, perhaps all.
        """
        return await self._write(lambda transaction: function(transaction, *args, **kwargs), is_lasting=True)

    async def note(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in a transaction that matters to running processes only: it need not be on the disk.

        Raises:
            DatabaseAwayError, StorageError, StorageFullError: as of `write`.
        """
        return await self._write(lambda transaction: function(transaction, *args, **kwargs), is_lasting=False)

    async def wipe(self) -> None:
        """Remove what was deleted from the files too, as far as the database allows it."""

        def run() -> None:
            with database_errors(), suppress(DatabaseAwayError):  # somebody reads: the next time will do
                self._backend.after_deletion()

        await _finished(self._backend.writers, run)

    @contextmanager
    def news_of(self, topic: str) -> Iterator[asyncio.Event]:
        """Give an event that is set when this process or another one changes something of a topic."""
        if self._watching is None:
            watch = self._backend.watch(self.news, lambda ids: self.read(last_seqs, ids))
            self._watching = asyncio.create_task(watch, name="news of the database of jobs")
        with self.news.of(topic) as event:
            yield event

    async def close(self) -> None:
        """Wait for transactions in progress, and close all connections."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        await asyncio.to_thread(self._backend.close)

    async def _write(self, function: Callable[[Transaction], T], *, is_lasting: bool) -> T:
        def run() -> tuple[T, set[str]]:
            with database_errors(), self._backend.write(is_lasting=is_lasting) as connection:
                transaction = Transaction(connection, self._texts)
                result = function(transaction)
                if transaction.news:
                    self._backend.tell(connection, transaction.news)
            return result, transaction.news

        result, _ = await _finished(self._backend.writers, run, self._tell)
        return result

    def _tell(self, ended: asyncio.Future[tuple[T, set[str]]]) -> None:
        if not ended.cancelled() and ended.exception() is None:
            self.news.tell(ended.result()[1])


async def _finished(
    threads: ThreadPoolExecutor, run: Callable[[], T], told: Callable[[asyncio.Future[T]], None] | None = None
) -> T:
    """Run on a thread. It goes on to its end once it has begun, also where its caller is cancelled."""
    begun = threads.submit(run)
    ending = asyncio.wrap_future(begun)
    if told is not None:
        ending.add_done_callback(told)
    try:
        return await asyncio.shield(ending)
    except asyncio.CancelledError:
        begun.cancel()
        raise
