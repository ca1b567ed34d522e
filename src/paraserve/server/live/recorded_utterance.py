"""An utterance that is recognized as one recording after its end, from raw audio or from the bytes of a file."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import numpy as np

from paraserve.errors import AudioTooLongError, UploadTooLargeError
from paraserve.inference.audio.wav.live_header import RIFF_BYTES, may_be_wav, streamed_wav_header
from paraserve.operator_redaction import OperatorRedaction
from paraserve.options import AudioFormat, RecognitionOptions, SemanticEndpoint, StreamConfig
from paraserve.runtime.channels.split_recording import transcribe_recording
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.decoding.spool import spool
from paraserve.runtime.offline import transcribe
from paraserve.runtime.recorded_file import FileLimits
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.server.live.final_deadline import FinalLimits
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.timelines import Timelines
from paraserve.types import SAMPLE_RATE, Samples, Transcript

BLOCK_SAMPLES = SAMPLE_RATE
"""Raw audio is recognized as it arrives, in blocks of a second."""
WRITE_BYTES = 256 * 1024
"""Small frames of a file are gathered before they are written."""


@dataclass(frozen=True, slots=True)
class LiveContext:
    """The engine, the decode children, the limits, the operator's redaction and endpoint of all live sessions.

    `timelines` has the timing of each.
    """

    engine: RoutedEngine
    pool: DecodePool
    file_limits: FileLimits
    max_upload_bytes: int
    metrics: Metrics
    redaction: OperatorRedaction = field(default_factory=OperatorRedaction)
    final_limits: FinalLimits = field(default_factory=FinalLimits)
    endpoint: SemanticEndpoint = field(default_factory=SemanticEndpoint)
    timelines: Timelines = field(default_factory=Timelines)

    def with_operator(self, stream: StreamConfig) -> StreamConfig:
        """Return a client's choices for an utterance with the operator's redaction and usual endpoint."""
        endpoint = self.endpoint if stream.endpoint == SemanticEndpoint() else stream.endpoint
        return replace(stream, options=self.redaction.with_client(stream.options), endpoint=endpoint)


async def transcribe_samples(
    context: LiveContext, samples: AsyncIterator[Samples], options: RecognitionOptions
) -> Transcript:
    """Transcribe raw audio while it arrives.

    Raises:
        AudioTooLongError: there is more of it than the limit on duration.
        InferenceError: a segment could not be recognized.
    """
    limits = context.file_limits
    blocks = _blocks(samples, limits.max_duration_ms // 1000)
    options = context.redaction.with_client(options)
    async with context.engine.for_model(options.model, options.task) as engine:
        return await transcribe(engine, blocks, options, merge_ms=limits.merge_ms(options))


async def transcribe_bytes(
    context: LiveContext, pieces: AsyncIterator[bytes], options: Callable[[], RecognitionOptions]
) -> Transcript:
    """Gather a file, then decode and transcribe it. `options` is called once all of it is there.

    Raises:
        AudioError: the file cannot be used; its subclass and code say why.
        InferenceError: a segment could not be recognized.
        StorageError: the file cannot be stored.
    """
    with spool() as file:
        await _write(file, pieces, context.max_upload_bytes)
        chosen = context.redaction.with_client(options())
        with context.metrics.decoding():
            async with context.engine.for_model(chosen.model, chosen.task) as engine:
                return await transcribe_recording(engine, context.pool, file, chosen, context.file_limits)


async def with_header(pieces: AsyncIterator[bytes], audio: AudioFormat) -> AsyncIterator[bytes]:
    """Yield raw audio as a wav of unknown length, unless it begins like a wav itself."""
    head = bytearray()
    is_begun = False
    async for data in pieces:
        if is_begun:
            yield data
            continue
        head += data
        if len(head) >= RIFF_BYTES or not may_be_wav(head):
            is_begun = True
            yield bytes(head) if may_be_wav(head) else streamed_wav_header(audio) + head
    if not is_begun:
        yield streamed_wav_header(audio) + head


async def _blocks(samples: AsyncIterator[Samples], max_duration_s: int) -> AsyncIterator[Samples]:
    waiting: list[Samples] = []
    n_waiting = n_samples = 0
    async for piece in samples:
        waiting.append(piece)
        n_waiting += len(piece)
        n_samples += len(piece)
        if n_samples > max_duration_s * SAMPLE_RATE:
            raise AudioTooLongError(f"the recording is longer than {max_duration_s} s")
        if n_waiting >= BLOCK_SAMPLES:
            yield np.concatenate(waiting)
            waiting, n_waiting = [], 0
    if waiting:
        # Nothing is left where the last piece, a resampler's tail, completed a block.
        yield np.concatenate(waiting)


async def _write(file: BinaryIO, pieces: AsyncIterator[bytes], max_bytes: int) -> None:
    n_bytes = 0
    waiting = bytearray()
    async for data in pieces:
        n_bytes += len(data)
        if n_bytes > max_bytes:
            raise UploadTooLargeError(f"the file is larger than {max_bytes} bytes")
        waiting += data
        if len(waiting) >= WRITE_BYTES:
            await asyncio.to_thread(file.write, waiting)
            waiting = bytearray()
    await asyncio.to_thread(file.write, waiting)
    file.seek(0)
