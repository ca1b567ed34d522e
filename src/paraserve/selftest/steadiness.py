"""A server over hours: what it holds must not grow from round to round."""

import time
from dataclasses import dataclass, field

from paraserve.selftest.own_server import OwnServer
from paraserve.selftest.settled import MAX_GROWTH_MB, SPARE_DESCRIPTORS
from paraserve.selftest.verdicts import expect

WARM_ROUNDS = 2
"""Rounds in which pools and caches fill."""
IDLE_S = 1.0
"""Time for connections of the last check to be closed."""


@dataclass(slots=True)
class Steadiness:
    """Notes of a server after each round of checks: megabytes, and open files and connections."""

    notes: list[tuple[float, int]] = field(default_factory=list)

    def note(self, server: OwnServer) -> None:
        """Note what it holds now."""
        time.sleep(IDLE_S)
        self.notes.append((server.memory_bytes() / 1e6, server.descriptors()))

    def check(self) -> str:
        """Return in words how it has grown.

        Raises:
            CheckFailedError: it has grown by more than a server at rest may.
        """
        first_mb, first = (max(values) for values in zip(*self.notes[:WARM_ROUNDS], strict=True))
        last_mb, last = self.notes[-1]
        grown_mb = last_mb - first_mb
        expect(grown_mb <= MAX_GROWTH_MB, f"at most {MAX_GROWTH_MB:.0f} MB more", f"{grown_mb:.0f} MB more")
        most = first + SPARE_DESCRIPTORS
        expect(last <= most, f"at most {most} open files and connections", last)
        return f"{len(self.notes)} rounds, memory {grown_mb:+.0f} MB, descriptors {first} then {last}"
