"""A runner of jobs whose steps a test takes one by one. It has a store of its own, as another process has."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from paraserve.formats import transcript_json
from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.job import Job, JobError, Progress
from paraserve.server.protocols.json_encoding import object_text
from paraserve.types import Sentence, Token, Transcript

LEASE_S = 60
TIMEOUT_S = 30


class JobWorker:
    """Steps of attempts at jobs."""

    def __init__(self, store: JobStore, loop: asyncio.AbstractEventLoop) -> None:
        self.store = store
        self._loop = loop

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(TIMEOUT_S)

    def claim(self, job_id: str | None = None) -> Job:
        """The next job, which must be this one."""
        job = self.run(self.store.claim("test", LEASE_S))
        assert job is not None
        assert job_id in (None, job.id)
        return job

    def say(self, job: Job, index: int, *texts: str, duration_ms: int = 10_000) -> None:
        """Add sentences of a second each, the first of them with this index."""
        new = [{"text": text, "start_ms": 1000 * n, "end_ms": 1000 * n + 900} for n, text in enumerate(texts, index)]
        progress = Progress(1000 * (index + len(texts)), duration_ms, 1.5, index + len(texts))
        self.run(self.store.add_sentences(job.id, job.lease, index, new, progress))

    def finish(self, job: Job, transcript: Transcript) -> None:
        """End a job with this transcript."""
        body = object_text(transcript_json(transcript)).encode()
        self.run(self.store.finish(job.id, job.lease, body, transcript.duration_ms))

    def fail(self, job: Job, code: str = "inference_failed", **options) -> None:
        """End an attempt with an error."""
        self.run(self.store.fail(job.id, job.lease, JobError(code, "it failed"), retry_in_s=None, **options))


@contextlib.contextmanager
def job_worker(database: Path) -> Iterator[JobWorker]:
    """A worker on a database file."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        store = asyncio.run_coroutine_threadsafe(JobStore.open(database), loop).result(TIMEOUT_S)
        yield JobWorker(store, loop)
        asyncio.run_coroutine_threadsafe(store.close(), loop).result(TIMEOUT_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(TIMEOUT_S)
        loop.close()


def transcript_of(*texts: str, **facts) -> Transcript:
    """A transcript with a sentence of a second for each text."""
    sentences = [
        Sentence(text, 1000 * n, 1000 * n + 900, (Token(text, 1000 * n, 1000 * n + 900, 0.5),))
        for n, text in enumerate(texts)
    ]
    ms = 1000 * len(texts)
    return Transcript("".join(texts), tuple(sentences), ms, audio_received_ms=ms, audio_processed_ms=ms, **facts)
