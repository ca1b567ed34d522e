"""Count of the wrong API keys of each client address.

Past the limit a wrong key is answered with 429. A right one is still taken: keys have 256 random bits, so nobody
finds one by trying, while many clients may share an address (NAT), and one of them must not lock out the others.
"""

import math
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from paraserve.errors import WrongKeysError
from paraserve.server.access.client_addresses import address_group

WINDOW_S = 60.0
MAX_ADDRESSES = 4096
"""Addresses that are remembered. One more takes the place of the one that has been there longest."""


@dataclass(slots=True)
class WrongKeys:
    """Wrong keys of each address within a minute from the first. `limit` 0: they are not counted."""

    limit: int
    _counts: "OrderedDict[str, _Count]" = field(default_factory=OrderedDict)

    def add(self, address: str) -> None:
        """Count a wrong key of a client's IP address.

        Raises:
            WrongKeysError: it is one too many.
        """
        if not self.limit:
            return
        now_s = time.monotonic()
        count = self._count(address_group(address), now_s)
        count.n_wrong += 1
        if count.n_wrong > self.limit:
            wait_s = math.ceil(count.until_s - now_s)
            raise WrongKeysError(
                "too many unknown API keys came from this address: a known one is still taken", retry_after_s=wait_s
            )

    def _count(self, group: str, now_s: float) -> "_Count":
        found = self._counts.get(group)
        if found is not None and now_s < found.until_s:
            return found
        if found is None and len(self._counts) >= MAX_ADDRESSES:
            self._counts.popitem(last=False)
        self._counts[group] = found = _Count(now_s + WINDOW_S)
        self._counts.move_to_end(group)
        return found


@dataclass(slots=True)
class _Count:
    until_s: float
    n_wrong: int = 0
