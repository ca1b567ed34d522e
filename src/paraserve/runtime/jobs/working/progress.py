"""How far an attempt is, and when it will be done by the speed that is measured."""

import time
from collections import deque
from collections.abc import Callable

from paraserve.runtime.jobs.job import Progress
from paraserve.runtime.jobs.working.kept_segments import KeptSegments

SPEED_WINDOW_S = 60.0
"""Time over which the speed is measured. What an earlier attempt has recognized goes by much faster."""


class AttemptProgress:
    """The progress of one attempt, which never goes back.

    Args:
        segments: those in flight are not done yet.
        clock: seconds.
    """

    def __init__(self, segments: KeptSegments, clock: Callable[[], float] = time.monotonic) -> None:
        self._segments = segments
        self._clock = clock
        self._detected_ms = self._done_ms = 0
        self._duration_ms: int | None = None
        self._looks: deque[tuple[float, int]] = deque([(clock(), 0)])

    def detected(self, at_ms: int, duration_ms: int | None) -> None:
        """Note how much of the recording detection has taken, and how long it is, None where it does not tell."""
        self._detected_ms, self._duration_ms = at_ms, duration_ms

    def now(self) -> Progress:
        """Return the present progress."""
        self._done_ms = max(self._done_ms, self._detected_ms - self._segments.in_flight_ms)
        now_s = self._clock()
        self._looks.append((now_s, self._done_ms))
        while len(self._looks) > 2 and self._looks[1][0] <= now_s - SPEED_WINDOW_S:
            self._looks.popleft()
        return Progress(self._done_ms, self._duration_ms, self._eta_s(), self._segments.n_done, self._segments.n_kept)

    def _eta_s(self) -> float | None:
        (begun_s, begun_ms), (now_s, done_ms) = self._looks[0], self._looks[-1]
        if self._duration_ms is None or now_s <= begun_s or done_ms <= begun_ms:
            return None
        return max(0, self._duration_ms - done_ms) * (now_s - begun_s) / (done_ms - begun_ms)
