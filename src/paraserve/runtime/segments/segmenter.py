"""Segments of a file: VAD events to the audio of segments, with bounded memory, independent of block sizes.

Speech longer than the recognizer takes is cut at its quietest moment (`segment_cuts`). Optionally, short neighbouring
segments are merged as FunASR's `merge_vad` does, or joined (`segment_joiner`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from paraserve.inference.base import VadStep
from paraserve.runtime.audio_buffer import AudioBuffer
from paraserve.runtime.segments.segment_cuts import cut_long_segment
from paraserve.runtime.segments.segment_joiner import SegmentJoiner
from paraserve.types import Samples, Segment, SegmentAudio, VadEvent


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


class Segmenter:
    """Takes VAD steps with their samples and returns the audio of each segment as soon as it is decided.

    Args:
        max_segment_ms: longest segment that the recognizer takes.
        lookback_ms: milliseconds behind the fed samples that the VAD may report a boundary, at most.
        merge_ms: merge neighbouring segments up to this length; None = do not.
        join_ms: join neighbouring segments up to this length, unless they are merged; 0 = do not.
        pause_ms: audio before a segment that comes with it, at most.
    """

    def __init__(
        self,
        *,
        max_segment_ms: int,
        lookback_ms: int,
        merge_ms: int | None = None,
        join_ms: int = 0,
        pause_ms: int = 0,
    ) -> None:
        self._max_ms = max_segment_ms
        self._lookback_ms = lookback_ms
        self._merger = VadMerger(merge_ms) if merge_ms else None
        self._joiner = SegmentJoiner(join_ms) if join_ms and not merge_ms else None
        self._pause_ms = pause_ms
        self._buffer = AudioBuffer()
        self._open_ms: int | None = None

    def push(self, samples: Samples, step: VadStep) -> list[tuple[int, SegmentAudio]]:
        """Take one VAD step and return (start_ms, audio) of the segments that it decided, in time order."""
        self._buffer.append(samples, step.features)
        closed = [segment for event in step.events for segment in self._on_event(event)]
        settled_ms = max(self._buffer.start_ms, self._buffer.end_ms - self._lookback_ms)
        if self._merger is not None and self._open_ms is None:
            closed += self._merger.advance(settled_ms)
        if self._joiner is not None:
            closed += self._joiner.advance(settled_ms, self._open_ms)
        found = [*self._audio_of(closed), *self._cut_open(settled_ms)]
        self._buffer.forget_before(self._keep_from(settled_ms) - self._pause_ms)
        return found

    def finish(self) -> list[tuple[int, SegmentAudio]]:
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
        holder = self._merger or self._joiner
        return holder.feed(segment) if holder is not None else [segment]

    def _keep_from(self, settled_ms: int) -> int:
        candidates = [settled_ms]
        if self._open_ms is not None:
            candidates.append(self._open_ms)
        if self._merger is not None:
            candidates.append(self._merger.keep_from_ms(settled_ms))
        if self._joiner is not None and self._joiner.held is not None:
            candidates.append(self._joiner.held.start_ms)
        return min(candidates)

    def _audio_of(self, closed: Iterable[Segment]) -> Iterator[tuple[int, SegmentAudio]]:
        for segment in closed:
            if segment.end_ms > segment.start_ms:
                for piece in cut_long_segment(self._buffer, segment, self._max_ms):
                    yield piece.start_ms, self._cut_out(piece)

    def _cut_out(self, piece: Segment) -> SegmentAudio:
        return replace(self._buffer.slice(piece), before=self._buffer.before(piece.start_ms, self._pause_ms))

    def _cut_open(self, settled_ms: int) -> Iterator[tuple[int, SegmentAudio]]:
        """Cut an open segment that is certainly too long, unless merging may still move its start."""
        if self._open_ms is None or self._merger is not None:
            return
        *pieces, rest = cut_long_segment(self._buffer, Segment(self._open_ms, settled_ms), self._max_ms)
        self._open_ms = rest.start_ms
        for piece in pieces:
            yield piece.start_ms, self._cut_out(piece)
