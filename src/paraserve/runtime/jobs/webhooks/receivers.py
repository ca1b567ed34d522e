"""Hosts that receive webhooks, so that one that is slow or away does not hold up the others."""

import random
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

AT_ONCE = 4
"""Messages that one host is sent at once."""
MAX_TURN_S = 60.0
"""Longest wait for a turn. The host may have become quicker by then."""
MAX_AWAY_S = 300.0
"""Longest time in which a host that did not answer is sent nothing."""
LONGEST_WAIT_S = 3600.0
MAX_HOSTS = 10_000
"""Hosts that are remembered."""


@dataclass(slots=True)
class _Host:
    """`mean_s` is what a message takes. Times are those of `time.monotonic`."""

    in_progress: int = 0
    mean_s: float = 0.1
    last_turn_s: float = 0.0
    failures: int = 0
    away_until_s: float = 0.0


class Receivers:
    """Counts the messages in progress to each host, and remembers how long they take and which hosts do not answer.

    Args:
        retry_s: time in which a host is sent nothing after a failure. It doubles with each one in a row.
    """

    def __init__(self, retry_s: float) -> None:
        self._retry_s = retry_s
        self._hosts: dict[str, _Host] = {}

    def wait_s(self, url: str) -> float:
        """Return how long a message has to wait because of others to its host; 0 = not at all.

        Each that waits for its turn gets a later one, so that it asks for it once or twice and not each second.
        """
        host, now_s = self._hosts.get(_name(url)), time.monotonic()
        if host is None:
            return 0.0
        if host.away_until_s > now_s:
            return (host.away_until_s - now_s) * random.uniform(1.0, 1.2)  # noqa: S311 - spreads load
        if host.in_progress < AT_ONCE:
            return 0.0
        host.last_turn_s = max(host.last_turn_s, now_s) + host.mean_s / AT_ONCE
        return min(host.last_turn_s - now_s, MAX_TURN_S * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load

    def begin(self, url: str) -> None:
        """Count a message that is being sent."""
        host = self._hosts.setdefault(_name(url), _Host())
        host.in_progress += 1
        if len(self._hosts) > MAX_HOSTS:
            oldest = next((name for name, other in self._hosts.items() if not other.in_progress), None)
            if oldest is not None:
                del self._hosts[oldest]

    def end(self, url: str, took_s: float, *, is_away: bool | None) -> None:
        """Count a message as sent. `is_away` says whether its host answered; None where that is not known."""
        host = self._hosts[_name(url)]
        host.in_progress -= 1
        host.mean_s += 0.2 * (took_s - host.mean_s)
        if is_away is False:
            host.failures, host.away_until_s = 0, 0.0
        elif is_away and host.away_until_s <= time.monotonic():  # failures of messages sent side by side count once
            host.failures += 1
            host.away_until_s = time.monotonic() + min(wait_after(host.failures, self._retry_s), MAX_AWAY_S)


def wait_after(failures: int, retry_s: float) -> float:
    """Return the seconds to wait after so many failures in a row: it doubles with each, up to an hour, and varies."""
    doubled_s = retry_s * 2.0 ** min(failures - 1, 32)
    return min(doubled_s, LONGEST_WAIT_S) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load


def _name(url: str) -> str:
    return urlsplit(url).netloc.lower()
