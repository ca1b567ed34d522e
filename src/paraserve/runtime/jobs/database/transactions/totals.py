"""Totals of each key, kept as jobs and recordings come and go, so that quotas need no sums over jobs."""

from typing import Any

from sqlalchemy import Row, bindparam, case
from sqlalchemy.dialects.postgresql import insert  # its ON CONFLICT is SQLite's too

from paraserve.job_errors import QuotaError
from paraserve.runtime.jobs.database.clock import Now, Today
from paraserve.runtime.jobs.database.tables import key_totals
from paraserve.runtime.jobs.database.transaction import Transaction
from paraserve.runtime.jobs.job import Quotas

HOUR_MS = 3_600_000

_NEW = insert(key_totals).values(
    key_name=bindparam("key_name"),
    unfinished=bindparam("unfinished"),
    bytes=bindparam("bytes"),
    day=Today(),
    audio_ms=bindparam("audio_ms"),
)
_CHANGE = _NEW.on_conflict_do_update(
    index_elements=[key_totals.c.key_name],
    set_={
        "unfinished": key_totals.c.unfinished + _NEW.excluded.unfinished,
        "bytes": key_totals.c.bytes + _NEW.excluded.bytes,
        "day": Today(),
        "audio_ms": _NEW.excluded.audio_ms + case((key_totals.c.day == Today(), key_totals.c.audio_ms), else_=0),
    },
).returning(key_totals.c.unfinished, key_totals.c.bytes, key_totals.c.audio_ms, Now().label("now_s"))


def change_totals(
    transaction: Transaction, key_name: str, *, unfinished: int = 0, size_bytes: int = 0, audio_ms: int = 0
) -> Row[Any]:
    """Add to the totals of a key; give the new ones, and the time by the database's clock.

    The key's row stays locked until the end of the transaction: submissions of one key come one after the other.
    """
    values = {"key_name": key_name, "unfinished": unfinished, "bytes": size_bytes, "audio_ms": audio_ms}
    return transaction.connection.execute(_CHANGE, values).one()


def check_quotas(totals: Row[Any], quotas: Quotas) -> None:
    """Refuse totals beyond a quota.

    Raises:
        QuotaError: says which.
    """
    if quotas.max_unfinished and totals.unfinished > quotas.max_unfinished:
        raise QuotaError(
            f"the API key has {quotas.max_unfinished} unfinished jobs and uploads at most: wait until some are done"
        )
    if quotas.max_bytes and totals.bytes > quotas.max_bytes:
        raise QuotaError(
            f"recordings of the API key take {quotas.max_bytes} bytes at most: delete jobs that are done"
        )
    if quotas.audio_ms_per_day and totals.audio_ms >= quotas.audio_ms_per_day:
        hours = quotas.audio_ms_per_day / HOUR_MS
        raise QuotaError(
            f"jobs of the API key have {hours:g} hours of audio a day, which are used up until midnight UTC"
        )
