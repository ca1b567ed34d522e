"""A job that this process has leased: what an attempt writes about it, once the database answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from paraserve.errors import StorageError
from paraserve.runtime.jobs.job import Job, JobError, JobRequest, LastSentences, Progress

if TYPE_CHECKING:
    from paraserve.runtime.jobs.database.store import JobStore

T = TypeVar("T")
RETRY_S, MAX_RETRY_S = 0.2, 5.0

log = logging.getLogger(__name__)


class LeasedJob:
    """Writes of one attempt. While the database is away or full, each waits for it: the work goes on meanwhile.

    All raise `LeaseLostError` once another runner has the job: nothing was written then.
    """

    def __init__(self, store: "JobStore", job: Job, lease_s: float) -> None:
        assert job.lease is not None, "a claimed job has a lease"
        self._store = store
        self._id = job.id
        self._lease = job.lease
        self._lease_s = lease_s
        self._n_sentences = 0

    async def checkpoints(self) -> Sequence[bytes]:
        """Return what earlier attempts have kept, in order."""
        return await self._answered(lambda: self._store.checkpoints(self._id))

    async def heartbeat(self, progress: Progress) -> bool:
        """Prolong the lease; return whether the client cancels the job."""
        return await self._answered(lambda: self._store.heartbeat(self._id, self._lease, self._lease_s, progress))

    async def fetched(self, recording: str, size_bytes: int, request: JobRequest) -> None:
        """Note that the recording was fetched."""
        await self._answered(lambda: self._store.fetched(self._id, self._lease, recording, size_bytes, request))

    async def add_sentences(self, sentences: Sequence[Mapping[str, Any]], progress: Progress) -> None:
        """Add the next final sentences, from the recording's first one on."""
        first, self._n_sentences = self._n_sentences, self._n_sentences + len(sentences)
        await self._answered(lambda: self._store.add_sentences(self._id, self._lease, first, sentences, progress))

    async def save_checkpoint(self, payload: bytes) -> None:
        """Keep recognized segments for a later attempt."""
        await self._answered(lambda: self._store.save_checkpoint(self._id, self._lease, payload))

    async def finish(
        self, transcript: bytes, audio_ms: int, sentences: Sequence[Mapping[str, Any]], progress: Progress
    ) -> None:
        """End the job with its transcript. `sentences` are those that were not added yet."""
        last = LastSentences(self._n_sentences, sentences, progress)
        await self._answered(lambda: self._store.finish(self._id, self._lease, transcript, audio_ms, last))

    async def fail(self, error: JobError, *, retry_in_s: float | None, is_dead: bool) -> None:
        """End the attempt; `retry_in_s` None ends the job, too."""
        await self._answered(
            lambda: self._store.fail(self._id, self._lease, error, retry_in_s=retry_in_s, is_dead=is_dead)
        )

    async def end_cancelled(self) -> None:
        """End the job that its client cancels."""
        await self._answered(lambda: self._store.end_cancelled(self._id, self._lease))

    async def release(self) -> None:
        """Give the job back to the queue. The attempt does not count."""
        await self._answered(lambda: self._store.release(self._id, self._lease))

    async def _answered(self, call: Callable[[], Awaitable[T]]) -> T:
        wait_s = RETRY_S
        while True:
            try:
                return await call()
            except StorageError as error:
                log.warning("job %s: its database does not take what is written: %s", self._id, error.message)
            await asyncio.sleep(wait_s)
            wait_s = min(MAX_RETRY_S, 2 * wait_s)
