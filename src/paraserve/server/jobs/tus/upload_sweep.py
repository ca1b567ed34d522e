"""What becomes of resumable uploads without any request: expired ones are deleted, complete ones become jobs."""

import asyncio

import structlog

from paraserve.errors import StorageError
from paraserve.server.jobs.job_service import JobService
from paraserve.server.jobs.tus.tus_service import TusService

SWEEP_S = 60.0
LOOK_S = 5.0

log = structlog.get_logger()


async def sweep_uploads(service: JobService) -> None:
    """Sweep until cancelled, from when jobs are opened on."""
    while True:
        parts = service.jobs.parts
        if parts is None:
            await asyncio.sleep(LOOK_S)
            continue
        try:
            await parts.uploads.sweep(TusService(service, parts).make_job)
        except StorageError as error:
            log.warning("resumable uploads are swept later", error=error.message)
        await asyncio.sleep(SWEEP_S)
