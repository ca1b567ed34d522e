"""Hosts that receive webhooks, so that one that is slow or away does not hold up the others."""

import random
import time
from collections import Counter
from dataclasses import dataclass
from urllib.parse import urlsplit

AT_ONCE = 4
"""Messages that one host is sent at once."""
BUSY_WAIT_S = 1.0
LONGEST_WAIT_S = 3600.0
MAX_AWAY = 10_000
"""Hosts that are remembered as away. Beyond that the longest known is forgotten, and tried again."""


@dataclass(slots=True)
class _Away:
    failures: int
    until_s: float


class Receivers:
    """Counts the messages in progress to each host, and remembers which hosts did not answer.

    Args:
        retry_s: wait after the first failure. It doubles with each one in a row, up to an hour.
    """

    def __init__(self, retry_s: float) -> None:
        self._retry_s = retry_s
        self._in_progress: Counter[str] = Counter()
        self._away: dict[str, _Away] = {}

    def wait_s(self, url: str) -> float:
        """Return how long a message should wait because of other messages to its host; 0 = not at all."""
        host = _host(url)
        away = self._away.get(host)
        if away is not None and (left_s := away.until_s - time.monotonic()) > 0:
            return left_s * random.uniform(1.0, 1.2)  # noqa: S311 - spreads load
        return BUSY_WAIT_S if self._in_progress[host] >= AT_ONCE else 0.0

    def begin(self, url: str) -> None:
        """Count a message that is being sent."""
        self._in_progress[_host(url)] += 1

    def end(self, url: str, *, is_away: bool | None) -> None:
        """Count a message as sent. `is_away` says whether the host answered; None where that is not known."""
        host = _host(url)
        self._in_progress[host] -= 1
        if not self._in_progress[host]:
            del self._in_progress[host]
        if is_away is False:
            self._away.pop(host, None)
        elif is_away:
            self._count_failure(host)

    def _count_failure(self, host: str) -> None:
        away = self._away.pop(host, None)
        now_s = time.monotonic()
        if away is None or away.until_s <= now_s:  # failures of messages sent side by side count once
            failures = 1 if away is None else away.failures + 1
            away = _Away(failures, now_s + wait_after(failures, self._retry_s))
        self._away[host] = away
        if len(self._away) > MAX_AWAY:
            del self._away[next(iter(self._away))]


def wait_after(failures: int, retry_s: float) -> float:
    """Return the seconds to wait after so many failures in a row: it doubles with each, up to an hour, and varies."""
    doubled_s = retry_s * 2.0 ** min(failures - 1, 32)
    return min(doubled_s, LONGEST_WAIT_S) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower()
