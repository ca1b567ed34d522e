"""Recordings on their way to a server of jobs."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer

from paraserve.cli.batch.tally import message_of
from paraserve.cli.inputs import open_sources
from paraserve.cli.progress import Bars, OnProgress
from paraserve.errors import ParaserveError
from paraserve_client.http.recording_sources import address_in
from paraserve_client.jobs import Job, Jobs


def hand_over(jobs: Jobs, names: Sequence[str], fields: Mapping[str, Any], *, is_json: bool) -> Iterator[Job | None]:
    """Submit a job for each recording or URL, and print it. Yield None for one that fails, with a line on stderr."""
    with Bars() as bars:
        for name in names:
            with bars.bar(name) as on_sent:
                try:
                    job = _submitted(jobs, name, fields, on_sent)
                except (ParaserveError, OSError) as error:
                    with bars.hidden():
                        typer.echo(f"paraserve: {name}: {message_of(error)}", err=True)
                    yield None
                    continue
            with bars.hidden():
                typer.echo(_line(job, name, is_json=is_json))
                for warning in job.warnings:
                    about = f"{warning.param}: " if warning.param else ""
                    typer.echo(f"paraserve: {name}: {about}{warning.message}", err=True)
            yield job


def _submitted(jobs: Jobs, name: str, fields: Mapping[str, Any], on_sent: OnProgress) -> Job:
    if address_in(name) is not None:
        return jobs.submit(name, **fields)
    with open_sources([name]) as (source,), source.open() as file:
        return jobs.submit(file, filename=source.filename, on_sent=on_sent, **fields)


def _line(job: Job, name: str, *, is_json: bool) -> str:
    """Return what is printed: the id alone where a program reads it."""
    if is_json:
        return json.dumps(job.raw, ensure_ascii=False)
    return f"{job.id}  {name}" if sys.stdout.isatty() else job.id
