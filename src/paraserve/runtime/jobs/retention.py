"""Deletion of what is no longer wanted: old jobs, and recordings that no job has."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from paraserve.errors import StorageError
from paraserve.job_errors import JobNotFoundError
from paraserve.runtime.jobs.recordings.recording_store import RecordingStore

SWEEP_S = 60.0
AT_ONCE = 100
REMNANTS_S = 3600.0
"""Time between looks for recordings without a job, and the age from which one is a remnant: it is stored before its
job is."""

log = logging.getLogger(__name__)


class KeptJobs(Protocol):
    """What the sweep needs of the database of jobs. Each may raise `StorageError`."""

    async def get(self, job_id: str, key_name: str | None, /) -> object:
        """Return a job, or raise `JobNotFoundError`."""

    async def purge(self, job_id: str, key_name: str | None, /) -> Sequence[str]:
        """Delete a job with all that is about it, or raise `JobNotFoundError`."""

    async def due_for_deletion(self, keep_s: float, limit: int, /) -> Sequence[str]:
        """Return ids of jobs that ended this long ago or earlier."""

    async def forget_requests(self, keep_s: float, /) -> None:
        """Forget each `Idempotency-Key` that was used this long ago or earlier."""

    async def recordings_to_delete(self, limit: int, /) -> Sequence[str]:
        """Return names of recordings that no job needs any more."""

    async def recording_deleted(self, name: str, /) -> None:
        """Note that a recording is gone."""


@dataclass(slots=True)
class Retention:
    """Deletes jobs `keep_s` seconds after their end (0 = never), and recordings that no job has.

    Several processes may sweep one database.
    """

    store: KeptJobs
    recordings: RecordingStore
    keep_s: float
    _remnants_at_s: float = field(default_factory=time.monotonic)

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            try:
                await self.sweep()
            except StorageError as error:
                log.warning("old jobs are deleted later: %s", error.message)
            await asyncio.sleep(SWEEP_S)

    async def sweep(self) -> None:
        """Delete what is due.

        Raises:
            StorageError: not all of it can be deleted now.
        """
        while self.keep_s and (due := await self.store.due_for_deletion(self.keep_s, AT_ONCE)):
            for job_id in due:
                with suppress(JobNotFoundError):  # another process was quicker
                    await self.store.purge(job_id, None)
        if self.keep_s:
            await self.store.forget_requests(self.keep_s)
        while names := await self.store.recordings_to_delete(AT_ONCE):
            for name in names:
                await self.recordings.delete(name)
                await self.store.recording_deleted(name)
        if time.monotonic() >= self._remnants_at_s:
            self._remnants_at_s = time.monotonic() + REMNANTS_S
            await self._delete_remnants()

    async def _delete_remnants(self) -> None:
        """Delete recordings whose job was never stored: the server or the database broke off in between."""
        await self.recordings.delete_unfinished(REMNANTS_S)
        for name in await self.recordings.names(REMNANTS_S):
            try:
                await self.store.get(name, None)
            except JobNotFoundError:
                log.info("recording %s has no job and is deleted", name)
                await self.recordings.delete(name)
