"""A live utterance whose partial texts come from the model that writes its segments."""

from paraserve.inference.base import VadStep
from paraserve.options import RecognitionOptions, StreamConfig
from paraserve.runtime.engine import EngineStream
from paraserve.runtime.routing.candidates import Candidate, Candidates
from paraserve.runtime.routing.session_route import SessionRoute
from paraserve.runtime.scheduling.batches import Timed
from paraserve.types import Hypothesis, Partial, Samples, SegmentAudio, Sentence


class AutomaticStream:
    """Streams of the models that an utterance uses; matches `EngineStream`.

    The first model's stream detects speech. A segment's partial texts all come from one model, which is chosen at the
    segment's first step. Without a second pass (mode "online") it is always the first: nothing tells more.

    Raises:
        ProtocolError: a VAD override is out of its range.
    """

    def __init__(self, config: StreamConfig, candidates: Candidates, route: SessionRoute) -> None:
        self._config = config
        self._candidates = candidates
        self._route = route
        self._first = candidates.first.engine.open_stream(config)
        self._streams: dict[str, EngineStream] = {candidates.first.name: self._first}
        self._stepped: EngineStream | None = None
        self._is_ahead = False

    @property
    def lookback_ms(self) -> int:
        """Milliseconds behind the fed samples that a speech boundary may be reported, at most."""
        return self._first.lookback_ms

    @property
    def has_partials(self) -> bool:
        """True if the model of the segment gives partial texts."""
        return self._of_segment().has_partials

    async def detect(self, samples: Samples, *, is_last: bool) -> Timed[VadStep]:
        """Feed the next samples to the first model's voice activity detection."""
        return await self._first.detect(samples, is_last=is_last)

    async def step(self, audio: SegmentAudio, *, is_last: bool) -> Timed[Partial]:
        """Feed the next chunk of a segment to the model that its partial texts come from."""
        self._stepped = self._of_segment()
        timed = await self._stepped.step(audio, is_last=is_last)
        if is_last:
            self._stepped = None
        return timed

    def restart(self) -> None:
        """Drop the open segment. The next step begins another, maybe of another model."""
        for stream in self._streams.values():
            stream.restart()
        self._stepped = None

    async def punctuate(
        self, hypothesis: Hypothesis, options: RecognitionOptions, *, is_last: bool
    ) -> Timed[tuple[Sentence, ...]]:
        """Return the sentences of the next segment, with realtime marks of the model that wrote it."""
        writer = self._candidates.opened(hypothesis.model or "") or self._candidates.first
        return await self._stream_of(writer).punctuate(hypothesis, options, is_last=is_last)

    @property
    def closing(self) -> str:
        """The mark behind the first model's partial texts."""
        return self._first.closing

    async def sentence_end(self, rest: SegmentAudio) -> Timed[float | None]:
        """Return the probability that the open segment ends a sentence, by the model that its partials come from."""
        return await self._of_segment().sentence_end(rest)

    def set_end_silence(self, end_silence_ms: int | None) -> None:
        """Let open speech end after this much silence from now on; None = as the client or the model has it."""
        self._first.set_end_silence(end_silence_ms)

    def set_ahead(self, *, is_ahead: bool) -> None:
        """Say whether the audio comes faster than it is spoken."""
        self._is_ahead = is_ahead
        for stream in self._streams.values():
            stream.set_ahead(is_ahead=is_ahead)

    async def close(self) -> None:
        """Release all state. May be called twice."""
        for stream in self._streams.values():
            await stream.close()

    def _of_segment(self) -> EngineStream:
        """Return the stream that the open segment's partial texts come from."""
        if self._stepped is not None:
            return self._stepped
        return self._first if self._config.mode == "online" else self._stream_of(self._route.partials)

    def _stream_of(self, candidate: Candidate) -> EngineStream:
        if candidate.name not in self._streams:
            stream = candidate.engine.open_stream(self._config)
            stream.set_ahead(is_ahead=self._is_ahead)
            self._streams[candidate.name] = stream
        return self._streams[candidate.name]
