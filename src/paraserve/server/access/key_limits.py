"""Limits of API keys: work in progress, and how often work begins. All keys of one name count together."""

import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from paraserve.errors import KeyLimitError
from paraserve.server.access.key_fields import ApiKey

Kind = Literal["uploads", "live sessions"]
MINUTE_S = 60.0


@dataclass(slots=True)
class KeysInUse:
    """What is in progress for each name. `max_per_key` counts for keys without the field `max`. 0 = no limit."""

    max_per_key: int
    _in_progress: Counter[tuple[str, Kind]] = field(default_factory=Counter)
    _rates: "dict[str, _Rate]" = field(default_factory=dict)

    @contextmanager
    def admit(self, key: ApiKey | None, kind: Kind) -> Iterator[None]:
        """Admit one request with this key, until the context is left. None, where no key is wanted, has no limits.

        Raises:
            KeyLimitError: the key's name has too much in progress, or began too much within a minute.
        """
        if key is None:
            yield
            return
        self._check_in_progress(key, kind)
        self._check_rate(key)
        self._in_progress[key.name, kind] += 1
        try:
            yield
        finally:
            self._in_progress[key.name, kind] -= 1

    def _check_in_progress(self, key: ApiKey, kind: Kind) -> None:
        uploads, live = self._in_progress[key.name, "uploads"], self._in_progress[key.name, "live sessions"]
        n_of_kind, max_of_kind = (
            (uploads, key.limits.max_uploads) if kind == "uploads" else (live, key.limits.max_live)
        )
        limit = self.max_per_key if key.limits.max is None else key.limits.max
        if max_of_kind and n_of_kind >= max_of_kind:
            raise KeyLimitError(f"{max_of_kind} {kind} of this API key are in progress: try again later")
        if limit and uploads + live >= limit:
            raise KeyLimitError(f"{limit} requests of this API key are in progress: try again later")

    def _check_rate(self, key: ApiKey) -> None:
        if not key.limits.per_minute:
            return
        wait_s = self._rates.setdefault(key.name, _Rate()).wait_s(key.limits.per_minute)
        if wait_s:
            raise KeyLimitError(
                f"this API key may begin {key.limits.per_minute} requests a minute: try again in {wait_s} s",
                retry_after_s=wait_s,
            )


@dataclass(slots=True)
class _Rate:
    """Token bucket: a minute's worth at once, then one after the other."""

    used: float = 0.0
    at_s: float = float("-inf")

    def wait_s(self, per_minute: int) -> int:
        """Take one and return 0, or return the seconds until there is one."""
        now_s = time.monotonic()
        self.used = max(0.0, self.used - (now_s - self.at_s) * per_minute / MINUTE_S)
        self.at_s = now_s
        if self.used + 1 > per_minute:
            return max(1, math.ceil((self.used + 1 - per_minute) * MINUTE_S / per_minute))
        self.used += 1
        return 0
