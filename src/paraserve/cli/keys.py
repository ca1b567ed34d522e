"""`paraserve keys`: API keys of a server, kept as digests in a file."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from paraserve.cli.key_usage import usage
from paraserve.errors import ParaserveError
from paraserve.server.access.api_keys import add_key, hashed, new_key, read_keys, remove_keys
from paraserve.server.access.key_fields import (
    DEFAULT_SCOPES,
    MAX_BYTES,
    MAX_LIMIT,
    ApiKey,
    KeyLimits,
    KeyScope,
    parse_expiry,
    parse_scopes,
)

app = typer.Typer(
    no_args_is_help=True,
    help="API keys: a file of digests for `serve --api-keys-file`.",
    rich_markup_mode=None,
    add_completion=False,
)
SPAN = re.compile(r"(\d{1,5})([hdw])")
SPANS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
Name = Annotated[str, typer.Argument(metavar="NAME", help="Who is to use it: a plain word.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="The file of keys.")]
Expires = Annotated[
    str | None,
    typer.Option(
        metavar="90d|DATE",
        help="Until when it counts: a time from now on (12h, 90d, 8w), a day (2027-01-31, in UTC), or a time with "
        "its zone (2027-01-31T18:00+01:00).",
        show_default="for ever",
    ),
]
Scopes = Annotated[
    str | None,
    typer.Option(
        metavar="WORDS",
        help=f"What it may be used for, with commas: {', '.join(KeyScope)}.",
        show_default="all but admin",
    ),
]


def _limit(what: str, greatest: int = MAX_LIMIT) -> object:
    return typer.Option(
        metavar="N", min=0, max=greatest, help=f"{what}. 0 = no limit.", show_default="the settings count"
    )


Max = Annotated[int | None, _limit("Uploads and live connections at once of all keys of this name")]
MaxUploads = Annotated[int | None, _limit("Uploads at once")]
MaxLive = Annotated[int | None, _limit("Live connections at once")]
PerMinute = Annotated[int | None, _limit("Uploads, live connections and jobs that may begin in a minute")]
AudioPerMinute = Annotated[int | None, _limit("Seconds of audio in uploads and live connections in a minute")]
MaxJobs = Annotated[int | None, _limit("Unfinished jobs")]
JobHoursADay = Annotated[int | None, _limit("Hours of audio in jobs that are recognized in a day")]
JobBytes = Annotated[int | None, _limit("Bytes of stored recordings of jobs", MAX_BYTES)]


@app.command()
def add(  # noqa: PLR0913, PLR0917 - one parameter a flag
    name: Name,
    file: File,
    expires: Expires = None,
    scopes: Scopes = None,
    max: Max = None,  # noqa: A002 - the name of the flag
    max_uploads: MaxUploads = None,
    max_live: MaxLive = None,
    per_minute: PerMinute = None,
    audio_per_minute: AudioPerMinute = None,
    max_jobs: MaxJobs = None,
    job_hours_a_day: JobHoursADay = None,
    job_bytes: JobBytes = None,
) -> None:
    """Make a key, print it, and keep only its digest: it cannot be shown again.

    A running server takes it at once. Several keys may have one name; the limits of a key count for the name.
    """
    secret = new_key()
    known = replace(
        hashed(name, secret),
        expires=_expiry(expires),
        scopes=_scopes(scopes),
        limits=KeyLimits(
            max, max_uploads, max_live, per_minute, audio_per_minute, max_jobs, job_hours_a_day, job_bytes
        ),
    )
    try:
        add_key(file, known)
    except OSError as error:
        raise _cannot_write(file, error) from None
    print(secret)


@app.command(name="list")
def list_keys(file: File) -> None:
    """Print the names, each with what its key is limited to. Keys and digests are not shown."""
    for known in read_keys(file):
        print(" ".join([known.name, *known.fields(), *_notes(known)]))


app.command()(usage)


@app.command()
def remove(name: Name, file: File) -> None:
    """Take away all keys of this name. A running server refuses them at once, and ends their live connections."""
    try:
        n_removed = remove_keys(file, name)
    except OSError as error:
        raise _cannot_write(file, error) from None
    if not n_removed:
        raise ParaserveError(f"{file} has no key of {name!r}")


def _notes(key: ApiKey) -> list[str]:
    return ["(expired)"] if key.is_expired else []


def _expiry(text: str | None) -> datetime | None:
    if text is None:
        return None
    span = SPAN.fullmatch(text)
    now = datetime.now(UTC).replace(microsecond=0)
    try:
        when = now + int(span[1]) * SPANS[span[2]] if span else parse_expiry(text)
    except ValueError as error:
        raise ParaserveError(f"{error}, or a time from now on like 90d") from None
    if when <= now:
        raise ParaserveError(f"--expires {text} is in the past")
    return when


def _scopes(text: str | None) -> frozenset[KeyScope]:
    try:
        return DEFAULT_SCOPES if text is None else parse_scopes(text)
    except ValueError as error:
        raise ParaserveError(str(error)) from None


def _cannot_write(file: Path, error: OSError) -> ParaserveError:
    return ParaserveError(f"cannot write {file}: {error.strerror}")
