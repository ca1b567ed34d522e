"""Jobs while they are worked on: bars with the time left, sentences as they come, and how they end."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from paraserve.cli.jobs.job_tables import name_of, span
from paraserve.errors import ParaserveError
from paraserve_client.jobs import AsyncJobs, Job, JobEvent


@dataclass(frozen=True, slots=True)
class Showing:
    """What is shown on stdout: nothing but the ends, the sentences (`has_text`), or all events (`is_json`)."""

    has_text: bool = False
    is_json: bool = False


class JobBars:
    """The bars of jobs, on stderr if that is a terminal. The time left is the server's, by its measured speed."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}", markup=False),
            console=console,
            disable=not (sys.stderr.isatty() and console.is_interactive),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> "JobBars":
        if not self._progress.disable:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._progress.disable:
            self._progress.stop()

    def add(self, job: Job) -> TaskID:
        """Add the bar of a job."""
        return self._progress.add_task(name_of(job), total=None, left=job.state)

    def update(self, bar: TaskID, event: JobEvent) -> None:
        """Show an event."""
        if event.kind == "state":
            self._progress.update(bar, left=str(event.data.get("state", "")))
        elif event.kind == "progress":
            progress = event.progress
            left = "" if progress.eta_s is None else f"{span(progress.eta_s)} left"
            self._progress.update(bar, completed=progress.done_ms, total=progress.duration_ms, left=left)

    def remove(self, bar: TaskID) -> None:
        """Remove the bar of a job that is finished."""
        self._progress.remove_task(bar)

    def print(self, line: str, *, err: bool = False) -> None:
        """Print a line above the bars."""
        if not self._progress.disable:
            self._progress.stop()
        typer.echo(line, err=err)
        if not self._progress.disable:
            self._progress.start()


async def watch_all(jobs: AsyncJobs, ids: Sequence[str], showing: Showing) -> bool:
    """Watch jobs until they are finished. Return True if all are done, and tell of the others on stderr."""
    with JobBars() as bars:
        watching = [asyncio.create_task(_watch(jobs, one, showing, bars, is_alone=len(ids) == 1)) for one in ids]
        try:
            return all(await asyncio.gather(*watching))
        finally:
            for task in watching:
                task.cancel()
            await asyncio.wait(watching)


async def _watch(jobs: AsyncJobs, job_id: str, showing: Showing, bars: JobBars, *, is_alone: bool) -> bool:
    try:
        job = await jobs.get(job_id)
        bar = bars.add(job)
        async for event in jobs.events(job_id):
            bars.update(bar, event)
            line = _line(job, event, showing, is_alone=is_alone)
            if line:
                bars.print(line)
        bars.remove(bar)
        job = await jobs.get(job_id)
    except ParaserveError as error:
        bars.print(f"paraserve: {job_id}: {error.message}", err=True)
        return False
    if job.state == "done":
        if not (showing.has_text or showing.is_json):
            bars.print(f"{job.id}  done  {name_of(job)}")
        return True
    bars.print(f"paraserve: {name_of(job)}: {ending_of(job)}", err=True)
    return False


def ending_of(job: Job) -> str:
    """Return why there is no transcript of a job that is finished."""
    if job.error is None or job.state == "cancelled":
        return f"the job {job.id} is {job.state}"
    return job.error.message


def _line(job: Job, event: JobEvent, showing: Showing, *, is_alone: bool) -> str:
    """Return the line of an event, "" for one that is not shown."""
    if showing.is_json:
        facts = {"job": job.id, "seq": event.seq, "event": event.kind, "data": event.data}
        return json.dumps(facts, ensure_ascii=False)
    text = str(event.data.get("text", "")).strip() if showing.has_text and event.kind == "sentence" else ""
    return text if is_alone or not text else f"{name_of(job)}: {text}"
