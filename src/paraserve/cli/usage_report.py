"""What `paraserve keys usage` does: read the use of API keys from the database of jobs, and print it."""

import asyncio
import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from paraserve.cli.config import read_settings
from paraserve.errors import ParaserveError
from paraserve.job_folders import job_database
from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.job import UsageRow
from paraserve.runtime.jobs.recordings.cipher import read_cipher
from paraserve.settings import Settings

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(9999, 12, 31)
COLUMNS = ("day", "key", "requests", "audio_s")


def print_usage(
    flags: Mapping[str, object],
    since: str | None,
    until: str | None,
    key: str | None,
    as_format: Literal["csv", "json"],
) -> None:
    """Print a row for each name and day.

    Raises:
        ParaserveError: a day is none, or there is no database.
    """
    settings = read_settings(flags)
    first, last = _day(since, "--since") or FIRST_DAY, _day(until, "--until") or LAST_DAY
    rows = asyncio.run(_rows(settings, first, last, key))
    if as_format == "json":
        print(json.dumps([_record(row) for row in rows], indent=2))
    else:
        _print_csv(rows)


async def _rows(settings: Settings, first: date, last: date, key: str | None) -> Sequence[UsageRow]:
    database = job_database(settings)
    if isinstance(database, Path) and not database.exists():
        raise ParaserveError(f"there is no database of jobs in {database.parent}: name the server's --data-dir")
    store = await JobStore.open(database, cipher=read_cipher(settings.jobs_key_file))
    try:
        return await store.usage(first, last, key)
    finally:
        await store.close()


def _print_csv(rows: Iterable[UsageRow]) -> None:
    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_record(row) for row in rows)


def _record(row: UsageRow) -> dict[str, Any]:
    values = (row.day.isoformat(), row.key_name, row.requests, row.audio_ms / 1000)
    return dict(zip(COLUMNS, values, strict=True))


def _day(text: str | None, flag: str) -> date | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise ParaserveError(f"{flag} {text}: expected a day like 2027-01-31") from None
