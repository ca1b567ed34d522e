"""The addresses of this machine, by Linux's interfaces."""

import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

GET_ADDRESS = 0x8915
"""SIOCGIFADDR: the IPv4 address of an interface."""
IF_INET6 = Path("/proc/net/if_inet6")
LOOPBACK = ("127.0.0.1", "::1")


def machine_addresses() -> Iterator[str]:
    """Yield all addresses that others may call this machine by, and those of the loopback. None is link-local."""
    yield from LOOPBACK
    addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = [*_ipv4(), *_ipv6()]
    for address in addresses:
        if not (address.is_loopback or address.is_link_local):
            yield str(address)


def _ipv4() -> Iterator[ipaddress.IPv4Address]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            with suppress(OSError):  # an interface without an address
                answer = fcntl.ioctl(asking.fileno(), GET_ADDRESS, struct.pack("256s", name.encode()))
                yield ipaddress.IPv4Address(answer[20:24])


def _ipv6() -> Iterator[ipaddress.IPv6Address]:
    with suppress(OSError):  # a machine without IPv6
        for line in IF_INET6.read_text().splitlines():
            yield ipaddress.IPv6Address(bytes.fromhex(line.split()[0]))
