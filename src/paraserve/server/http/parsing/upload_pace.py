"""The least pace of an upload: a client that trickles its bytes keeps no place from others."""

import asyncio
import time
from dataclasses import dataclass, field

from paraserve.errors import SlowUploadError


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Limits of one upload.

    `idle_timeout_s`: seconds without data, or below the least rate, after which it is refused. `timeout_s`: the same
    for all of it. `min_bytes_per_s`: the least rate, 0 = none. `request_timeout_s`: from the first byte to the
    answer, 0 = no limit. JSON is read one at a time (`json_turn`), since all of a request is in memory then.
    """

    max_bytes: int
    idle_timeout_s: float
    min_bytes_per_s: int
    timeout_s: float
    request_timeout_s: float = 0.0
    json_turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class UploadPace:
    """How long a client may still keep us waiting.

    It may fall behind the least rate by `idle_timeout_s`, so links that stall now and then are no matter. Each byte
    makes up for the time that it takes at the least rate. Time in which we do not wait for the client is not counted.
    """

    limits: UploadLimits
    _left_s: float = field(init=False)
    _waiting_since_s: float = 0.0
    _deadline_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._left_s = self.limits.idle_timeout_s
        self._deadline_s = time.monotonic() + self.limits.timeout_s

    def patience_s(self) -> float:
        """Begin to wait, and return how long that may take."""
        self._waiting_since_s = time.monotonic()
        return max(0.0, min(self._left_s, self._deadline_s - self._waiting_since_s))

    def received(self, n_bytes: int) -> None:
        """Note that the wait has ended with data."""
        rate = self.limits.min_bytes_per_s
        waited_s = time.monotonic() - self._waiting_since_s
        earned_s = n_bytes / rate if rate else self.limits.idle_timeout_s
        self._left_s = min(self.limits.idle_timeout_s, self._left_s - waited_s + earned_s)

    def error(self) -> SlowUploadError:
        """Return the error of a wait that took too long."""
        if time.monotonic() >= self._deadline_s:
            return SlowUploadError(f"the upload was not complete after {self.limits.timeout_s:g} s")
        idle_s, rate = self.limits.idle_timeout_s, self.limits.min_bytes_per_s
        return SlowUploadError(f"nothing received for {idle_s:g} s, or less than {rate} bytes a second")
