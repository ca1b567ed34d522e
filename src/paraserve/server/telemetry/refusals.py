"""What the server turns away, counted one by one and logged once a minute at most."""

import time
from dataclasses import dataclass, field

import structlog
from prometheus_client import Counter

LOG_INTERVAL_S = 60.0
"""Least time between two lines on one kind and address."""
MAX_ADDRESSES = 1024
"""Kinds and addresses that are remembered. Those beyond share the line of their kind, whose address is "others"."""
FORGET_INTERVAL_S = 1.0
"""Least time between two searches for addresses to forget, which look at all of them."""
OTHERS = "others"

log = structlog.get_logger()


@dataclass(slots=True)
class Refusals:
    """Refusals of requests, connections and messages by their kind, such as "head_too_large".

    `counter` has the one label `kind`, so kinds are words of the program, never of a client.
    """

    counter: Counter
    _lines: dict[tuple[str, str], "_Line"] = field(default_factory=dict)
    _forget_s: float = float("-inf")

    def note(self, kind: str, address: str) -> None:
        """Count a refusal. Log it unless one of this kind and address was logged within `LOG_INTERVAL_S`."""
        self.counter.labels(kind).inc()
        now_s = time.monotonic()
        line = self._line(kind, address, now_s)
        line.n_refused += 1
        if now_s < line.next_log_s:
            return
        log.warning("refused", kind=kind, address=line.address, times=line.n_refused)
        line.n_refused, line.next_log_s = 0, now_s + LOG_INTERVAL_S

    def _line(self, kind: str, address: str, now_s: float) -> "_Line":
        found = self._lines.get((kind, address))
        if found is not None:
            return found
        if len(self._lines) >= MAX_ADDRESSES and now_s >= self._forget_s:
            self._lines = {place: line for place, line in self._lines.items() if line.next_log_s > now_s}
            self._forget_s = now_s + FORGET_INTERVAL_S
        if len(self._lines) >= MAX_ADDRESSES:
            address = OTHERS
        return self._lines.setdefault((kind, address), _Line(address))


@dataclass(slots=True)
class _Line:
    """A kind's refusals of an address since the last line of the log, and when the next may be written."""

    address: str
    n_refused: int = 0
    next_log_s: float = float("-inf")
