"""What each API key has used, by day."""

from datetime import date, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert  # its ON CONFLICT is SQLite's too

from paraserve.runtime.jobs.database.clock import Today
from paraserve.runtime.jobs.database.tables import usage
from paraserve.runtime.jobs.database.transaction import Transaction
from paraserve.runtime.jobs.job import UsageRow

FIRST_DAY = date(1970, 1, 1)

_NEW = insert(usage).values(
    day=Today(), key_name=bindparam("key_name"), requests=bindparam("requests"), audio_ms=bindparam("audio_ms")
)
_COUNT = _NEW.on_conflict_do_update(
    index_elements=[usage.c.day, usage.c.key_name],
    set_={
        "requests": usage.c.requests + _NEW.excluded.requests,
        "audio_ms": usage.c.audio_ms + _NEW.excluded.audio_ms,
    },
)
_USAGE = (
    select(usage)
    .where(usage.c.day.between(bindparam("first"), bindparam("last")))
    .order_by(usage.c.day, usage.c.key_name)
)
_USAGE_OF_KEY = _USAGE.where(usage.c.key_name == bindparam("of_key"))


def count_usage(transaction: Transaction, key_name: str, requests: int, audio_ms: int) -> None:
    """Add to what a key has used today (UTC, by the database's clock)."""
    values = {"key_name": key_name, "requests": requests, "audio_ms": audio_ms}
    transaction.connection.execute(_COUNT, values)


def read_usage(transaction: Transaction, since: date, until: date, key_name: str | None) -> list[UsageRow]:
    """Return the usage of the days from `since` to `until`, both included, of one key or of all."""
    values = {"first": (since - FIRST_DAY).days, "last": (until - FIRST_DAY).days}
    if key_name is None:
        rows = transaction.connection.execute(_USAGE, values)
    else:
        rows = transaction.connection.execute(_USAGE_OF_KEY, {**values, "of_key": key_name})
    return [UsageRow(row.key_name, FIRST_DAY + timedelta(days=row.day), row.requests, row.audio_ms) for row in rows]
