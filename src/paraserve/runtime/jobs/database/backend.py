"""What differs between the databases that jobs may be in."""

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

from sqlalchemy import Connection

from paraserve.runtime.jobs.database.news import News

LastSeqs: TypeAlias = Callable[[list[str]], Awaitable[dict[str, int]]]
"""Gives the seq of the last event of each of these jobs."""


class Backend(Protocol):
    """Connections to one database. `write` and `read` block, and are called on these threads."""

    @property
    def writers(self) -> ThreadPoolExecutor:
        """Threads of transactions that write."""
        ...

    @property
    def readers(self) -> ThreadPoolExecutor:
        """Threads of transactions that read."""
        ...

    def write(self, *, is_lasting: bool) -> AbstractContextManager[Connection]:
        """Begin a transaction, which is committed at the end of the block, and undone after an exception.

        One that is not `is_lasting` may be lost where the machine, not the process, ends suddenly.
        """
        ...

    def read(self) -> AbstractContextManager[Connection]:
        """Begin a transaction that sees one state of the database from begin to end."""
        ...

    def tell(self, connection: Connection, news: set[str]) -> None:
        """Tell the other processes once the transaction is committed, unless they see for themselves."""
        ...

    def after_deletion(self) -> None:
        """Wipe what was deleted out of the files too, as far as the database allows it."""
        ...

    async def watch(self, news: News, last_seqs: LastSeqs) -> None:
        """Tell of what other processes write, until cancelled."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...
