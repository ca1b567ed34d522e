"""A client of jobs: recordings that a server keeps and transcribes, however long that takes.

    with Jobs("http://127.0.0.1:10095") as jobs:
        job = jobs.submit("talk.mp3", language="zh")
        if jobs.wait(job.id).state == "done":
            print(jobs.transcript(job.id))

`AsyncJobs` has the same methods for an event loop. Requests that get no answer, or "try again later", are sent again.
A submission carries an `Idempotency-Key`, so a second one makes no second job. Large files go up in parts, and go on
behind the last one that arrived when the connection breaks.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from paraserve_client.http.recording_sources import Recording
from paraserve_client.http.resending import Retries
from paraserve_client.jobs.answers import Job, JobDelivery, JobEvent, JobFailure, JobProgress

if TYPE_CHECKING:
    from paraserve_client.jobs.async_jobs import AsyncJobs
    from paraserve_client.jobs.sync_jobs import Jobs

__all__ = ["AsyncJobs", "Job", "JobDelivery", "JobEvent", "JobFailure", "JobProgress", "Jobs", "Recording", "Retries"]

_MODULES = {"AsyncJobs": "async_jobs", "Jobs": "sync_jobs"}


def __getattr__(name: str) -> object:
    """Import a client when it is asked for: ordinary programs need no event loop."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"paraserve_client.jobs.{_MODULES[name]}"), name)
