"""A model as jobs use it: behind all other work, and without recognizing a segment that is known already."""

from collections.abc import Mapping, Sequence

from paraserve.errors import ParaserveError
from paraserve.inference.abilities import Abilities
from paraserve.options import NO_OVERRIDES, RecognitionOptions, StreamConfig, VadOverrides
from paraserve.runtime.engine import Engine, EngineStream, VadStream
from paraserve.runtime.jobs.working.kept_segments import KeptSegments, duration_ms, segment_key
from paraserve.runtime.scheduling.batches import Lane, Timed
from paraserve.types import Hypothesis, SegmentAudio, Sentence


class JobEngine:
    """One model of a job; matches `Engine`. All its calls go into `Lane.JOBS`, whatever the caller says.

    Args:
        engine: of the model.
        model: says what the model is made of.
        segments: has segments of earlier attempts, and gets those that are recognized.
    """

    def __init__(self, engine: Engine, model: str, segments: KeptSegments) -> None:
        self._engine = engine
        self._model = model
        self._segments = segments

    @property
    def abilities(self) -> Abilities:
        """Those of the engine."""
        return self._engine.abilities

    @property
    def max_segment_ms(self) -> int:
        """Length at which speech is cut."""
        return self._engine.max_segment_ms

    def open_vad(
        self,
        lane: Lane = Lane.JOBS,  # noqa: ARG002 - jobs have one lane
        overrides: VadOverrides = NO_OVERRIDES,
    ) -> VadStream:
        """Open voice activity detection for one recording. Raises what the engine raises."""
        return self._engine.open_vad(Lane.JOBS, overrides)

    def open_stream(self, config: StreamConfig) -> EngineStream:
        """Open a live utterance, which no job does. Raises what the engine raises."""
        return self._engine.open_stream(config)

    async def recognize(
        self,
        audio: SegmentAudio,
        options: RecognitionOptions,
        lane: Lane = Lane.JOBS,  # noqa: ARG002 - jobs have one lane
    ) -> Timed[Hypothesis]:
        """Recognize one segment, or return what an earlier attempt recognized. Raises what the engine raises."""
        key = segment_key(self._model, audio, options)
        kept = self._segments.find(key)
        if kept is not None:
            return Timed(kept, 0.0, 0.0)
        with self._segments.in_flight(duration_ms(audio)):
            timed = await self._engine.recognize(audio, options, Lane.JOBS)
        self._segments.add(key, timed.result, duration_ms(audio))
        return timed

    async def punctuate(
        self,
        hypotheses: Sequence[Hypothesis],
        options: RecognitionOptions,
        lane: Lane = Lane.JOBS,  # noqa: ARG002 - jobs have one lane
    ) -> Timed[tuple[Sentence, ...]]:
        """Return the sentences of consecutive segments. Raises what the engine raises."""
        return await self._engine.punctuate(hypotheses, options, Lane.JOBS)

    @property
    def queued(self) -> Mapping[Lane, int]:
        """Number of calls that wait in each lane."""
        return self._engine.queued

    @property
    def waited_s(self) -> Mapping[Lane, float]:
        """Seconds for which the first call in each lane has waited, 0 in an empty one."""
        return self._engine.waited_s

    def end_overdue(self, timeout_s: float) -> int:
        """Answer the callers of model runs that take longer; return how many such runs are in progress."""
        return self._engine.end_overdue(timeout_s)

    def abandon(self, error: type[ParaserveError], message: str) -> None:
        """Answer every call that waits or runs with this error."""
        self._engine.abandon(error, message)

    async def close(self) -> None:
        """Do nothing: the models belong to the server."""
