"""Limits of API keys, counted in this process: work in progress, and how much of it begins in a minute.

All keys of one name count together. A rate is a token bucket: a minute's worth at once, then as much as a minute
gives. How much audio a request has is known only while it is decoded. It is charged then, and a name that has used up
more than there was waits before its next request. `shared_key_limits.py` counts for several processes and hosts.
"""

import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from paraserve.errors import KeyLimitError
from paraserve.server.access.key_fields import ApiKey

Kind = Literal["uploads", "live sessions", "jobs"]
"""What begins. A job counts while it is submitted; what it does later has quotas of its own."""
KINDS: tuple[Kind, ...] = ("uploads", "live sessions", "jobs")
MINUTE_S = 60.0


class KeyLimiter(Protocol):
    """Counts what API keys do, and refuses what is too much."""

    def admitted(self, key: ApiKey | None, kind: Kind) -> AbstractAsyncContextManager[None]:
        """Admit one request with this key, until the context is left. None, where no key is wanted, has no limits.

        Raises:
            KeyLimitError: the key's name has too much in progress, or began too much within a minute.
            LimitsAwayError: limits are counted elsewhere, and cannot be now.
        """
        ...

    def charge_audio(self, key: ApiKey, ms: float) -> None:
        """Count audio that a request with this key brought."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits that count for a key, 0 for none. `audio_s_per_minute` is in seconds of audio."""

    max: int
    max_uploads: int
    max_live: int
    per_minute: int
    audio_s_per_minute: int

    def check_in_progress(self, kind: Kind, counts: tuple[int, int, int]) -> None:
        """Refuse one more of this kind, given what is in progress, in the order of `KINDS`."""
        max_of_kind = {"uploads": self.max_uploads, "live sessions": self.max_live}.get(kind, 0)
        if max_of_kind and counts[KINDS.index(kind)] >= max_of_kind:
            raise KeyLimitError(f"{max_of_kind} {kind} of this API key are in progress: try again later")
        if self.max and sum(counts) >= self.max:
            raise KeyLimitError(f"{self.max} requests of this API key are in progress: try again later")

    def check_rate(self, wait_s: int) -> None:
        """Refuse a request that may begin in `wait_s` seconds only."""
        if wait_s:
            message = f"this API key may begin {self.per_minute} requests a minute: try again in {wait_s} s"
            raise KeyLimitError(message, retry_after_s=wait_s)

    def check_audio(self, wait_s: int) -> None:
        """Refuse a request before which so many seconds of earlier audio have to be waited for."""
        if wait_s:
            message = (
                f"this API key may have {self.audio_s_per_minute} s of audio a minute recognized: "
                f"try again in {wait_s} s"
            )
            raise KeyLimitError(message, retry_after_s=wait_s)


@dataclass(slots=True)
class KeysInUse:
    """What each name does in this process. The settings' limits count for keys without fields. 0 = no limit."""

    max_per_key: int
    requests_per_minute: int = 0
    audio_s_per_minute: int = 0
    _in_progress: Counter[tuple[str, Kind]] = field(default_factory=Counter)
    _requests: "dict[str, _Bucket]" = field(default_factory=dict)
    _audio: "dict[str, _Bucket]" = field(default_factory=dict)

    def bounds(self, key: ApiKey) -> Bounds:
        """Return the limits of a key: its own, or those of the settings."""
        own = key.limits
        return Bounds(
            self.max_per_key if own.max is None else own.max,
            own.max_uploads or 0,
            own.max_live or 0,
            self.requests_per_minute if own.per_minute is None else own.per_minute,
            self.audio_s_per_minute if own.audio_per_minute is None else own.audio_per_minute,
        )

    @contextmanager
    def admit(self, key: ApiKey | None, kind: Kind) -> Iterator[None]:
        """Admit one request with this key, until the context is left. None, where no key is wanted, has no limits.

        Raises:
            KeyLimitError: the key's name has too much in progress, or began too much within a minute.
        """
        if key is None:
            yield
            return
        self._check(key, kind)
        with self.counted(key, kind):
            yield

    @asynccontextmanager
    async def admitted(self, key: ApiKey | None, kind: Kind) -> AsyncIterator[None]:
        """See `KeyLimiter`. It never waits."""
        with self.admit(key, kind):
            yield

    @contextmanager
    def counted(self, key: ApiKey, kind: Kind) -> Iterator[None]:
        """Count a request that has been admitted, until the context is left."""
        self._in_progress[key.name, kind] += 1
        try:
            yield
        finally:
            self._in_progress[key.name, kind] -= 1

    def charge_audio(self, key: ApiKey, ms: float) -> None:
        """See `KeyLimiter`."""
        limit = self.bounds(key).audio_s_per_minute
        if limit:
            self._audio.setdefault(key.name, _Bucket()).take(ms / 1000, limit)

    def _check(self, key: ApiKey, kind: Kind) -> None:
        bounds = self.bounds(key)
        uploads, live, jobs = (self._in_progress[key.name, one] for one in KINDS)
        bounds.check_in_progress(kind, (uploads, live, jobs))
        if bounds.audio_s_per_minute and kind != "jobs":
            bounds.check_audio(self._audio.setdefault(key.name, _Bucket()).debt_s(bounds.audio_s_per_minute))
        if bounds.per_minute:
            requests = self._requests.setdefault(key.name, _Bucket())
            bounds.check_rate(requests.wait_s(bounds.per_minute))
            requests.take(1, bounds.per_minute)


@dataclass(slots=True)
class _Bucket:
    """Token bucket: a minute's worth at once, then as much as a minute gives. More may be taken than is there."""

    used: float = 0.0
    at_s: float = float("-inf")

    def take(self, amount: float, per_minute: int) -> None:
        """Take so much, whether it is there or not."""
        self._refill(per_minute)
        self.used += amount

    def wait_s(self, per_minute: int) -> int:
        """Return the seconds until there is one, 0 if there is."""
        self._refill(per_minute)
        missing = self.used + 1 - per_minute
        return seconds_to_gain(missing, per_minute) if missing > 0 else 0

    def debt_s(self, per_minute: int) -> int:
        """Return the seconds until less than a minute's worth is taken, 0 if that is so."""
        self._refill(per_minute)
        return 0 if self.used < per_minute else seconds_to_gain(self.used - per_minute, per_minute)

    def _refill(self, per_minute: int) -> None:
        now_s = time.monotonic()
        self.used = max(0.0, self.used - (now_s - self.at_s) * per_minute / MINUTE_S)
        self.at_s = now_s


def seconds_to_gain(amount: float, per_minute: int) -> int:
    """Return the whole seconds in which a rate gives so much, at least 1."""
    return max(1, math.ceil(amount * MINUTE_S / per_minute))
