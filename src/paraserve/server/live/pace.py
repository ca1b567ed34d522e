"""Pace of a connection: audio that comes as it is spoken, or faster."""

import time
from collections.abc import Callable

AHEAD_S = 5.0
"""Audio ahead of its time that still counts as speech: what a client's buffers hold after a pause of the network."""


class Pace:
    """Leaky bucket of audio: what arrives fills it, and time empties it. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at_s = clock()
        self._ahead_s = 0.0

    @property
    def is_ahead(self) -> bool:
        """True if more than `AHEAD_S` of audio arrived before it can have been spoken."""
        return max(0.0, self._ahead_s - (self._clock() - self._at_s)) > AHEAD_S

    def add(self, seconds: float) -> None:
        """Count audio that has just arrived."""
        now_s = self._clock()
        self._ahead_s = max(0.0, self._ahead_s - (now_s - self._at_s)) + seconds
        self._at_s = now_s
