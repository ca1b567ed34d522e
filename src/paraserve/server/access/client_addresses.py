"""Addresses of clients: which of them count as one, and which no limit of an address concerns."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

LOOPBACK = ("127.0.0.1", "::1")
"""Exempt from limits of an address: probes, and proxies on this machine. Other loopback addresses are not."""
UNIX = "unix"
"""Stands for the address of all clients of a Unix socket: whoever may open it is trusted."""
UNKNOWN = "unknown"
"""Stands for the address of a client whose connection names none."""
IPV6_SITE_BITS = 64
"""One customer usually gets all IPv6 addresses of one such prefix (RFC 6177)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class ClientAddresses:
    """Sorts clients by their address. `trusted` are the networks of proxies whose word counts."""

    trusted: tuple[Network, ...]

    @classmethod
    def of(cls, trusted_proxies: Iterable[str]) -> "ClientAddresses":
        """Make it from addresses and networks as text.

        Raises:
            ValueError: one of them is no address and no network.
        """
        return cls(tuple(ipaddress.ip_network(one) for one in trusted_proxies))

    def is_trusted(self, host: str) -> bool:
        """Tell whether a peer is a trusted proxy."""
        if host == UNIX:
            return True
        address = _parsed(host)
        return address is not None and any(address in network for network in self.trusted)

    def group(self, host: str | None) -> str | None:
        """Return the name under which limits count a client: its IPv4 address, or the /64 of its IPv6 address.

        None stands for those that no limit of an address concerns: 127.0.0.1, ::1, trusted proxies, Unix sockets.
        """
        if host is None or host in LOOPBACK or self.is_trusted(host):
            return None
        return address_group(host)


def address_group(host: str) -> str:
    """Return the network whose clients count as one: an IPv4 address, or the /64 of an IPv6 one."""
    address = _parsed(host)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(address), IPV6_SITE_BITS), strict=False))
    return host if address is None else str(address)


def plain_host(host: str) -> str:
    """Return the IPv4 address of one that is mapped into IPv6 (`::ffff:192.0.2.1`). Others stay as they are."""
    address = _parsed(host) if ":" in host else None
    return str(address) if isinstance(address, ipaddress.IPv4Address) else host


def _parsed(host: str) -> Address | None:
    """Return an address without its zone, mapped ones as IPv4. None for what a proxy calls a client otherwise."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


def is_loopback(host: str) -> bool:
    """Return True for names and addresses by which a machine means itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
