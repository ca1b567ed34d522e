"""A worker of a cluster: an engine of its own, which transcribes batches of recordings. Ray makes one an actor."""

import asyncio
import logging
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

from paraserve.cli.inputs import Source
from paraserve.cli.local import LocalTranscriber, open_local
from paraserve.cli.recognition_flags import RecognitionFlags
from paraserve.deploy.bulk.batches import read_batch
from paraserve.deploy.bulk.recordings import Recording
from paraserve.deploy.bulk.rows import Row, error_facts, failed, transcribed
from paraserve.errors import ParaserveError
from paraserve.options import RecognitionOptions
from paraserve.runtime.jobs.working.retries import MAY_PASS, retry_in_s
from paraserve.runtime.remote.address_guard import AddressGuard
from paraserve.runtime.remote.fetcher import Fetcher
from paraserve.setting_sources import SettingSources
from paraserve.types import Transcript

ANY_HOST = ("0.0.0.0/0", "::/0")
"""Whoever writes the manifest runs the cluster, so its URLs may lead to any host."""

ATTEMPTS = 3
"""At a recording, where a machine is overloaded, a disk is full, or a host does not answer."""
FIRST_WAIT_S = 2.0
PROBLEM = "problem"
"""The only column of the answer of a worker that cannot work."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """How workers recognize: with these settings, and these flags for all recordings, so many of them at once."""

    settings: Mapping[str, Any]
    flags: RecognitionFlags
    files_at_once: int


class Worker:
    """Transcribes batches. Models that cannot be loaded are its answer to each batch."""

    def __init__(self, plan: WorkerPlan) -> None:
        self._plan = plan
        self._runner = asyncio.Runner()
        self._exits = AsyncExitStack()
        self._problem = ""
        try:
            self._local = self._runner.run(self._open())
        except ParaserveError as error:
            self._problem = f"{socket.gethostname()}: {error.message}"

    def __call__(self, block: Mapping[str, Sequence[str]]) -> dict[str, list[Any]]:
        """Return the rows of a block's batches, a column for each fact, as `rows_of` reads them."""
        if self._problem:
            return {PROBLEM: [self._problem]}
        recordings = [one for batch in block["batch"] for one in read_batch(batch)]
        rows = self._runner.run(self._rows(recordings))
        return {field.name: [getattr(row, field.name) for row in rows] for field in fields(Row)}

    def close(self) -> None:
        """Close the models and the decode processes. An actor of Ray need not: its process ends."""
        self._runner.run(self._exits.aclose())
        self._runner.close()

    async def _open(self) -> LocalTranscriber:
        settings = SettingSources(self._plan.settings).read()
        self._max_bytes, self._timeout_s = settings.max_upload_bytes, settings.url_timeout_s
        self._guard = AddressGuard(ANY_HOST)
        return await self._exits.enter_async_context(open_local(settings))

    async def _rows(self, recordings: Sequence[Recording]) -> list[Row]:
        slots = asyncio.Semaphore(self._plan.files_at_once)

        async def row(recording: Recording) -> Row:
            async with slots:
                return await self._row(recording)

        return await asyncio.gather(*map(row, recordings))

    async def _row(self, recording: Recording) -> Row:
        begun_s = time.monotonic()
        try:
            transcript = await self._transcribed(recording)
        except Exception as error:  # a defect on one recording must not cost the rows of the others
            if not isinstance(error, ParaserveError | OSError):
                log.exception("%s", recording.path)
            return failed(recording, *error_facts(error), time.monotonic() - begun_s)
        return transcribed(recording, transcript, time.monotonic() - begun_s)

    async def _transcribed(self, recording: Recording) -> Transcript:
        """Transcribe a recording; again where that fails for a reason that may pass."""
        options = replace(self._plan.flags, **recording.choices).options(word_times=True)
        for attempt in range(1, ATTEMPTS):
            try:
                return await self._attempt(recording, options)
            except MAY_PASS:
                await asyncio.sleep(retry_in_s(attempt, FIRST_WAIT_S))
        return await self._attempt(recording, options)

    async def _attempt(self, recording: Recording, options: RecognitionOptions) -> Transcript:
        async with self._source(recording) as source:
            return await self._local(source, options, lambda *_: None)

    @asynccontextmanager
    async def _source(self, recording: Recording) -> AsyncIterator[Source]:
        """Give the recording; one behind a URL as a copy without a name."""
        scheme, _, place = recording.path.partition("://")
        if not place:
            yield Source(recording.path)
            return
        bucket = place.partition("/")[0]
        fetcher = Fetcher(self._guard, buckets=[f"s3://{bucket}"] if scheme.lower() == "s3" else [])
        with tempfile.TemporaryFile() as copy:
            await fetcher.fetch(recording.path, copy, self._max_bytes, self._timeout_s)
            yield Source(recording.path, copy)


def rows_of(answer: Mapping[str, Sequence[Any]]) -> list[Row]:
    """Return the rows of an answer.

    Raises:
        ParaserveError: the worker cannot load its models.
    """
    if PROBLEM in answer:
        raise ParaserveError(f"a worker cannot work: {answer[PROBLEM][0]}")
    columns = zip(*(answer[field.name] for field in fields(Row)), strict=True)
    return [Row(str(id_), str(line), int(audio_ms), bool(is_failed)) for id_, line, audio_ms, is_failed in columns]
