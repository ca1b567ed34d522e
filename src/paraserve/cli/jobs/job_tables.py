"""Jobs in words, for people."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from rich.cells import cell_len

from paraserve_client.jobs import Job

COLUMNS = ("ID", "STATE", "DONE", "SUBMITTED", "RECORDING")


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table whose columns are as wide as they need to be."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def row(job: Job) -> tuple[str, ...]:
    """Return the cells of a job."""
    return job.id, job.state, percent_text(job), local_time(job.created), name_of(job)


def name_of(job: Job) -> str:
    """Return what a person knows a job by."""
    return job.filename or job.url or job.id


def percent_text(job: Job) -> str:
    """Return how far a job is."""
    if job.state == "done":
        return "100%"
    return "" if job.progress.percent is None else f"{job.progress.percent:.0f}%"


def local_time(at: datetime | None) -> str:
    """Return a time as the clock on the wall shows it."""
    return "" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def span(seconds: float | None) -> str:
    """Return a time in hours, minutes and seconds."""
    return "" if seconds is None else str(timedelta(seconds=round(seconds)))


def details(job: Job) -> Iterator[str]:
    """Yield the lines of all that is known of a job."""
    progress = job.progress
    facts = {
        "id": job.id,
        "state": job.state,
        "recording": name_of(job),
        "url": job.url or "",
        "bytes": str(job.size_bytes or ""),
        "batch": job.batch or "",
        "priority": str(job.priority or ""),
        "submitted": local_time(job.created),
        "started": local_time(job.started),
        "ended": local_time(job.ended),
        "attempts": str(job.attempts),
        "done": percent_text(job),
        "audio": span(None if progress.duration_ms is None else progress.duration_ms / 1000),
        "time left": "" if job.is_finished else span(progress.eta_s),
        "callback": job.callback_url or "",
        "error": "" if job.error is None else f"{job.error.code}: {job.error.message}",
        "given up": "after several attempts" if job.is_dead_letter else "",
    }
    yield from table([(name, value) for name, value in facts.items() if value])
