"""The PROXY protocol, versions 1 and 2: how a proxy that knows no HTTP tells the client's address.

Specification: haproxy, doc/proxy-protocol.txt.
"""

import ipaddress
import re

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
"""The first bytes of version 2."""
FIXED_BYTES = 16
"""Of version 2, before the addresses."""
MAX_V1_BYTES = 107
MAX_V2_BYTES = FIXED_BYTES + 2048
"""Addresses take 36 bytes, or 216 of Unix sockets. The rest is for extensions."""
LINE = re.compile(rb"PROXY (?:UNKNOWN(?: [^\r\n]*)?|TCP[46] (\S+) \S+ \d+ \d+)\r\n")
LOCAL, PROXIED = 0x20, 0x21
ADDRESS_BYTES = {0x11: 4, 0x21: 16}
"""By family and transport: TCP over IPv4, and over IPv6."""


def read_proxy_header(data: bytes) -> tuple[int, str | None] | None:
    """Return the header's length and the client's host, None as host where the proxy speaks for itself.

    None where the header is not complete yet.

    Raises:
        ValueError: `data` does not begin with a PROXY header.
    """
    if SIGNATURE.startswith(data[: len(SIGNATURE)]):
        return _read_v2(data)
    match = LINE.match(data[:MAX_V1_BYTES])
    if match is not None:
        return match.end(), None if match[1] is None else _host(match[1].decode("ascii"))
    if b"PROXY "[: len(data)] != data[:6] or b"\n" in data or len(data) >= MAX_V1_BYTES:
        raise ValueError("no PROXY header")
    return None


def _read_v2(data: bytes) -> tuple[int, str | None] | None:
    if len(data) < FIXED_BYTES:
        return None
    length = FIXED_BYTES + int.from_bytes(data[14:16])
    if data[12] not in {LOCAL, PROXIED} or length > MAX_V2_BYTES:
        raise ValueError("no PROXY header of version 2")
    if len(data) < length:
        return None
    n_bytes = ADDRESS_BYTES.get(data[13], 0)
    if data[12] == LOCAL or not n_bytes:
        return length, None
    if length < FIXED_BYTES + 2 * n_bytes + 4:
        raise ValueError("a PROXY header without addresses")
    return length, str(ipaddress.ip_address(data[FIXED_BYTES : FIXED_BYTES + n_bytes]))


def _host(text: str) -> str:
    return str(ipaddress.ip_address(text))
