"""Recognition in this process, for the commands that need no server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from paraserve.cli.inputs import Source
from paraserve.cli.progress import OnProgress
from paraserve.operator_redaction import OperatorRedaction, read_redaction
from paraserve.options import RecognitionOptions
from paraserve.runtime.channels.split_recording import transcribe_recording
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.recorded_file import FileLimits
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.server.protocols.option_warnings import detector_warnings, option_warnings
from paraserve.settings import Settings
from paraserve.types import Transcript
from paraserve.wiring import open_decode_pool, open_engine


@dataclass(frozen=True, slots=True)
class LocalTranscriber:
    """An engine with the decode processes that feed it."""

    engine: RoutedEngine
    pool: DecodePool
    limits: FileLimits
    redaction: OperatorRedaction

    async def __call__(self, source: Source, options: RecognitionOptions, on_progress: OnProgress) -> Transcript:
        """Transcribe one recording. The transcript has warnings about options that the models cannot honour.

        Raises:
            OSError: it cannot be read.
            ParaserveError: it cannot be transcribed.
        """
        async with self.engine.for_model(options.model, options.task) as engine:
            with source.open() as file:
                done = self.redaction.with_client(options)
                work = transcribe_recording(engine, self.pool, file, done, self.limits, on_progress=on_progress)
                transcript = await work
            abilities = engine.abilities
            warnings = [*option_warnings(options, abilities, asked=()), *detector_warnings(options, abilities)]
        return replace(transcript, warnings=(*warnings, *transcript.warnings))


@asynccontextmanager
async def open_local(settings: Settings) -> AsyncIterator[LocalTranscriber]:
    """Load the models, and release them at the end.

    Raises:
        ModelLoadError: names the file or folder at fault.
        ParaserveError: a list of words of the settings cannot be used.
    """
    redaction = OperatorRedaction(read_redaction(settings))
    engine = await asyncio.to_thread(open_engine, settings)
    pool = open_decode_pool(settings)
    try:
        limits = FileLimits(settings.max_duration_s * 1000, settings.merge_vad, settings.merge_length_ms)
        yield LocalTranscriber(engine, pool, limits, redaction)
    finally:
        await pool.close()
        await engine.close()
