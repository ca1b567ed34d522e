"""A transaction in progress, which each function of `transactions` is given."""

from dataclasses import dataclass, field

from sqlalchemy import Connection

from paraserve.runtime.jobs.database.texts import Texts

WORK = "work"
"""Topic of news: a job can be claimed."""
DELIVERIES = "deliveries"
"""Topic of news: a message can be delivered. The other topics are ids of jobs, which have new events."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A connection within a transaction. What is added to `news` is told to those who wait, once it is committed."""

    connection: Connection
    texts: Texts
    news: set[str] = field(default_factory=set)
