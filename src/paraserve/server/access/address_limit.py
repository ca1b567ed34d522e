"""Limit of work in progress for one client address: one client alone cannot take every place."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from starlette.requests import HTTPConnection

from paraserve.errors import AddressLimitError
from paraserve.server.access.client_addresses import ClientAddresses
from paraserve.server.telemetry.refusals import Refusals

PerAddress = int | Literal["half"]


@dataclass(slots=True)
class AddressLimit:
    """Counts requests of one kind by client address.

    Args:
        limit: requests of an address at once. 0 = no limit.
        what: the kind in messages, such as "uploads".
        addresses: says which clients count as one. A trusted proxy's clients count by the address that it names.
        refusals: counts and logs those that are turned away.
    """

    limit: int
    what: str
    addresses: ClientAddresses
    refusals: Refusals
    _of_group: Counter[str] = field(default_factory=Counter)

    def group(self, connection: HTTPConnection) -> str | None:
        """Return the name under which the client is counted, None where no limit concerns it."""
        client = connection.client
        return self.addresses.group(None if client is None else client.host)

    @contextmanager
    def admit(self, connection: HTTPConnection) -> Iterator[None]:
        """Admit one request, until the context is left.

        Raises:
            AddressLimitError: the address has too many in progress.
        """
        group = self.group(connection)
        if group is None or not self.limit:
            yield
            return
        if self._of_group[group] >= self.limit:
            self.refusals.note("address_limit", group)
            raise AddressLimitError(f"{self.limit} {self.what} of this address are in progress: try again later")
        self._of_group[group] += 1
        try:
            yield
        finally:
            self._of_group[group] -= 1
            if not self._of_group[group]:
                del self._of_group[group]


def places_of_address(setting: PerAddress, places: int) -> int:
    """Return how many of the places one address may have: what the operator says, or half of them."""
    return (places + 1) // 2 if setting == "half" else setting
