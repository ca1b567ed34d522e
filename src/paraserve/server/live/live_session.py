"""What a live client and the server say to each other, utterance after utterance; knows no socket.

An utterance begins with audio or an end marker and ends with exactly one final result: its last text, or the error
that ended it.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import BinaryIO, cast

import numpy as np

from paraserve.errors import (
    AccessError,
    AudioTooLongError,
    InferenceError,
    OverloadedError,
    ParaserveError,
    UnsupportedFormatError,
    UploadTooLargeError,
)
from paraserve.runtime.decoding.pool import SPOOL_MEMORY_BYTES, DecodePool
from paraserve.runtime.engine import Engine
from paraserve.runtime.offline import FileLimits, transcribe, transcribe_file
from paraserve.runtime.two_pass import TwoPassSession
from paraserve.server.live.input import UtteranceReader
from paraserve.server.live.output import ResultWriter
from paraserve.server.live.queues import CloseRequest, Inbox, Outbox
from paraserve.server.protocols.funasr.bodies import Json
from paraserve.server.protocols.funasr.live import FunasrDialect
from paraserve.server.telemetry.metrics import Metrics
from paraserve.types import SAMPLE_RATE, Samples, Transcript, Update

BLOCK_SAMPLES = SAMPLE_RATE
"""Mode offline recognises raw audio as it comes, in blocks of a second."""
WRITE_BYTES = 256 * 1024
"""Small frames of a file are gathered before they are written."""


@dataclass(frozen=True, slots=True)
class LiveContext:
    """What turns a client's audio into text, and within which limits."""

    engine: Engine
    pool: DecodePool
    dialect: FunasrDialect
    file_limits: FileLimits
    max_upload_bytes: int
    metrics: Metrics


def close_code(error: ParaserveError) -> int | None:
    """How the connection ends after this error; None = it goes on with the next utterance."""
    if isinstance(error, AccessError):
        return 1008
    if isinstance(error, OverloadedError):
        return 1012 if error.code == "shutting_down" else 1013
    if isinstance(error, UploadTooLargeError):
        return 1009
    return 1011 if isinstance(error, InferenceError) else None


class LiveSession:
    """One connection's utterances."""

    def __init__(self, recognition: LiveContext, inbox: Inbox, outbox: Outbox, request_id: str) -> None:
        self.n_utterances = 0
        self._recognition = recognition
        self._outbox = outbox
        self._request_id = request_id
        self._speaker = ResultWriter(outbox, recognition.dialect, request_id)
        self.listener = UtteranceReader(inbox, outbox, self._refuse)

    async def run(self) -> CloseRequest:
        """Utterance after utterance, until the inbox says stop.

        Raises:
            ParaserveError: the connection cannot go on; `close_code` says how it ends. The client has been told.
        """
        listener = self.listener
        while True:
            first = await listener.next_audio()
            if first is not None or listener.stop is None:
                self.n_utterances += 1
                await self._utterance(first)
            if listener.stop is not None:
                return listener.stop
            # Who does not read the results does not get to ask for more.
            await self._outbox.drained()
            listener.begin()
            self._speaker.begin()

    def error(self, code: str, message: str) -> Json:
        """An error result in terms of what the client has asked for."""
        return self._speaker.error_body(code, message, self.listener.request)

    def _refuse(self, error: ParaserveError) -> None:
        """A message that cannot be obeyed changes nothing and ends nothing."""
        self._speaker.error(error, self.listener.request)

    async def _utterance(self, first: bytes | None) -> None:
        """From its first audio (None: it has none) to its final result and the acknowledgement."""
        listener, heard_before_ms = self.listener, self.listener.heard_ms
        try:
            await self._recognise(first)
        except ParaserveError as error:
            self._speaker.error(error, listener.request)
            if close_code(error) is not None:
                raise
            listener.problem = error.message
            await listener.skip()
        finally:
            self._recognition.metrics.audio_seconds.inc((listener.heard_ms - heard_before_ms) / 1000)
        if listener.wants_ack:
            self._speaker.acknowledgement(listener.request, listener.problem)

    async def _recognise(self, first: bytes | None) -> None:
        request = self.listener.request
        if first is None:
            self._speaker.nothing(request)
        elif self._recognition.dialect.mode_for(request.mode) != "offline":
            await self._live(first)
        else:
            transcribe_it = self._file if request.is_container else self._pcm
            transcript = await transcribe_it(first)
            await self._speaker.transcript(transcript, self.listener.request, self.listener.ended_s)

    async def _live(self, first: bytes) -> None:
        request = self.listener.request
        if request.is_container:
            problem = f"live transcription takes raw PCM only, not {request.wav_format!r}: send files in mode offline"
            raise UnsupportedFormatError(problem, param="wav_format")
        is_strict = self._recognition.dialect.is_strict
        config = request.stream_config(self._request_id, realtime_punctuation=is_strict)
        async with TwoPassSession(self._recognition.engine, config, self._say) as session:
            async for samples in self.listener.samples(first):
                session.options = self.listener.request.options
                await session.feed(samples)
            await session.finish()

    def _say(self, update: Update) -> None:
        listener = self.listener
        self._speaker.update(update, listener.request, listener.arrivals.at(update.due_ms))

    async def _pcm(self, first: bytes) -> Transcript:
        limits = self._recognition.file_limits
        options = self.listener.request.options
        return await transcribe(self._recognition.engine, self._blocks(first), options, merge_ms=limits.merge_ms)

    async def _blocks(self, first: bytes) -> AsyncIterator[Samples]:
        limit_s = self._recognition.file_limits.max_duration_ms // 1000
        waiting: list[Samples] = []
        n_waiting = n_samples = 0
        async for samples in self.listener.samples(first):
            waiting.append(samples)
            n_waiting += len(samples)
            n_samples += len(samples)
            if n_samples > limit_s * SAMPLE_RATE:
                raise AudioTooLongError(f"the recording is longer than {limit_s} s")
            if n_waiting >= BLOCK_SAMPLES:
                yield np.concatenate(waiting)
                waiting, n_waiting = [], 0
        yield np.concatenate(waiting)

    async def _file(self, first: bytes) -> Transcript:
        recognition = self._recognition
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_MEMORY_BYTES) as spool:
            file = cast("BinaryIO", spool)
            await self._receive(first, file)
            options = self.listener.request.options
            with recognition.metrics.decoding():
                transcript = await transcribe_file(
                    recognition.engine, recognition.pool, file, options, recognition.file_limits
                )
        self.listener.heard_ms += transcript.duration_ms
        return transcript

    async def _receive(self, first: bytes, file: BinaryIO) -> None:
        max_bytes, n_bytes = self._recognition.max_upload_bytes, 0
        waiting = bytearray()
        async for data in self.listener.audio(first):
            n_bytes += len(data)
            if n_bytes > max_bytes:
                raise UploadTooLargeError(f"the file is larger than {max_bytes} bytes")
            waiting += data
            if len(waiting) >= WRITE_BYTES:
                await asyncio.to_thread(file.write, waiting)
                waiting = bytearray()
        file.write(waiting)
        file.seek(0)
