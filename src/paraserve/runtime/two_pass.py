"""One live utterance: audio in, partial texts while it is spoken, each segment's final text soon after its end.

It knows no socket. The second pass of a segment runs while the next segment is stepped. The next segment's partial
texts are held back until the final text is out, so updates always come in the order of the audio.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType

import numpy as np

from paraserve.errors import ProtocolError
from paraserve.inference.hotword_lists import HotwordReports, still_shown
from paraserve.options import RecognitionOptions, StreamConfig
from paraserve.runtime.audio_intake import AudioIntake
from paraserve.runtime.engine import Engine
from paraserve.runtime.first_pass import FirstPass
from paraserve.runtime.offline import first_cause
from paraserve.runtime.redacted_texts import LiveRedaction
from paraserve.runtime.scheduling.batches import Lane
from paraserve.runtime.scheduling.live_load import LiveLoad
from paraserve.runtime.second_passes import SecondPasses
from paraserve.runtime.segments.cut_speech import moved
from paraserve.runtime.segments.live_segmenter import Chunk, SpeechEnd, segmenter_of, speech_changes
from paraserve.runtime.segments.semantic_endpoint import PauseJudge
from paraserve.runtime.understanding import StreamedSegment
from paraserve.runtime.update_order import OrderedUpdates
from paraserve.speech_types import SpeechChange
from paraserve.types import (
    SAMPLE_RATE,
    Heard,
    Partial,
    Samples,
    Segment,
    Update,
    ms_to_samples,
    samples_to_ms,
)

MIN_STEP_MS = 60
"""Least audio of a VAD step, unless less completes a chunk: a short step costs as much as a long one."""
MAX_STEP_SAMPLES = SAMPLE_RATE
"""Most audio of a VAD step, so that a stream that sends faster than real time does not hold a worker."""
_NOTHING: Samples = np.zeros(0, np.float32)


def _unknown() -> None:
    """The rest of the open segment's audio while steps before it are missing."""


class TwoPassSession:
    """One utterance, opened and closed by `async with`. Its times start at 0.

    `options` may be set at any time and applies to the segments that end later. `is_ahead` may be set, too: the audio
    comes faster than it is spoken, and those who speak are served first.

    Args:
        engine: recognizes.
        config: what the client asks for.
        emit: gets each update in order, as soon as it is complete; must not block.
        load: of all live streams. Partial texts give way to it.
        on_speech: gets each start and end of speech as soon as it is known, before the texts; must not block.

    Raises:
        ProtocolError: a VAD override is out of its range.
    """

    def __init__(
        self,
        engine: Engine,
        config: StreamConfig,
        emit: Callable[[Update], None],
        load: LiveLoad | None = None,
        on_speech: Callable[[SpeechChange], None] | None = None,
    ) -> None:
        self.options: RecognitionOptions = config.options
        self.is_ahead = False
        self._engine = engine
        self._config = config
        self._intake = AudioIntake(config.options)
        self._updates = OrderedUpdates(config, self._intake.telling(emit), engine.abilities.knows)
        self._on_speech = on_speech
        self._stream = engine.open_stream(config)
        self._pauses = None if config.endpoint is None else PauseJudge(self._stream, config.endpoint)
        self._first_pass = FirstPass(self._stream, config, load or LiveLoad(), self._put_step)
        self._segmenter = segmenter_of(engine, config, self._stream.lookback_ms)
        self._group = asyncio.TaskGroup()
        self._quiet_until_ms = self._partial_until_ms = 0
        self._streamed = StreamedSegment()
        self._waiting: list[Samples] = []
        self._n_waiting = 0
        self._reports = HotwordReports(has_second_pass=config.mode == "2pass")
        self._redaction = LiveRedaction(config.mode)
        realtime = self._stream if config.realtime_punctuation else None
        self._second_passes = SecondPasses(
            engine, realtime, self._group, self._redaction, self._reports, self._first_pass.take_notice
        )

    async def __aenter__(self) -> "TwoPassSession":
        """Open the utterance.

        Raises:
            ProtocolError: mode "online" without a streaming model.
        """
        if self._config.mode == "online" and not self._stream.has_partials:
            await self._stream.close()
            raise ProtocolError("no streaming model is loaded: use 2pass", code="mode_unavailable", param="mode")
        await self._group.__aenter__()
        self._first_pass.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel running second passes and release all state.

        Raises:
            ParaserveError: the first failure of a second pass.
        """
        self._second_passes.cancel()
        try:
            await self._group.__aexit__(kind, error, trace)
        except ExceptionGroup as errors:
            raise first_cause(errors) from None
        finally:
            await self._first_pass.close()
            await self._stream.close()

    @property
    def heard_ms(self) -> int:
        """Milliseconds of audio that voice activity detection has taken."""
        return self._segmenter.heard_ms

    def _lane(self, live: Lane) -> Lane:
        return Lane.AHEAD if self.is_ahead else live

    async def feed(self, samples: Samples) -> None:
        """Take any number of samples (float32, mono, 16 kHz). Waits while second passes are far behind.

        Raises:
            InferenceError: a model failed.
            OverloadedError: the engine is closed.
        """
        for start in range(0, len(samples), MAX_STEP_SAMPLES):
            piece = self._intake.take(samples[start : start + MAX_STEP_SAMPLES])
            self._waiting.append(piece)
            self._n_waiting += len(piece)
            if self._is_due():
                await self._detect(is_last=False)

    async def finish(self) -> None:
        """End the audio; returns once all updates are out, the last one with `last=True`."""
        self._waiting.append(self._intake.rest())
        has_last = await self._detect(is_last=True)
        await self._second_passes.finish()
        if not has_last:
            self._updates.put(self._updates.closing(self.heard_ms, self._stream.closing))

    async def settle(self) -> None:
        """Return once the texts of all segments that have ended are out. More audio may follow."""
        await self._second_passes.finish()

    async def commit(self) -> None:
        """End the open segment where the audio is. One update `is_committed` for it, an empty one outside speech."""
        if self._n_waiting:
            await self._detect(is_last=False)
        end = self._segmenter.commit()
        if end is not None:
            await self._end(end, is_last=False)
            return
        self._updates.put(replace(self._updates.closing(self.heard_ms), last=False, is_committed=True))

    def _is_due(self) -> bool:
        """Tell whether the waiting samples may bring a speech boundary or complete a chunk.

        Where they cannot, the VAD step waits. That saves most steps, and no boundary is found later.
        """
        due_ms = max(self._quiet_until_ms, self.heard_ms + MIN_STEP_MS)
        if self._segmenter.due_ms is not None:
            due_ms = min(due_ms, self._segmenter.due_ms)
            if self._pauses is not None:
                due_ms = min(due_ms, self.heard_ms + MIN_STEP_MS)
        return self._n_waiting >= min(MAX_STEP_SAMPLES, ms_to_samples(due_ms - self.heard_ms))

    async def _detect(self, *, is_last: bool) -> bool:
        """Run one VAD step and what follows from it; return whether the utterance's last update has been started."""
        samples = np.concatenate((_NOTHING, *self._waiting))
        self._waiting, self._n_waiting = [], 0
        self._stream.set_ahead(is_ahead=self.is_ahead)
        vad = (await self._stream.detect(samples, is_last=is_last)).result
        self._quiet_until_ms = vad.quiet_until_ms
        if self._on_speech is not None:
            for change in speech_changes(vad, self.heard_ms + samples_to_ms(len(samples))):
                self._on_speech(change)
        has_last = False
        for item in self._segmenter.push(samples, vad):
            if isinstance(item, Chunk):
                await self._step(item)
            else:
                has_last = is_last and item.is_cut_off
                await self._end(item, is_last=has_last)
        if self._pauses is not None:
            await self._pauses.watch(vad, self._segmenter.unstepped if self._first_pass.has_all else _unknown)
        return has_last

    async def _step(self, chunk: Chunk) -> None:
        if self._stream.has_partials:
            audio = replace(chunk.audio, hotwords=self.options.hotwords)
            await self._first_pass.add(replace(chunk, audio=audio), is_ahead=self.is_ahead)

    def _put_step(self, partial: Partial, chunk: Chunk) -> None:
        self._streamed.add(partial)
        self._put_partial(partial, chunk, due_ms=chunk.end_ms)

    async def _end(self, end: SpeechEnd, *, is_last: bool) -> None:
        if self._config.mode == "2pass":
            # The second pass replaces all that the streaming model would still add to this segment.
            self._first_pass.drop()
            self._updates.put(await self._second_passes.start(end, self.options, self._lane, is_last=is_last))
            return
        await self._first_pass.flush()
        rest = replace(end.rest, hotwords=self.options.hotwords)
        timed = await self._stream.step(rest, is_last=True)
        self._streamed.add(timed.result)
        closed = replace(timed.result, text=timed.result.text + self._stream.closing) if is_last else timed.result
        self._put_partial(closed, end, due_ms=end.due_ms, is_last=is_last)

    def _put_partial(self, partial: Partial, of: Chunk | SpeechEnd, *, due_ms: int, is_last: bool = False) -> None:
        span = Segment(of.start_ms, of.end_ms) if isinstance(of, Chunk) else of.segment
        opened_ms = of.opened_ms if isinstance(of, Chunk) else of.segment.start_ms
        partial, redactions = self._redaction.partial(partial, self.options.redaction, of, is_last=is_last)
        # A step may reach beyond the end of its segment, and the next segment begin before that.
        tokens = moved(partial.tokens, opened_ms, due_ms, earliest_ms=self._partial_until_ms)
        partial = replace(partial, hotwords=moved(partial.hotwords, opened_ms, due_ms, earliest_ms=opened_ms))
        self._partial_until_ms = (tokens[-1].end_ms if tokens else None) or self._partial_until_ms
        hotwords = self._reports.of_partial(self.options.hotwords, partial)
        self._updates.put(
            Update(
                "online",
                partial.text,
                tail=partial.tail,
                tokens=tokens,
                segment_index=of.index,
                start_ms=span.start_ms,
                end_ms=span.end_ms,
                due_ms=due_ms,
                last=is_last,
                heard=Heard() if isinstance(of, Chunk) else self._streamed.take(span.end_ms - span.start_ms),
                hotwords=hotwords if not self.options.redaction else still_shown(hotwords, partial.text),
                redactions=redactions,
                is_committed=isinstance(of, SpeechEnd) and of.is_committed,
                notice=self._first_pass.take_notice(of.index) if partial.text else None,
            )
        )
