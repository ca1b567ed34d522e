"""Segments of a file: VAD events to the audio of segments, with bounded memory, independent of block sizes.

Speech longer than the recognizer takes is cut at its quietest moment (`segment_cuts`). Optionally, short neighbouring
segments are merged as FunASR's `merge_vad` does, or joined (`segment_joiner`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from paraserve.inference.base import VadStep
from paraserve.runtime.audio_buffer import AudioBuffer
from paraserve.runtime.segments.cut_speech import Surroundings
from paraserve.runtime.segments.segment_cuts import cut_long_segment
from paraserve.runtime.segments.segment_joiner import SegmentJoiner
from paraserve.types import Samples, Segment, SegmentAudio, VadEvent, samples_to_ms


@dataclass(slots=True)
class VadMerger:
    """FunASR's `merge_vad`, one segment at a time: it joins segments until the next boundary would pass `max_ms`.

    Like the original, it begins at 0, keeps the pauses between joined segments and leaves a lone segment as it is.
    Unlike the original, it drops spans without any speech, and it does not stretch a first segment back to 0 when a
    pause of `max_ms` follows, since the audio would have to be held for as long as the pause lasts.
    """

    max_ms: int
    begin_ms: int = 0
    boundary_ms: int = 0
    has_speech: bool = False
    held: Segment | None = None
    is_first: bool = True

    def feed(self, segment: Segment) -> list[Segment]:
        """Take the next segment and return the merged ones that no later segment can change."""
        if self.is_first:
            self.is_first, self.held = False, segment
            return []
        return [*self._release_held(), *self._join(segment)]

    def advance(self, now_ms: int) -> list[Segment]:
        """Return the merged segments that are final if no boundary comes before `now_ms`."""
        if self.held is not None:
            if now_ms - self._held_begin_ms < self.max_ms:
                return []
            lone, self.held = self.held, None
            self.begin_ms = self.boundary_ms = lone.end_ms
            return [lone]
        return self._close() if self.has_speech and now_ms - self.begin_ms >= self.max_ms else []

    def finish(self) -> list[Segment]:
        """Return the merged segment that is still open, if there is one."""
        return [self.held] if self.held is not None else self._close()

    def keep_from_ms(self, now_ms: int) -> int:
        """Return where the audio still needed begins: a pause longer than `max_ms` is never part of a segment."""
        if self.held is not None:
            return self._held_begin_ms
        is_needed = self.has_speech or now_ms - self.begin_ms < self.max_ms
        return self.begin_ms if is_needed else now_ms

    @property
    def _held_begin_ms(self) -> int:
        """Begin of the first segment if it were joined: 0, or its start if that would be too long."""
        return self.held.start_ms if self.held is not None and self.held.end_ms >= self.max_ms else 0

    def _release_held(self) -> list[Segment]:
        if self.held is None:
            return []
        first, self.held = self.held, None
        return self._join(first)

    def _join(self, segment: Segment) -> list[Segment]:
        merged = self._cross(segment.start_ms) + self._cross(segment.end_ms)
        self.has_speech = True
        return merged

    def _cross(self, next_ms: int) -> list[Segment]:
        is_over = next_ms != self.boundary_ms and next_ms - self.begin_ms >= self.max_ms
        merged = self._close() if is_over else []
        self.boundary_ms = next_ms
        return merged

    def _close(self) -> list[Segment]:
        closed = [Segment(self.begin_ms, self.boundary_ms)] if self.has_speech else []
        self.begin_ms, self.has_speech = self.boundary_ms, False
        return closed


@dataclass(frozen=True, slots=True)
class FoundSegment:
    """A segment of a recording with its audio. `around` is given for parts of cut speech."""

    start_ms: int
    audio: SegmentAudio
    around: Surroundings | None = None

    @property
    def duration_ms(self) -> int:
        """Length of the segment."""
        return samples_to_ms(len(self.audio.samples))

    @property
    def segment(self) -> Segment:
        """Place of the segment in the recording."""
        return Segment(self.start_ms, self.start_ms + self.duration_ms)


class Segmenter:
    """Takes VAD steps with their samples and returns the audio of each segment as soon as it is decided.

    Args:
        max_segment_ms: longest segment that the recognizer takes.
        lookback_ms: milliseconds behind the fed samples that the VAD may report a boundary, at most.
        merge_ms: merge neighbouring segments up to this length; None = do not.
        join_ms: join neighbouring segments up to this length, unless they are merged; 0 = do not.
        pause_ms: audio before a segment that comes with it, at most.
        context_ms: audio that is given on each side of parts of cut speech; 0 = none.
    """

    def __init__(
        self,
        *,
        max_segment_ms: int,
        lookback_ms: int,
        merge_ms: int | None = None,
        join_ms: int = 0,
        pause_ms: int = 0,
        context_ms: int = 0,
    ) -> None:
        self._max_ms = max_segment_ms
        self._lookback_ms = lookback_ms
        self._merger = VadMerger(merge_ms) if merge_ms else None
        self._joiner = SegmentJoiner(join_ms) if join_ms and not merge_ms else None
        self._pause_ms = pause_ms
        self._context_ms = context_ms
        self._cuts: dict[int, int] = {}  # a cut amid speech, and how far the speech after it is known
        self._buffer = AudioBuffer()
        self._open_ms: int | None = None

    def push(self, samples: Samples, step: VadStep) -> list[FoundSegment]:
        """Take one VAD step and return the segments that it decided, in time order."""
        self._buffer.append(samples, step.features)
        closed = [segment for event in step.events for segment in self._on_event(event)]
        settled_ms = max(self._buffer.start_ms, self._buffer.end_ms - self._lookback_ms)
        pieces = self._cut_open(settled_ms)
        if self._merger is not None:
            closed += [merged for piece in pieces for merged in self._merger.feed(piece)]
            closed += self._merger.advance(settled_ms) if self._open_ms is None else []
            pieces = []
        if self._joiner is not None:
            closed += self._joiner.advance(settled_ms, self._open_ms)
        found = [*self._audio_of(closed), *map(self._cut_out, pieces)]
        self._buffer.forget_before(self._keep_from(settled_ms) - max(self._pause_ms, self._context_ms))
        self._cuts = {at_ms: known_ms for at_ms, known_ms in self._cuts.items() if at_ms >= self._buffer.start_ms}
        return found

    def finish(self) -> list[FoundSegment]:
        """Return the segments that are still held after the last VAD step, which has ended all speech."""
        holder = self._merger or self._joiner
        return list(self._audio_of(holder.finish())) if holder is not None else []

    def _on_event(self, event: VadEvent) -> list[Segment]:
        if event.kind == "start":
            self._open_ms = event.at_ms
            return []
        if self._open_ms is None:
            raise ValueError(f"speech ends at {event.at_ms} ms without having begun")
        segment, self._open_ms = Segment(self._open_ms, event.at_ms), None
        if self._merger is not None:
            return [merged for piece in self._cut(segment, segment.end_ms) for merged in self._merger.feed(piece)]
        return self._joiner.feed(segment) if self._joiner is not None else [segment]

    def _keep_from(self, settled_ms: int) -> int:
        candidates = [settled_ms]
        if self._open_ms is not None:
            candidates.append(self._open_ms)
        if self._merger is not None:
            candidates.append(self._merger.keep_from_ms(settled_ms))
        if self._joiner is not None and self._joiner.held is not None:
            candidates.append(self._joiner.held.start_ms)
        return min(candidates)

    def _audio_of(self, closed: Iterable[Segment]) -> Iterator[FoundSegment]:
        for segment in closed:
            if segment.end_ms > segment.start_ms:
                yield from map(self._cut_out, self._cut(segment, segment.end_ms))

    def _cut(self, segment: Segment, known_ms: int) -> list[Segment]:
        """Return the parts of a segment that are short enough. Its speech is known to go on until `known_ms`."""
        pieces = cut_long_segment(self._buffer, segment, self._max_ms)
        for piece in pieces[:-1]:
            self._cuts[piece.end_ms] = min(piece.end_ms + self._context_ms, known_ms)
        return pieces

    def _cut_out(self, piece: Segment) -> FoundSegment:
        audio = replace(self._buffer.slice(piece), before=self._buffer.before(piece.start_ms, self._pause_ms))
        return FoundSegment(piece.start_ms, audio, self._around(piece) if self._context_ms else None)

    def _around(self, piece: Segment) -> Surroundings | None:
        has_before, has_after = piece.start_ms in self._cuts, piece.end_ms in self._cuts
        if not (has_before or has_after):
            return None
        start_ms = max(self._buffer.start_ms, piece.start_ms - self._context_ms * has_before)
        span = Segment(start_ms, self._cuts.get(piece.end_ms, piece.end_ms))
        return Surroundings(start_ms, self._buffer.slice(span), has_before=has_before, has_after=has_after)

    def _cut_open(self, settled_ms: int) -> list[Segment]:
        """Cut open speech that is certainly too long, once all audio that comes with its parts is there."""
        if self._open_ms is None:
            return []
        *pieces, rest = self._cut(Segment(self._open_ms, settled_ms - self._context_ms), settled_ms)
        self._open_ms = rest.start_ms
        return pieces
