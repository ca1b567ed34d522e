"""Open connections: how many there may be, in all and from one address."""

from collections import Counter
from dataclasses import dataclass, field

from paraserve.server.access.client_addresses import ClientAddresses
from paraserve.server.transport.refusal import Refusal

EXEMPT_RESERVE = 64
"""Connections beyond the limit for addresses that are exempt: health probes get in while others fill the server."""
MAX_TOLD = 64
"""Connections without a place that are told so at one time. More are closed without a word."""


@dataclass(slots=True)
class Connections:
    """Counts connections from their acceptance to their end.

    Args:
        limit: connections at once.
        per_address: of one address, or of one IPv6 site. 0 = no limit.
        addresses: says which clients count as one.
    """

    limit: int
    per_address: int
    addresses: ClientAddresses
    n_open: int = 0
    n_told: int = 0
    _of_group: Counter[str] = field(default_factory=Counter)

    def enter(self, host: str) -> "Place":
        """Take a place for a connection of this peer. It is to be left even where `Place.refusal` says no."""
        group = self.addresses.group(host)
        place = Place(self, host)
        self.n_open += 1
        if self.n_open > self.limit + (EXEMPT_RESERVE if group is None else 0):
            place.refusal = Refusal(
                503, "too_many_connections", "the server has too many connections: try again later"
            )
        place.count(group)
        return place

    def change(self, group: str, by: int) -> int:
        """Change the count of a group and return it."""
        self._of_group[group] += by
        n_open = self._of_group[group]
        if not n_open:
            del self._of_group[group]
        return n_open


@dataclass(slots=True)
class Place:
    """The place of one connection. `host` is its client, which a trusted proxy may name later."""

    connections: Connections
    host: str
    refusal: Refusal | None = None
    _group: str | None = None
    _is_told: bool = False
    _is_left: bool = False

    def announce(self, host: str) -> None:
        """Count the connection for the client that a proxy announced, in place of the proxy."""
        self.host = host
        self.count(self.connections.addresses.group(host))

    def count(self, group: str | None) -> None:
        """Count the connection for a group. Too many refuse it."""
        self._uncount()
        self._group = group
        most = self.connections.per_address
        if group is not None and self.connections.change(group, +1) > most > 0 and self.refusal is None:
            message = f"{most} connections of this address are open already: try again later"
            self.refusal = Refusal(429, "address_limit", message)

    def may_tell(self) -> bool:
        """Tell whether a refused client may stay long enough to read why."""
        if self.connections.n_told >= MAX_TOLD:
            return False
        self.connections.n_told += 1
        self._is_told = True
        return True

    def leave(self) -> None:
        """Give the place back. Later calls change nothing."""
        if not self._is_left:
            self._is_left = True
            self.connections.n_open -= 1
            self.connections.n_told -= self._is_told
            self._uncount()

    def _uncount(self) -> None:
        if self._group is not None:
            self.connections.change(self._group, -1)
            self._group = None
