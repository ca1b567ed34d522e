"""The subcommands of `paraserve jobs`. The client, with what it needs, is imported by those that are called."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from paraserve.cli.flag_groups import with_flag_groups
from paraserve.cli.interrupts import ended_by_interrupt
from paraserve.cli.options import SERVER, ApiKey, Server
from paraserve.cli.recognition_flags import Format, RecognitionFlags, SubtitleFlags
from paraserve.errors import ParaserveError

if TYPE_CHECKING:
    from paraserve_client.jobs import Jobs

PAGE = 500
QUICK_ATTEMPTS = 3
"""A person waits for the answers of short commands."""

Ids: TypeAlias = Annotated[list[str], typer.Argument(metavar="ID", help="Jobs.")]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="JSON for programs, one object a line.")]
Text: TypeAlias = Annotated[bool, typer.Option("--text", help="Print the sentences as they come.")]
Priority: TypeAlias = Annotated[
    int, typer.Option(min=-10, max=10, help="Jobs of a higher one are begun first, among those of all clients.")
]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Recordings that a server keeps and transcribes, however long that takes.",
)


@app.command()
@with_flag_groups
def submit(  # noqa: PLR0913 - one parameter a flag
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|URL", help="Recordings, folders or patterns; - is stdin. The server fetches a URL."
        ),
    ],
    *,
    server: Server = SERVER,
    api_key: ApiKey = "",
    recursive: Annotated[
        bool,
        typer.Option("--recursive", "-r", help="Take the folders in a folder, too."),
    ] = False,
    priority: Priority = 0,
    timeout_s: Annotated[
        float | None, typer.Option(min=1, help="Seconds after which an attempt at the job is ended.")
    ] = None,
    callback_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the server tells that the job is finished.")
    ] = None,
    no_store: Annotated[
        bool, typer.Option("--no-store", help="The server keeps nothing once the transcript was fetched.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Stay until they are finished, as jobs watch does.")] = False,
    text: Text = False,
    as_json: Json = False,
    flags: RecognitionFlags,
) -> None:
    """Hand recordings over to a server, and print the id of each job.

    Once its id is printed, a recording is on the server's disk: this command, the connection and the server may end
    then. A recording of 64 MiB or more is sent in parts and goes on where a broken connection left it. One that fails
    costs a line on stderr and exit code 1; the others are still submitted.
    """
    with ended_by_interrupt():
        from paraserve.cli.jobs.handing_over import hand_over
        from paraserve.cli.request_fields import option_fields

    fields = {
        **option_fields(flags.options(word_times=True)),
        "priority": priority or None,
        "timeout_s": timeout_s,
        "callback_url": callback_url,
        "store": False if no_store else None,
    }
    names, failed = _found(files, is_recursive=recursive)
    with _jobs(server, api_key) as jobs:
        submitted = list(hand_over(jobs, names, fields, is_json=as_json))
    ids = [job.id for job in submitted if job is not None]
    is_good = not failed and len(ids) == len(submitted)
    if watch and ids:
        is_good = _watched(ids, server, api_key, has_text=text, is_json=as_json) and is_good
    raise typer.Exit(0 if is_good else 1)


@app.command("list")
def list_(
    *,
    server: Server = SERVER,
    api_key: ApiKey = "",
    state: Annotated[
        list[str] | None,
        typer.Option(metavar="STATE", help="Only those queued, running, done, failed or cancelled; may be repeated."),
    ] = None,
    batch: Annotated[str | None, typer.Option(help="Only those that were submitted in one request.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many, the newest first. 0 = all.")] = 50,
    as_json: Json = False,
) -> None:
    """List jobs, the newest first: those of the API key's name."""
    with ended_by_interrupt():
        from itertools import islice

        from paraserve.cli.jobs.job_tables import COLUMNS, row, table

    with _jobs(server, api_key, QUICK_ATTEMPTS) as jobs:
        found = list(
            islice(jobs.list(states=state or (), batch=batch, page_size=min(limit or PAGE, PAGE)), limit or None)
        )
    if as_json:
        _print_lines(json.dumps(job.raw, ensure_ascii=False) for job in found)
    elif found:
        _print_lines(table([COLUMNS, *map(row, found)]))


@app.command()
def show(
    job_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    server: Server = SERVER,
    api_key: ApiKey = "",
    as_json: Json = False,
) -> None:
    """Show all that is known of a job: its state, how far it is, the time left, why it failed."""
    with ended_by_interrupt():
        from paraserve.cli.jobs.job_tables import details

    with _jobs(server, api_key, QUICK_ATTEMPTS) as jobs:
        job = jobs.get(job_id)
    _print_lines([json.dumps(job.raw, ensure_ascii=False, indent=2)] if as_json else details(job))


@app.command()
def watch(
    ids: Ids, *, server: Server = SERVER, api_key: ApiKey = "", text: Text = False, as_json: Json = False
) -> None:
    """Watch jobs until they are finished: bars with the time left, in a terminal.

    With --json each event is a line on stdout. Ctrl-C ends the watching alone. The exit code is 0 if all jobs are
    done, 1 if one failed or was cancelled.
    """
    raise typer.Exit(0 if _watched(ids, server, api_key, has_text=text, is_json=as_json) else 1)


@app.command()
def cancel(
    ids: Ids,
    *,
    server: Server = SERVER,
    api_key: ApiKey = "",
    purge: Annotated[bool, typer.Option("--purge", help="Delete the jobs, with recordings and texts.")] = False,
) -> None:
    """Cancel jobs, also those that run. A finished job stays as it is, unless it is purged."""
    with _jobs(server, api_key, QUICK_ATTEMPTS) as jobs:

        def cancel_one(job_id: str) -> None:
            if purge:
                jobs.delete(job_id)
                typer.echo(f"{job_id}  deleted")
                return
            job = jobs.cancel(job_id)
            typer.echo(f"{job_id}  {'cancelling' if job.is_cancelling else job.state}")

        is_good = _each(ids, cancel_one)
    raise typer.Exit(0 if is_good else 1)


@app.command()
@with_flag_groups
def fetch(
    ids: Ids,
    *,
    server: Server = SERVER,
    api_key: ApiKey = "",
    format_: Format = "text",
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write DIR/<stem of the recording>.<format> instead of stdout.")
    ] = None,
    subtitle_flags: SubtitleFlags,
) -> None:
    """Write the transcripts of jobs that are done to stdout, in the order given, or to files.

    Several on stdout: each stands under a line "==> ID <==", except in format json. With --output equal stems get
    -2, -3. A job without a transcript costs one line on stderr and exit code 1.
    """
    with ended_by_interrupt():
        from paraserve.cli.jobs.transcript_fetching import Fetching

    with _jobs(server, api_key, QUICK_ATTEMPTS) as jobs:
        fields = {name: value for name, value in subtitle_flags.limits.items() if value is not None}
        fetching = Fetching(
            jobs, format_, {**fields, "subtitle_text": subtitle_flags.subtitle_text}, output, len(ids) > 1
        )
        is_good = _each(ids, fetching.fetch)
    raise typer.Exit(0 if is_good else 1)


@contextmanager
def _jobs(server: str, api_key: str, attempts: int | None = None) -> "Iterator[Jobs]":
    with ended_by_interrupt():
        from paraserve.cli.server_address import server_address
        from paraserve_client.jobs import Jobs, Retries

    with Jobs(
        server_address(server), api_key=api_key, retries=Retries() if attempts is None else Retries(attempts)
    ) as jobs:
        yield jobs


def _found(names: Sequence[str], *, is_recursive: bool) -> tuple[list[str], bool]:
    """Return the recordings of folders, URLs as they are, and whether a folder could not be read or has none."""
    with ended_by_interrupt():
        from paraserve.cli.batch.finding import find_recordings
        from paraserve.cli.batch.tally import Tally

    tally = Tally()
    found = find_recordings(names, tally.fail, is_recursive=is_recursive)
    return [one.name for one in found], bool(tally.failed)


def _each(ids: Sequence[str], do: Callable[[str], None]) -> bool:
    """Do something with each job. One that fails costs a line on stderr. Return True if none did."""
    is_good = True
    for job_id in ids:
        try:
            do(job_id)
        except ParaserveError as error:
            is_good = False
            typer.echo(f"paraserve: {job_id}: {error.message}", err=True)
    return is_good


def _watched(ids: Sequence[str], server: str, api_key: str, *, has_text: bool, is_json: bool) -> bool:
    """Watch jobs; return True if all are done. Ctrl-C leaves them running and says how to return."""
    with ended_by_interrupt():
        from paraserve.cli.jobs.watching import Showing, watch_all
        from paraserve.cli.server_address import server_address
        from paraserve_client.jobs import AsyncJobs

    async def watch_them() -> bool:
        async with AsyncJobs(server_address(server), api_key=api_key) as jobs:
            return await watch_all(jobs, ids, Showing(has_text, is_json))

    try:
        return asyncio.run(watch_them())
    except KeyboardInterrupt:
        what, whom = ("it goes", "it") if len(ids) == 1 else ("they go", "them")
        where = "" if server == SERVER else f" --server {server}"
        again = f"paraserve jobs watch {' '.join(ids)}{where}"
        typer.echo(f"paraserve: {what} on. To watch {whom} again: {again}", err=True)
        raise


def _print_lines(lines: Sequence[str] | Iterator[str]) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")
