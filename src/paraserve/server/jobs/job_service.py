"""What the routes of jobs work with."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import Request

from paraserve.errors import OverloadedError, StorageError
from paraserve.job_errors import JobNotFoundError
from paraserve.job_wiring import JobParts, Jobs
from paraserve.runtime.jobs.job import Quotas
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.server.access.address_limit import AddressLimit
from paraserve.server.access.admission import ConcurrencyLimit
from paraserve.server.access.key_fields import ApiKey
from paraserve.server.http.parsing.upload_pace import UploadLimits
from paraserve.server.jobs.job_plan import JobPlanner
from paraserve.server.readiness import DRAINED_MESSAGE, Readiness
from paraserve.server.telemetry.job_metrics import JobMetrics
from paraserve.server.telemetry.request_log import key_name

if TYPE_CHECKING:
    from paraserve.runtime.jobs.database.store import JobStore

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class JobService:
    """Jobs, and the limits of their routes.

    `max_timeout_s` bounds an attempt, 0 = no limit. `quotas_of` tells what a key may have. `is_closing` is set when
    the server begins to stop: whoever waits for news of a job is answered then.
    """

    jobs: Jobs
    engine: RoutedEngine
    planner: JobPlanner
    upload_limits: UploadLimits
    admission: ConcurrencyLimit
    address_limit: AddressLimit
    max_timeout_s: float
    quotas_of: Callable[[ApiKey | None], Quotas]
    metrics: JobMetrics
    is_closing: asyncio.Event = field(default_factory=asyncio.Event)

    def store(self) -> "JobStore | None":
        """Return the database of jobs, None while it is not open."""
        parts = self.jobs.parts
        return None if parts is None else parts.store

    async def drain(self) -> None:
        """Answer whoever waits for news, and give jobs in progress back to the queue."""
        self.is_closing.set()
        await self.jobs.drain()

    async def close(self) -> None:
        """Close everything."""
        self.is_closing.set()
        await self.jobs.close()

    async def delete_recordings(self, parts: JobParts, names: Iterable[str]) -> None:
        """Delete recordings of jobs that are gone. What cannot be deleted now is left to the sweep."""
        try:
            for name in names:
                await parts.recordings.delete(name)
                await parts.store.recording_deleted(name)
        except StorageError as error:
            log.warning("a recording cannot be deleted now", error=error.message)

    async def wait(self, waiting: Coroutine[Any, Any, bool]) -> None:
        """Wait for news of a job as a method of the database does, or until the server stops."""
        news = asyncio.create_task(waiting)
        closing = asyncio.ensure_future(self.is_closing.wait())
        try:
            await asyncio.wait({news, closing}, return_when=asyncio.FIRST_COMPLETED)
            if news.done():
                news.result()
        finally:
            news.cancel()
            closing.cancel()
            await asyncio.wait({news, closing})


def service_of(request: Request) -> JobService:
    """Return the service of the server.

    Raises:
        OverloadedError: it is starting or has stopped.
    """
    service: JobService | None = request.app.state.jobs
    if service is None:
        raise OverloadedError("the server is starting or shutting down", code="not_ready")
    return service


def check_intake(request: Request) -> None:
    """Check whether the server takes new jobs. Jobs wait well while no model answers, so they are taken then.

    Raises:
        OverloadedError: the operator has it drained.
    """
    readiness: Readiness = request.app.state.readiness
    if not readiness.takes_work:
        raise OverloadedError(DRAINED_MESSAGE, code="not_ready")


async def parts_of(request: Request) -> tuple[JobService, JobParts]:
    """Return the service and its open parts, for a request about a job.

    Raises:
        JobNotFoundError: there never was a job.
        StorageError: the jobs cannot be had now.
        OverloadedError: the server is starting or has stopped.
    """
    service = service_of(request)
    parts = await service.jobs.existing()
    if parts is None:
        raise JobNotFoundError("there is no such job")
    return service, parts


def owner_of(request: Request) -> str:
    """Return the name of the API key whose jobs a request is about, "" where no key is wanted."""
    return key_name(request) or ""
