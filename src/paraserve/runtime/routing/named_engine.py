"""One of several models, whose name its hypotheses carry."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from paraserve.errors import ParaserveError
from paraserve.inference.abilities import Abilities
from paraserve.options import NO_OVERRIDES, RecognitionOptions, StreamConfig, VadOverrides
from paraserve.runtime.engine import Engine, EngineStream, VadStream
from paraserve.runtime.scheduling.batches import Lane, Timed
from paraserve.types import Hypothesis, SegmentAudio, Sentence

REQUESTED = "requested"
"""Reason of a model that the client named."""
FALLBACK = "fallback"
"""Reason of a model that stands in for the one that the client named."""


class NamedEngine:
    """An engine that writes its name, and the reason why it is asked, into each hypothesis; matches `Engine`.

    The sentences of a hypothesis get its name too (`final_text`). What clients call the model reaches no engine, so
    that requests by different names of it share batches.
    """

    def __init__(self, name: str, engine: Engine, reason: str | None = None) -> None:
        self._name = name
        self._reason = reason
        self._engine = engine

    @property
    def abilities(self) -> Abilities:
        """Those of the engine."""
        return self._engine.abilities

    @property
    def max_segment_ms(self) -> int:
        """Length at which speech is cut."""
        return self._engine.max_segment_ms

    def open_vad(self, lane: Lane = Lane.BULK, overrides: VadOverrides = NO_OVERRIDES) -> VadStream:
        """Open voice activity detection for one stream."""
        return self._engine.open_vad(lane, overrides)

    def open_stream(self, config: StreamConfig) -> EngineStream:
        """Open a live utterance.

        Raises:
            ProtocolError: a VAD override is out of its range.
        """
        return self._engine.open_stream(replace(config, options=replace(config.options, model=None)))

    async def recognize(
        self, audio: SegmentAudio, options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[Hypothesis]:
        """Recognize one segment. Raises what the engine raises."""
        timed = await self._engine.recognize(audio, replace(options, model=None), lane)
        return replace(timed, result=replace(timed.result, model=self._name, model_reason=self._reason))

    async def punctuate(
        self, hypotheses: Sequence[Hypothesis], options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[tuple[Sentence, ...]]:
        """Return the sentences of consecutive segments."""
        return await self._engine.punctuate(hypotheses, replace(options, model=None), lane)

    @property
    def queued(self) -> Mapping[Lane, int]:
        """Number of calls that wait in each lane of the device, whatever their model."""
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
        """Close the engine."""
        await self._engine.close()
