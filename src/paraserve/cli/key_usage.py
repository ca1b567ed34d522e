"""`paraserve keys usage`: what API keys have used, from the database of jobs."""

from typing import Annotated, Literal

import typer

from paraserve.cli.interrupts import ended_by_interrupt

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
    with ended_by_interrupt():
        from paraserve.cli.usage_report import print_usage

    print_usage({"data_dir": data_dir, "jobs_database": jobs_database}, since, until, key, as_format)
