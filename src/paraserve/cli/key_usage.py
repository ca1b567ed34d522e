"""`paraserve keys usage`: what API keys have used, from the database of jobs."""

import asyncio
import csv
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from paraserve.cli.config import read_settings
from paraserve.errors import ParaserveError
from paraserve.job_folders import job_database
from paraserve.runtime.jobs.job import UsageRow
from paraserve.runtime.jobs.recordings.cipher import read_cipher
from paraserve.settings import Settings

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(9999, 12, 31)
COLUMNS = ("day", "key", "requests", "audio_s")

Since = Annotated[str | None, typer.Option(metavar="DAY", help="First day, like 2027-01-31 (UTC).")]
Until = Annotated[str | None, typer.Option(metavar="DAY", help="Last day, which counts as well.")]
Key = Annotated[
    str | None, typer.Option(metavar="NAME", help='Of this name alone. "" is use without a key.', show_default="all")
]
Format = Annotated[Literal["csv", "json"], typer.Option("--format", help="How it is written.")]
DataDir = Annotated[str | None, typer.Option(metavar="DIR", help="The server's `data_dir`.", show_default="as there")]
Database = Annotated[
    str | None,
    typer.Option("--jobs-database", metavar="URL", help="The server's `jobs_database`.", show_default="as there"),
]


def usage(
    since: Since = None,
    until: Until = None,
    key: Key = None,
    as_format: Format = "csv",
    data_dir: DataDir = None,
    jobs_database: Database = None,
) -> None:
    """Print requests and seconds of audio of each name and day (UTC): of uploads, live connections and jobs.

    A server writes them where its jobs are, every ten seconds. One that has never had a job and has no `data_dir`
    of its own writes none.
    """
    settings = read_settings({"data_dir": data_dir, "jobs_database": jobs_database})
    first, last = _day(since, "--since") or FIRST_DAY, _day(until, "--until") or LAST_DAY
    rows = asyncio.run(_rows(settings, first, last, key))
    if as_format == "json":
        print(json.dumps([_record(row) for row in rows], indent=2))
    else:
        _print_csv(rows)


async def _rows(settings: Settings, first: date, last: date, key: str | None) -> Sequence[UsageRow]:
    from paraserve.runtime.jobs.database.store import JobStore  # noqa: PLC0415 - half a second

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
