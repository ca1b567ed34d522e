"""Segments of live audio: chunks for the streaming recognizer while speech is open, then the segment that ended.

Everything is placed by audio time. An end of speech takes effect at the audio that VAD needed to decide it, so the
chunks and segments are the same however the audio was cut into blocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from paraserve.inference.base import VadStep
from paraserve.options import StreamConfig
from paraserve.runtime.audio_buffer import AudioBuffer
from paraserve.runtime.draft_recognizer import DRAFT_STEP_MS
from paraserve.runtime.engine import Engine
from paraserve.runtime.segments.cut_speech import CONTEXT_MS, Surroundings, part_context_ms
from paraserve.runtime.segments.segment_cuts import cut_long_segment
from paraserve.speech_types import SpeechChange
from paraserve.types import FRAME_MS, Samples, Segment, SegmentAudio, VadEvent, samples_to_ms

DECISION_MS = 35
"""An end of speech that VAD itself decides lies at least this far before the end of the fed audio (its frame, two
frames of look-ahead, and the rest of their window). An end closer than that was forced by the end of the audio."""
WINDOW_MS = 30
"""The next chunk's first fbank frames begin this much before it at most."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """The audio of one full step of the streaming recognizer.

    `index` counts segments from 0. `opened_ms` is the start of the chunk's segment.
    """

    index: int
    opened_ms: int
    start_ms: int
    end_ms: int
    audio: SegmentAudio


@dataclass(frozen=True, slots=True)
class SpeechEnd:
    """A segment that has ended.

    `audio` is all of it (see `keeps_stepped`), `rest` the part that no chunk has taken. `due_ms` is how much audio of
    the stream was needed to know of the end. `is_cut_off`: the end of the audio ended it, not a pause. `around` is
    given for parts of cut speech. `is_committed`: the client ended it.
    """

    index: int
    segment: Segment
    audio: SegmentAudio
    rest: SegmentAudio
    due_ms: int
    is_cut_off: bool
    around: Surroundings | None = None
    is_committed: bool = False


class LiveSegmenter:
    """Takes VAD steps with their samples and yields chunks and ended segments in the order of the audio.

    Args:
        step_ms: length of a chunk.
        lookback_ms: milliseconds behind the fed samples that the VAD may report a boundary, at most.
        max_segment_ms: longer speech is cut, exactly where `Segmenter` cuts a file; None = no limit.
        context_ms: audio that is given on each side of parts of cut speech; 0 = none.
        commit_context_ms: audio that is given before what follows a commit.
        keeps_stepped: False forgets what chunks have taken, so that speech without end takes no memory. The audio of
            an ended segment is then its rest.
    """

    def __init__(
        self,
        *,
        step_ms: int,
        lookback_ms: int,
        max_segment_ms: int | None,
        context_ms: int = 0,
        commit_context_ms: int = 0,
        keeps_stepped: bool = True,
    ) -> None:
        self._step_ms = step_ms
        self._lookback_ms = lookback_ms
        self._known_after_ms = max(lookback_ms, context_ms)  # audio behind speech that is cut
        self._max_ms = max_segment_ms
        self._context_ms = context_ms
        self._keeps_stepped = keeps_stepped
        self._commit_context_ms = commit_context_ms
        self._before_ms = 0  # audio given before the open segment, which goes on after a cut or a commit
        self._buffer = AudioBuffer()
        self._n_samples = 0
        self._open_ms: int | None = None
        self._stepped_ms = 0
        self._index = 0

    @property
    def heard_ms(self) -> int:
        """Milliseconds of audio taken so far."""
        return samples_to_ms(self._n_samples)

    @property
    def due_ms(self) -> int | None:
        """Amount of audio at which a push yields a chunk or a cut, whatever the VAD reports; None outside speech."""
        if self._open_ms is None:
            return None
        return min(self._stepped_ms + self._step_ms, self._cut_known_ms(self._open_ms))

    def push(self, samples: Samples, step: VadStep) -> Iterator[Chunk | SpeechEnd]:
        """Take one VAD step and yield what it brings. Exhaust the iterator before the next push."""
        self._buffer.append(samples, step.features)
        self._n_samples += len(samples)
        for event in step.events:
            due_ms = min(event.decided_ms, self.heard_ms)
            yield from self._advance(due_ms)
            yield from self._on_event(event, due_ms)
        yield from self._advance(self.heard_ms)
        settled_ms = self._buffer.end_ms - self._lookback_ms
        if self._open_ms is not None and self._keeps_stepped:
            settled_ms = min(settled_ms, self._open_ms)
        elif self._open_ms is not None:
            # A rest begins with the frames that were not complete where it begins, even where nothing is left of it.
            settled_ms = min(settled_ms, self._stepped_ms) - WINDOW_MS
        self._buffer.forget_before(settled_ms - max(self._context_ms, self._before_ms))

    def commit(self) -> SpeechEnd | None:
        """End the open segment where the audio is, None outside speech. Speech that goes on is another segment.

        A word that is being spoken there is heard whole with the other segment, where the recognizer takes so much.
        """
        at_ms = self._buffer.end_ms
        if self._open_ms is None or at_ms <= self._open_ms:
            return None
        end = self._close(at_ms, self.heard_ms, is_cut_off=False, is_committed=True)
        self._open(at_ms, before_ms=self._commit_context_ms)
        return end

    def unstepped(self) -> SegmentAudio | None:
        """Return the audio of the open segment that no chunk has taken, None outside speech."""
        if self._open_ms is None:
            return None
        stepped_ms = self._stepped_ms - self._open_ms
        return self._buffer.slice(Segment(self._open_ms, max(self._buffer.end_ms, self._stepped_ms)), stepped_ms)

    def _on_event(self, event: VadEvent, due_ms: int) -> Iterator[SpeechEnd]:
        if event.kind == "start":
            self._open(event.at_ms)
            return
        if self._open_ms is None:
            raise ValueError(f"speech ends at {event.at_ms} ms without having begun")
        end_ms = max(event.at_ms, self._open_ms)  # a commit may have taken all of the speech
        yield from self._cut(end_ms, due_ms, known_ms=end_ms)
        yield self._close(end_ms, due_ms, is_cut_off=event.at_ms + DECISION_MS > self.heard_ms)
        self._open_ms = None

    def _advance(self, until_ms: int) -> Iterator[Chunk | SpeechEnd]:
        """Yield complete chunks, and cuts of speech that is certainly too long, up to this much audio."""
        while self._open_ms is not None:
            chunk_ms = self._stepped_ms + self._step_ms
            cut_ms = self._cut_known_ms(self._open_ms)
            if min(chunk_ms, cut_ms) > until_ms:
                return
            if chunk_ms <= cut_ms:
                yield self._chunk(chunk_ms)
            else:
                yield from self._cut(cut_ms - self._known_after_ms, cut_ms, known_ms=cut_ms)

    def _cut_known_ms(self, open_ms: int) -> int:
        """Amount of audio after which no boundary still to be reported can keep the segment short enough.

        All audio that comes with its parts is there, too.
        """
        if self._max_ms is None:
            return 1 << 62
        return open_ms + self._max_ms + self._known_after_ms + FRAME_MS

    def _open(self, at_ms: int, *, before_ms: int = 0) -> None:
        self._open_ms = self._stepped_ms = at_ms
        self._before_ms = before_ms

    def _chunk(self, end_ms: int) -> Chunk:
        assert self._open_ms is not None
        start_ms, self._stepped_ms = self._stepped_ms, end_ms
        audio = self._buffer.slice(Segment(self._open_ms, end_ms), start_ms - self._open_ms)
        return Chunk(self._index, self._open_ms, start_ms, end_ms, audio)

    def _cut(self, until_ms: int, due_ms: int, *, known_ms: int) -> Iterator[SpeechEnd]:
        """Close the parts of open speech that is too long by `until_ms`; the rest goes on as another segment.

        The speech is known to go on until `known_ms`.
        """
        assert self._open_ms is not None
        *pieces, _ = cut_long_segment(self._buffer, Segment(self._open_ms, until_ms), self._max_ms)
        for piece in pieces:
            known_end_ms = min(piece.end_ms + self._context_ms, known_ms)
            yield self._close(piece.end_ms, due_ms, is_cut_off=False, known_end_ms=known_end_ms)
            self._open(piece.end_ms, before_ms=self._context_ms)

    def _close(
        self, end_ms: int, due_ms: int, *, is_cut_off: bool, known_end_ms: int = 0, is_committed: bool = False
    ) -> SpeechEnd:
        assert self._open_ms is not None
        segment = Segment(self._open_ms, end_ms)
        rest = self._buffer.slice(segment, min(self._stepped_ms, end_ms) - self._open_ms)
        audio = self._buffer.slice(segment) if self._keeps_stepped else rest
        around = self._around(segment, known_end_ms)
        closed = SpeechEnd(self._index, segment, audio, rest, due_ms, is_cut_off, around, is_committed)
        self._index += 1
        return closed

    def _around(self, segment: Segment, known_end_ms: int) -> Surroundings | None:
        end_ms = max(segment.end_ms, known_end_ms) if self._context_ms else segment.end_ms
        has_before, has_after = self._before_ms > 0, end_ms > segment.end_ms
        if not (has_before or has_after) or segment.start_ms == segment.end_ms:
            return None
        start_ms = max(self._buffer.start_ms, segment.start_ms - self._before_ms)
        if self._max_ms is not None:  # the recognizer takes as much as a part of cut speech has
            start_ms = min(segment.start_ms, max(start_ms, end_ms - self._max_ms - 2 * self._context_ms))
        audio = self._buffer.slice(Segment(start_ms, end_ms))
        return Surroundings(start_ms, audio, has_before=has_before, has_after=has_after)


def speech_changes(step: VadStep, heard_ms: int) -> Iterator[SpeechChange]:
    """Yield the starts and ends of speech that a VAD step decided, of `heard_ms` of audio."""
    for event in step.events:
        kind: Literal["started", "ended"] = "started" if event.kind == "start" else "ended"
        yield SpeechChange(kind, event.at_ms, min(event.decided_ms, heard_ms))


def segmenter_of(engine: Engine, config: StreamConfig, lookback_ms: int) -> LiveSegmenter:
    """Return the segmenter of one utterance. It cuts speech at the client's limit, at most the recognizer's.

    Without a second pass nothing needs to be cut. Parts below the recognizer's limit come with audio around them.
    """
    step_ms = DRAFT_STEP_MS if engine.abilities.draft_options else config.chunk.step_ms
    if config.mode == "online":
        return LiveSegmenter(step_ms=step_ms, lookback_ms=lookback_ms, max_segment_ms=None, keeps_stepped=False)
    max_ms = min(engine.max_segment_ms, config.vad.max_segment_ms or engine.max_segment_ms)
    return LiveSegmenter(
        step_ms=step_ms,
        lookback_ms=lookback_ms,
        max_segment_ms=max_ms,
        context_ms=part_context_ms(engine.max_segment_ms, max_ms),
        commit_context_ms=CONTEXT_MS,
    )
