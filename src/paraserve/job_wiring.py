"""The composition of jobs: settings in; a store, recordings, a runner and a sender of webhooks out.

They are opened with the first job. A server whose folder or database has jobs opens them by itself.
"""

import asyncio
import os
import socket
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from paraserve.errors import ParaserveError, StorageError
from paraserve.job_folders import DATABASE_FILE, job_database, job_folder
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.decoding.spool import storing
from paraserve.runtime.durable_files import make_folder
from paraserve.runtime.jobs.job_plan import ModelOf, PlanJob
from paraserve.runtime.jobs.recordings.cipher import read_cipher
from paraserve.runtime.jobs.recordings.recording_store import RecordingStore, open_recordings
from paraserve.runtime.jobs.retention import Retention
from paraserve.runtime.jobs.uploads.resumable_uploads import ResumableUploads
from paraserve.runtime.jobs.webhooks.secret import webhook_secret
from paraserve.runtime.jobs.webhooks.webhook_sender import WebhookSender
from paraserve.runtime.jobs.working.attempt_watch import Following, not_followed
from paraserve.runtime.jobs.working.runner import JobRunner
from paraserve.runtime.jobs.working.workplace import WorkLimits, Workplace
from paraserve.runtime.recorded_file import FileLimits
from paraserve.runtime.remote.address_guard import AddressGuard
from paraserve.runtime.remote.fetcher import Fetcher
from paraserve.runtime.remote.poster import Poster
from paraserve.runtime.result_cache.cached_recording import SharedResults
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.settings import Settings

if TYPE_CHECKING:
    from paraserve.runtime.jobs.database.store import JobStore

RECORDINGS_FOLDER = "recordings"
UPLOADS_FOLDER = "uploads"
LOOK_S = 5.0
"""Time between looks whether another process has made the database, or whether it answers again."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class JobParts:
    """What jobs are kept in, open. `folder` is that of the setting `data_dir`."""

    store: "JobStore"
    recordings: RecordingStore
    uploads: ResumableUploads
    folder: Path


class JobFigures(Protocol):
    """Hears what becomes of jobs and of messages about them."""

    def attempt(self, outcome: str, age_s: float) -> None:
        """Count an attempt that has ended, at this age of the job."""

    def webhook(self, outcome: str) -> None:
        """Count an attempt to deliver a message."""


@dataclass(frozen=True, slots=True)
class JobWork:
    """What jobs are worked on with. `plan` and `model_of` read their fields. `results` is the result cache.

    `following` is the context of each attempt.
    """

    engine: RoutedEngine
    plan: PlanJob
    model_of: ModelOf
    file_limits: FileLimits
    figures: JobFigures
    results: SharedResults | None = None
    following: Following = not_followed


class Jobs:
    """The parts of jobs in one server process, opened when first needed.

    `fetcher` and `poster` are there from the start, since addresses are checked before anything is stored. The
    settings have passed `check_job_settings`.
    """

    def __init__(self, settings: Settings, work: JobWork) -> None:
        self.cipher = read_cipher(settings.jobs_key_file)
        self.pool = _decode_pool(settings)
        self._guard = AddressGuard(settings.url_allow)
        self.fetcher = Fetcher(self._guard, file_root=settings.url_file_root, buckets=settings.url_buckets)
        self.poster = Poster(self._guard)
        self._settings = settings
        self._work = work
        self._parts: JobParts | None = None
        self._runner: JobRunner | None = None
        self._opening = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_closing = self._is_paused = False
        self._looking = asyncio.create_task(self._look())

    @property
    def parts(self) -> JobParts | None:
        """The parts, None while they are not open."""
        return self._parts

    @property
    def in_progress(self) -> int:
        """Number of attempts in progress."""
        return 0 if self._runner is None else self._runner.in_progress

    def pause(self) -> None:
        """Begin to work on no more jobs. Those in progress go on."""
        self._is_paused = True
        if self._runner is not None:
            self._runner.pause()

    def go_on(self) -> None:
        """Work on jobs again."""
        self._is_paused = False
        if self._runner is not None:
            self._runner.go_on()

    async def open(self) -> JobParts:
        """Open the parts, and begin to work on jobs. What is not there is made.

        Raises:
            StorageError: they cannot be opened now.
        """
        if self._parts is not None:
            return self._parts
        async with self._opening:
            if self._parts is None:
                self._parts = await self._opened()
            return self._parts

    async def existing(self) -> JobParts | None:
        """Return the parts, None if nobody has ever submitted a job. Nothing is made.

        Raises:
            StorageError: they cannot be opened now.
        """
        return await self.open() if self._parts is not None or self._is_there() else None

    async def drain(self) -> None:
        """Give jobs in progress back to the queue, and begin no others."""
        self._is_closing = True
        for task in (self._looking, *self._tasks):
            task.cancel()
        await asyncio.wait([self._looking, *self._tasks])

    async def close(self) -> None:
        """Close everything."""
        await self.drain()
        await self.pool.close()
        if self._parts is not None:
            await self._parts.store.close()
        self._guard.close()

    def _is_there(self) -> bool:
        """Return whether there is a database. One of PostgreSQL always is."""
        if self._settings.jobs_database:
            return True
        try:
            return job_folder(self._settings).joinpath(DATABASE_FILE).exists()
        except ParaserveError:  # a user without a home has no jobs
            return False

    async def _look(self) -> None:
        """Open the parts once there is a database: made by another process, or answering again."""
        while self._parts is None:
            try:
                await self.existing()
            except ParaserveError as error:
                log.warning("jobs cannot be worked on now", error=error.message)
            await asyncio.sleep(LOOK_S)

    async def _opened(self) -> JobParts:
        """Open everything, and begin to work."""
        settings = self._settings
        try:
            folder = job_folder(settings)
        except ParaserveError as error:
            raise StorageError(f"jobs cannot be stored: {error.message}, or set data_dir") from error
        with storing():
            await asyncio.to_thread(make_folder, folder)
        secret = await asyncio.to_thread(webhook_secret, settings.webhook_secret, folder)
        recordings = open_recordings(folder / RECORDINGS_FOLDER, settings.jobs_recordings, self.cipher)
        store_class = await asyncio.to_thread(_store_class)  # the import takes half a second
        store = await store_class.open(job_database(settings), cipher=self.cipher)
        uploads = ResumableUploads(store.uploads, folder / UPLOADS_FOLDER, self.cipher, settings.uploads_keep_s)
        parts = JobParts(store, recordings, uploads, folder)
        if not self._is_closing:
            self._begin(parts, secret)
        return parts

    def _begin(self, parts: JobParts, secret: str) -> None:
        """Begin to work on jobs, to tell of their ends by messages with this secret, and to delete old ones."""
        settings = self._settings
        owner = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._run(Retention(parts.store, parts.recordings, settings.jobs_keep_s).run())
        if settings.jobs_at_once:
            self._runner = JobRunner(self._workplace(parts), owner)
            if self._is_paused:
                self._runner.pause()
            self._run(self._runner.run())
        sender = WebhookSender(
            parts.store.webhooks,
            self.poster,
            secret,
            owner=owner,
            give_up_s=settings.webhook_give_up_s,
            on_outcome=self._work.figures.webhook,
        )
        self._run(sender.run())

    def _workplace(self, parts: JobParts) -> Workplace:
        settings, work = self._settings, self._work
        limits = WorkLimits(
            at_once=settings.jobs_at_once,
            lease_s=settings.jobs_lease_s,
            timeout_s=settings.jobs_timeout_s,
            max_attempts=settings.jobs_max_attempts,
            max_stops=settings.jobs_max_stops,
            retry_s=settings.jobs_retry_s,
            max_fetched_bytes=settings.max_upload_bytes,
            fetch_timeout_s=settings.url_timeout_s,
        )
        return Workplace(
            store=parts.store,
            recordings=parts.recordings,
            fetcher=self.fetcher,
            pool=self.pool,
            engine=work.engine,
            plan=work.plan,
            model_of=work.model_of,
            file_limits=work.file_limits,
            limits=limits,
            results=work.results,
            on_end=work.figures.attempt,
            following=work.following,
        )

    def _run(self, running: Coroutine[Any, Any, None]) -> None:
        """Run until cancelled. What fails unexpectedly is logged: jobs are left to other processes."""
        task = asyncio.create_task(running)
        task.add_done_callback(_log_failure)
        self._tasks.append(task)


def _decode_pool(settings: Settings) -> DecodePool:
    """Make a pool of decode children for jobs alone, which start when they are needed.

    A long recording holds one for as long as it is recognized, and uploads would wait for it.
    """
    return DecodePool(
        workers=max(1, settings.jobs_at_once), live_workers=0, memory_limit_bytes=settings.decode_memory_bytes
    )


def _store_class() -> "type[JobStore]":
    from paraserve.runtime.jobs.database.store import JobStore  # noqa: PLC0415 - memory that few want to spend

    return JobStore


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("this process works on jobs no longer", exc_info=task.exception())
