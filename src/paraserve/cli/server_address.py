"""Addresses of servers as people type them."""

from typing import Literal
from urllib.parse import urlsplit

from paraserve.errors import ParaserveError

PORT = 10095
"""Of a server that was named without one."""
SCHEMES = {"http": "http", "ws": "http", "https": "https", "wss": "https"}
EXAMPLE = "expected something like 127.0.0.1:10095, http://HOST:PORT or ws://HOST:PORT"


def server_address(text: str, kind: Literal["http", "ws"] = "http") -> str:
    """Return the URL of a server: `http(s)://` for its routes, or `ws(s)://` for live audio.

    A host alone, with or without a port, is that of a server without TLS. Its port is 10095 then, as `serve` has it.

    Raises:
        ParaserveError: it is no address of a server.
    """
    has_scheme = "://" in text
    address = text.strip() if has_scheme else f"http://{text.strip()}"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    is_broken = parts.netloc.endswith(":") or any(character.isspace() for character in parts.netloc)
    if not host or is_broken or parts.scheme not in SCHEMES:
        raise ParaserveError(f"not the address of a server: {text!r}, {EXAMPLE}", code="invalid_option")
    place = parts.netloc if has_scheme or port is not None else f"{parts.netloc.removesuffix(':')}:{PORT}"
    secure = "s" if SCHEMES[parts.scheme] == "https" else ""
    return f"{kind}{secure}://{place}{parts.path.rstrip('/')}{'?' + parts.query if parts.query else ''}"
