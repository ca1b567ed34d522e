"""Offers of another protocol in a request's head: WebSocket is taken, others are ignored."""

import socket
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake
from websockets.http11 import Request

from paraserve.server.transport.connections import Place
from paraserve.server.transport.live_transport import LiveTransport
from paraserve.server.transport.refusal import Refusal

if TYPE_CHECKING:
    from paraserve.server.transport.http_transport import HttpTransport

WEBSOCKET_VERSION = "13"
SEND_BUFFER_BYTES = 256 * 1024
"""Results that the system holds for a peer. Half an hour of partial texts has room: some clients send a recording
before they read."""
EMPTY_HEAD = b"GET / HTTP/1.1\r\n\r\n"
Lines = Sequence[tuple[bytes, bytes]]


class CountedLiveTransport(LiveTransport):
    """A WebSocket that gives its place back when its connection ends.

    The system holds little of what its peer does not read. The megabytes that it would hold hide that for long.
    """

    place: Place

    def connection_made(self, transport: Any) -> None:
        """Set the size of the send buffer."""
        super().connection_made(transport)
        opened: socket.socket | None = transport.get_extra_info("socket")
        if opened is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self.place.leave()
        super().connection_lost(exc)


def is_websocket(headers: Lines) -> bool:
    """Tell whether a WebSocket is asked for, and nothing else."""
    return [word.lower() for word in _words(headers, b"upgrade")] == [b"websocket"]


def head_without_upgrade(method: bytes, url: bytes, version: str, headers: Lines) -> bytes:
    """Return the head of a request that offers nothing, so that its body is parsed (RFC 9110, 7.8)."""
    kept = [(name, value) for name, value in headers if name != b"upgrade"]
    lines = [b"%b %b HTTP/%b" % (method, url, version.encode()), *(name + b": " + value for name, value in kept)]
    return b"\r\n".join([*lines, b"", b""])


def hand_over(http: "HttpTransport", method: bytes, version: str) -> LiveTransport:
    """Make a connection's WebSocket from the request with which it begins.

    The head goes over as it was parsed: the WebSocket library's own parser takes no line over 8 KiB, and says nothing
    about it.

    Raises:
        Refusal: the request is no valid handshake.
    """
    lines = [(name.decode("ascii"), value.decode("latin-1")) for name, value in http.headers]
    request = Request(http.url.decode("ascii"), Headers(lines), method.decode("ascii"), f"HTTP/{version}")
    made = http.ws_protocol_class(config=http.config, server_state=http.server_state, app_state=http.app_state)  # type: ignore[call-arg, misc]
    live = cast("CountedLiveTransport", made)
    _check(live, request)
    live.place = http.place
    http.connections.discard(http)
    live.connection_made(http.transport)
    live.client = http.client
    http.transport.set_protocol(live)
    # Its parser must have seen a head before it takes frames.
    live.conn.receive_data(EMPTY_HEAD)
    live.conn.events_received()
    live.handle_connect(request)
    return live


def _check(live: LiveTransport, request: Request) -> None:
    """Refuse what the WebSocket would refuse in plain text, or not at all."""
    version = request.headers.get_all("Sec-WebSocket-Version")
    if version and version != [WEBSOCKET_VERSION]:
        raise Refusal(426, "websocket_version", f"WebSockets of version {WEBSOCKET_VERSION} are served, no others")
    if request.headers.get("Transfer-Encoding") or request.headers.get_all("Content-Length") not in ([], ["0"]):
        raise Refusal(400, "invalid_handshake", "a WebSocket handshake has no body")
    try:
        live.conn.process_request(request)
    except InvalidHandshake as error:
        raise Refusal(400, "invalid_handshake", f"the WebSocket handshake is not valid: {error}") from None


def _words(headers: Lines, name: bytes) -> Iterable[bytes]:
    return (word.strip() for known, value in headers if known == name for word in value.split(b","))
