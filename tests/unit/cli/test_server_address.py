"""Addresses of servers as people type them."""

import pytest

from paraserve.cli.server_address import server_address
from paraserve.errors import ParaserveError


@pytest.mark.parametrize(
    ("text", "http", "ws"),
    [
        ("http://a:1", "http://a:1", "ws://a:1"),
        ("ws://a:1/", "http://a:1", "ws://a:1"),
        ("https://a", "https://a", "wss://a"),
        ("wss://a/path/", "https://a/path", "wss://a/path"),
        ("a:1", "http://a:1", "ws://a:1"),
        ("a", "http://a:10095", "ws://a:10095"),
        ("192.168.0.7", "http://192.168.0.7:10095", "ws://192.168.0.7:10095"),
        ("[::1]:5", "http://[::1]:5", "ws://[::1]:5"),
        ("[::1]", "http://[::1]:10095", "ws://[::1]:10095"),
        (" localhost:10095\n", "http://localhost:10095", "ws://localhost:10095"),
        ("a/path", "http://a:10095/path", "ws://a:10095/path"),
        ("ws://a:1/x?y=z", "http://a:1/x?y=z", "ws://a:1/x?y=z"),
    ],
)
def test_every_spelling(text, http, ws):
    """Each gives both addresses of the server, with its port where none is named."""
    assert (server_address(text), server_address(text, "ws")) == (http, ws)


@pytest.mark.parametrize("text", ["", "ftp://a", "http://", "a:x", "a:99999", "://", "::1", "a b", "unix:/x"])
def test_no_address(text):
    """It is refused with an example."""
    with pytest.raises(ParaserveError, match=r"not the address of a server: .*127\.0\.0\.1:10095"):
        server_address(text)
