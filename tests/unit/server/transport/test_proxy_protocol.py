"""Headers of the PROXY protocol."""

import pytest

from paraserve.server.transport.proxy_protocol import SIGNATURE, read_proxy_header

V1 = b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n"
IPV6 = bytes.fromhex("20010db8000000000000000000000001")
V2 = SIGNATURE + b"\x21\x11\x00\x0c" + bytes([192, 0, 2, 1, 192, 0, 2, 2]) + b"\x13\x88\x01\xbb"
V2_IPV6 = SIGNATURE + b"\x21\x21\x00\x24" + IPV6 + IPV6 + b"\x13\x88\x01\xbb"


@pytest.mark.parametrize(
    ("header", "host"),
    [
        (V1, "192.0.2.1"),
        (b"PROXY TCP6 2001:db8::1 2001:db8::2 5000 443\r\n", "2001:db8::1"),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
        (V2, "192.0.2.1"),
        (V2_IPV6, "2001:db8::1"),
        (SIGNATURE + b"\x20\x00\x00\x00", None),
        (SIGNATURE + b"\x21\x31\x00\xd8" + bytes(216), None),
        (SIGNATURE + b"\x21\x11\x00\x0f" + V2[16:] + b"\x04\x00\x00", "192.0.2.1"),
    ],
)
def test_header(header, host):
    """A header is taken off as a whole, whatever follows it, and no part of it is taken for one."""
    assert read_proxy_header(header + b"GET / HTTP/1.1\r\n") == (len(header), host)
    assert all(read_proxy_header(header[:end]) is None for end in range(len(header)))


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"PROXY TCP4 nobody 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1\r\n",
        b"PROXY " + b"a" * 200,
        b"\r\n\r\n\x00\r\nQUIT\r",
        SIGNATURE + b"\x31\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\x00\x02" + bytes(2),
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
def test_no_header(data):
    """Anything else is no header."""
    with pytest.raises(ValueError, match=r"PROXY|address"):
        read_proxy_header(data)
