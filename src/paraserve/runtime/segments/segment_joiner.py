"""Neighbouring segments of a recording, joined for recognizers that understand more of longer speech."""

from dataclasses import dataclass

from paraserve.types import Segment

MAX_PAUSE_MS = 1_000
"""Longest pause in a joined segment. After a longer one another speaker or language is more likely."""


@dataclass(slots=True)
class SegmentJoiner:
    """Joins segments up to `max_ms`, pauses included, one segment at a time.

    Segments are fed in the order of time. Each is held until the next one cannot join it.
    """

    max_ms: int
    held: Segment | None = None

    def feed(self, segment: Segment) -> list[Segment]:
        """Take the next segment and return the joined one that is complete without it."""
        held, self.held = self.held, segment
        if held is None:
            return []
        is_near = segment.start_ms - held.end_ms <= MAX_PAUSE_MS
        if is_near and segment.end_ms - held.start_ms <= self.max_ms:
            self.held = Segment(held.start_ms, segment.end_ms)
            return []
        return [held]

    def advance(self, now_ms: int, open_ms: int | None) -> list[Segment]:
        """Return the held segment if the next one cannot join it.

        Args:
            now_ms: no boundary will be reported before this.
            open_ms: start of speech that has not ended; None = there is none.
        """
        if self.held is None:
            return []
        is_near = (now_ms if open_ms is None else open_ms) - self.held.end_ms <= MAX_PAUSE_MS
        may_fit = open_ms is None or now_ms - self.held.start_ms <= self.max_ms
        return [] if is_near and may_fit else self.finish()

    def finish(self) -> list[Segment]:
        """Return the held segment, if there is one."""
        held, self.held = self.held, None
        return [] if held is None else [held]
