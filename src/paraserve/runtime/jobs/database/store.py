"""The store of jobs: what servers, runners and senders of webhooks ask of the database."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from paraserve.errors import ParaserveError
from paraserve.job_errors import JobNotFoundError
from paraserve.runtime.jobs.database import schema
from paraserve.runtime.jobs.database.backend import Backend
from paraserve.runtime.jobs.database.database import Database
from paraserve.runtime.jobs.database.sqlite import SqliteBackend
from paraserve.runtime.jobs.database.texts import Cipher, Texts
from paraserve.runtime.jobs.database.transaction import WORK
from paraserve.runtime.jobs.database.transactions import (
    claims,
    deletion,
    deliveries,
    endings,
    events,
    reading,
    recordings,
    submitting,
    usage,
)
from paraserve.runtime.jobs.database.transactions import idempotency as idempotency_keys
from paraserve.runtime.jobs.database.upload_rows import UploadRows
from paraserve.runtime.jobs.database.waits import Waits
from paraserve.runtime.jobs.database.webhook_queue import WebhookQueue
from paraserve.runtime.jobs.job import (
    NO_SENTENCES,
    Delivery,
    Idempotency,
    Job,
    JobError,
    JobEvent,
    JobFilter,
    JobRequest,
    JobState,
    LastSentences,
    NewJob,
    Progress,
    Quotas,
    UsageRow,
)

T = TypeVar("T")


class JobStore:
    """Jobs in a database. Each method is one transaction on a thread, which belongs to one event loop.

    Every method may raise `DatabaseAwayError` (the same call may work later), `StorageFullError` and `StorageError`.
    A method that is cancelled may still write, apart from those where it is said otherwise. Names of API keys: None
    stands for all keys, "" for clients without one. Methods with a `lease` are those of the runner that claimed the
    job; they raise `LeaseLostError` once another runner has it, or once it was deleted. `webhooks` has the messages
    to be sent, `uploads` the rows of resumable uploads.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waits = Waits(database)
        self.webhooks = WebhookQueue(database, self._waits)
        self.uploads = UploadRows(database)
        self._undoing: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, url: str | Path, *, cipher: Cipher | None = None) -> "JobStore":
        """Open a SQLite file (a path), or a PostgreSQL database by its URL, and bring its tables up to date.

        Raises:
            DatabaseAwayError: the database does not answer.
            StorageError: it was made by a newer version, is encrypted with another key, or cannot be written.
            ParaserveError: the URL is none of PostgreSQL, or its driver is not installed.
        """
        database = Database(_backend(url), Texts(cipher))
        try:
            await database.write(schema.prepare)
        except BaseException:
            await database.close()
            raise
        return cls(database)

    async def close(self) -> None:
        """Wait for transactions in progress, and close all connections."""
        if self._undoing:
            await asyncio.wait(self._undoing)
        await self._database.close()

    # --- clients ---

    async def submit(
        self,
        jobs: Sequence[NewJob],
        quotas: Quotas,
        idempotency: Idempotency | None = None,
    ) -> list[Job]:
        """Put jobs of one key into the queue, all or none. They are on the disk when this returns.

        A request that was sent before, by its `idempotency`, gets the jobs of the first. The rows of their resumable
        uploads are deleted. Cancelled, this leaves no job.

        Raises:
            IdempotencyError: the same key came with another request.
            QuotaError: the API key has no room for them.
            UploadNotFoundError: an upload is gone, or another job's by now.
        """
        submitting_them = self._database.write(submitting.submit, jobs, quotas, idempotency)
        return await self._whole(submitting_them, lambda _: self._delete_all([job.id for job in jobs]))

    async def submitted_before(self, key_name: str, idempotency: Idempotency) -> list[Job] | None:
        """Return the jobs of a request that was sent before, without those deleted since; None: it was not.

        Raises:
            IdempotencyError: the same key came with another request.
        """
        return await self._database.read(idempotency_keys.jobs_before, key_name, idempotency)

    async def get(self, job_id: str, key_name: str | None) -> Job:
        """Return a job.

        Raises:
            JobNotFoundError: there is none, or it belongs to another key.
        """
        return await self._database.read(reading.get, job_id, key_name)

    async def list(self, wanted: JobFilter) -> tuple[list[Job], str | None]:
        """Return a page of jobs, the newest first, and the `after` of the next page (None: it is the last).

        Raises:
            ProtocolError: `after` is not what a page gave.
        """
        return await self._database.read(reading.list_jobs, wanted)

    async def cancel(self, job_id: str, key_name: str | None) -> Job:
        """Cancel a job: at once where it is queued, through its runner where it is running; else nothing changes.

        Raises:
            JobNotFoundError: there is none, or it belongs to another key.
        """
        return await self._database.write(endings.cancel, job_id, key_name)

    async def with_transcript(self, job_id: str, key_name: str | None) -> tuple[Job, bytes]:
        """Return a job and its result.

        Raises:
            JobNotFoundError: there is no such job, or it belongs to another key.
            JobStateError: code job_not_done, job_failed, job_cancelled or result_deleted.
        """
        return await self._database.read(reading.with_transcript, job_id, key_name)

    async def transcript(self, job_id: str, key_name: str | None) -> bytes:
        """Return the result of a job. Raises what `with_transcript` does."""
        return (await self.with_transcript(job_id, key_name))[1]

    async def events(self, job_id: str, after_seq: int, limit: int = 500) -> Sequence[JobEvent]:
        """Return events behind `after_seq` in order: all sentences, and the latest of the state and of the progress.

        Raises:
            JobNotFoundError: the job is gone.
        """
        return await self._database.read(events.events, job_id, after_seq, limit)

    async def wait(self, job_id: str, after_seq: int, timeout_s: float) -> bool:
        """Wait until there is an event behind `after_seq`, or the job is gone; False after `timeout_s` without."""
        return await self._waits.until(job_id, lambda last: last.seq > after_seq, timeout_s)

    async def wait_for_end(self, job_id: str, timeout_s: float) -> bool:
        """Wait until a job has ended, or is gone; False after `timeout_s` without."""
        return await self._waits.until(job_id, lambda last: last.is_end, timeout_s)

    async def deliveries(self, job_id: str) -> Sequence[Delivery]:
        """Return the messages about a job in order."""
        return await self._database.read(deliveries.deliveries_of, job_id)

    async def counts(self) -> Mapping[JobState, int]:
        """Return how many jobs are in each state."""
        return await self._database.read(reading.counts)

    async def oldest_waiting_s(self) -> float | None:
        """Return how long the oldest queued job has been there; None: there is none."""
        return await self._database.read(reading.oldest_waiting_s)

    # --- runners ---

    async def claim(self, owner: str, lease_s: float) -> Job | None:
        """Take a job for `lease_s`: one whose retry is due or whose lease has ended, else the first of the queue.

        The queue is in order of the priority, and of fair turns of the keys. Cancelled, this claims nothing.
        """

        async def give_back(job: Job | None) -> None:
            if job is not None and job.lease is not None:
                await self.release(job.id, job.lease)

        claiming = self._whole(self._database.note(claims.claim, owner, lease_s), give_back)
        return await self._waits.look(WORK, claiming)

    async def next_due_s(self) -> float | None:
        """Return the time until a lease ends or a job may be tried again (<= 0: now); None: there is none of them."""
        return await self._database.read(claims.next_due_s)

    async def wait_for_work(self, timeout_s: float) -> None:
        """Wait until there may be a job to claim: one came since the last claim that found none."""
        await self._waits.for_news(WORK, timeout_s)

    async def wait_for_cancel(self, job_id: str, timeout_s: float) -> bool:
        """Wait until the client cancels or deletes a running job; False after `timeout_s` without."""
        return await self._waits.until(job_id, lambda last: last.is_cancelling, timeout_s)

    async def heartbeat(self, job_id: str, lease: str, lease_s: float, progress: Progress | None = None) -> bool:
        """Prolong a lease; return whether the client cancels the job."""
        return await self._database.note(claims.heartbeat, job_id, lease, lease_s, progress)

    async def fetched(self, job_id: str, lease: str, recording: str, size_bytes: int, request: JobRequest) -> None:
        """Note that the recording was fetched from the job's URL."""
        await self._database.write(recordings.fetched, job_id, lease, recording, size_bytes, request)

    async def add_sentences(
        self,
        job_id: str,
        lease: str,
        first_index: int,
        sentences: Sequence[Mapping[str, Any]],
        progress: Progress,
    ) -> None:
        """Add sentences that are final. Those with an index that is there already are skipped."""
        await self._database.write(events.add_sentences, job_id, lease, first_index, sentences, progress)

    async def save_checkpoint(self, job_id: str, lease: str, payload: bytes) -> None:
        """Keep the next part of the work for a later attempt."""
        await self._database.write(events.save_checkpoint, job_id, lease, payload)

    async def checkpoints(self, job_id: str) -> Sequence[bytes]:
        """Return the parts of the work that are kept, in order."""
        return await self._database.read(events.read_checkpoints, job_id)

    async def finish(
        self, job_id: str, lease: str, transcript: bytes, audio_ms: int, last: LastSentences = NO_SENTENCES
    ) -> None:
        """End a job with its transcript, and count `audio_ms` as used by its key. `last` are its last sentences."""
        await self._database.write(endings.finish, job_id, lease, transcript, audio_ms, last)

    async def fail(
        self, job_id: str, lease: str, error: JobError, *, retry_in_s: float | None, is_dead: bool = False
    ) -> None:
        """End an attempt; the job is tried again after `retry_in_s`, or fails where that is None.

        A job that is being cancelled is cancelled instead.
        """
        await self._database.write(endings.fail, job_id, lease, error, retry_in_s=retry_in_s, is_dead=is_dead)

    async def end_cancelled(self, job_id: str, lease: str) -> None:
        """End a job whose client cancels it."""
        await self._database.write(endings.end_cancelled, job_id, lease)

    async def release(self, job_id: str, lease: str) -> None:
        """Give a job back to the queue as if this attempt had not begun."""
        await self._database.write(claims.release, job_id, lease)

    # --- deletion ---

    async def purge(self, job_id: str, key_name: str | None) -> Sequence[str]:
        """Delete a job in any state with all that is about it; return names of recordings to delete.

        These are also in `recordings_to_delete` until `recording_deleted`.

        Raises:
            JobNotFoundError: there is none, or it belongs to another key.
        """
        names = await self._database.write(deletion.purge, job_id, key_name)
        await self._database.wipe()
        return names

    async def delivered(self, job_id: str) -> Sequence[str]:
        """Drop the texts, request and recording of a job, not its row; return names of recordings to delete.

        Raises:
            JobNotFoundError: the job is gone.
        """
        names = await self._database.write(deletion.delivered, job_id)
        await self._database.wipe()
        return names

    async def due_for_deletion(self, keep_s: float, limit: int) -> Sequence[str]:
        """Return ids of jobs that ended `keep_s` ago or earlier, the oldest first.

        Those whose webhooks are still being delivered are left out.
        """
        return await self._database.read(deletion.due_for_deletion, keep_s, limit)

    async def forget_requests(self, keep_s: float) -> None:
        """Forget each `Idempotency-Key` that was used `keep_s` ago or earlier."""
        await self._database.write(deletion.forget_requests, keep_s)

    async def recordings_to_delete(self, limit: int) -> Sequence[str]:
        """Return names of recordings that no job needs any more, the oldest first."""
        return await self._database.read(recordings.recordings_to_delete, limit)

    async def recording_deleted(self, name: str) -> None:
        """Note that a recording is gone."""
        await self._database.write(recordings.recording_deleted, name)

    # --- usage ---

    async def add_usage(self, key_name: str, requests: int, audio_ms: int) -> None:
        """Add to what a key has used today (UTC). Jobs are counted by `finish`."""
        await self._database.write(usage.count_usage, key_name, requests, audio_ms)

    async def usage(self, since: date, until: date, key_name: str | None) -> Sequence[UsageRow]:
        """Return what was used on the days from `since` to `until`, both included."""
        return await self._database.read(usage.read_usage, since, until, key_name)

    async def _whole(self, writing: Coroutine[Any, Any, T], undo: Callable[[T], Awaitable[None]]) -> T:
        """Wait for a transaction. Where the caller is cancelled meanwhile, it is undone in the background."""

        async def finish_and_undo() -> None:
            await undo(await task)

        task = asyncio.ensure_future(writing)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            undoing = asyncio.create_task(finish_and_undo())
            self._undoing.add(undoing)
            undoing.add_done_callback(self._undoing.discard)
            raise

    async def _delete_all(self, job_ids: Sequence[str]) -> None:
        for job_id in job_ids:
            with suppress(JobNotFoundError):
                await self.purge(job_id, None)


def _backend(url: str | Path) -> Backend:
    if isinstance(url, Path):
        return SqliteBackend(url)
    try:
        from paraserve.runtime.jobs.database.postgres import PostgresBackend  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ParaserveError("jobs_database needs psycopg: pip install 'paraserve[postgres]'") from error
    return PostgresBackend(url)
