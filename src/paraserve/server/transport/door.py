"""The door of the server: what a connection passes before its first request is read."""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any, cast

from paraserve.server.access.client_addresses import UNIX, plain_host
from paraserve.server.telemetry.refusals import Refusals
from paraserve.server.transport.connections import Connections
from paraserve.server.transport.http_transport import HttpTransport
from paraserve.server.transport.proxy_protocol import read_proxy_header
from paraserve.server.transport.refusal import Refusal

TELL_S = 1.0
"""Time for a client that gets no place to read the answer."""


@dataclass(frozen=True, slots=True)
class Door:
    """Rules for new connections.

    Args:
        connections: counts them.
        refusals: counts and logs those that are turned away.
        head_timeout_s: time for a PROXY header, for a TLS handshake, and for the head of a request.
        tls: certificate and key. None = plain HTTP.
        wants_proxy_header: connections of trusted proxies begin with a PROXY header.
    """

    connections: Connections
    refusals: Refusals
    head_timeout_s: float
    tls: ssl.SSLContext | None = None
    wants_proxy_header: bool = False

    def protocol(self, **state: Any) -> "Accepted":
        """Make the protocol of a connection, from what uvicorn makes its own of."""
        http = HttpTransport(**state, refusals=self.refusals, head_timeout_s=self.head_timeout_s)
        return Accepted(self, http)


class Accepted(asyncio.Protocol):
    """A connection before its first request: place, client that a proxy announces, TLS. Then `http` has it."""

    def __init__(self, door: Door, http: HttpTransport) -> None:
        self._door = door
        self._http = http
        self._received = b""
        self._wants_proxy_header = False
        self._is_told = False
        self._timer: asyncio.TimerHandle | None = None
        self._tls_task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place."""
        self._transport = transport
        self._place = self._door.connections.enter(peer_host(transport))
        self._open = cast("set[Any]", self._http.connections)  # the server calls `shutdown` of all
        self._open.add(self)
        trusted = self._door.connections.addresses.is_trusted(self._place.host)
        self._wants_proxy_header = self._door.wants_proxy_header and trusted
        if self._wants_proxy_header:
            self._timer = self._http.loop.call_later(self._door.head_timeout_s, self._give_up, "proxy_header_timeout")
        else:
            self._begin()

    def data_received(self, data: bytes) -> None:
        """Keep what comes early, and look for the PROXY header in it."""
        if self._is_told:
            return
        self._received += data
        if self._wants_proxy_header:
            self._read_proxy_header()

    def _read_proxy_header(self) -> None:
        try:
            found = read_proxy_header(self._received)
        except ValueError:
            self._give_up("no_proxy_header")
            return
        if found is not None:
            length, host = found
            self._received, self._wants_proxy_header = self._received[length:], False
            self._stop_timer()
            if host is not None:
                self._place.announce(plain_host(host))
            self._begin()

    def _begin(self) -> None:
        refusal = self._place.refusal
        if refusal is not None:
            self._door.refusals.note(refusal.code, self._place.host)
            if not self._place.may_tell():
                self._transport.abort()
                return
        if self._door.tls is None:
            self._hand_over(self._transport)
        else:
            self._tls_task = self._http.loop.create_task(self._start_tls(self._door.tls))

    async def _start_tls(self, context: ssl.SSLContext) -> None:
        loop = self._http.loop
        shaking = asyncio.ensure_future(
            loop.start_tls(
                self._transport, self, context, server_side=True, ssl_handshake_timeout=self._door.head_timeout_s
            )
        )
        await asyncio.sleep(0)  # until the TLS protocol has the connection: what came before came to this one
        early, self._received = self._received, b""
        loop.call_soon(_feed, self._transport, early)
        try:
            secured = await shaking
        except OSError:  # ssl.SSLError and TimeoutError among them
            self._door.refusals.note("tls_failed", self._place.host)
            self._leave()
            return
        if secured is not None:
            self._hand_over(secured)

    def _hand_over(self, transport: asyncio.Transport) -> None:
        """Give the connection to `http`, or tell the client why it is not let in."""
        if self._place.refusal is not None:
            self._tell(transport, self._place.refusal)
            return
        self._open.discard(self)
        self._http.place = self._place
        transport.set_protocol(self._http)
        self._http.connection_made(transport)
        if self._received:
            self._http.data_received(self._received)

    def _tell(self, transport: asyncio.Transport, refusal: Refusal) -> None:
        self._is_told = True
        transport.write(refusal.answer(self._http.server_state.default_headers))
        if transport.can_write_eof():
            transport.write_eof()
        self._timer = self._http.loop.call_later(TELL_S, transport.abort)

    def _give_up(self, kind: str) -> None:
        self._door.refusals.note(kind, self._place.host)
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        """Give the place back."""
        self._leave()

    def shutdown(self) -> None:
        """Close: the server is about to stop."""
        self._transport.abort()

    def _leave(self) -> None:
        self._open.discard(self)
        self._stop_timer()
        self._place.leave()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def tls_context(certfile: str, keyfile: str) -> ssl.SSLContext:
    """Read a certificate and its key.

    Raises:
        OSError: they cannot be read, or do not belong together.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certfile, keyfile)
    return context


def peer_host(transport: asyncio.Transport) -> str:
    """Return the address of the peer, `UNIX` for that of a Unix socket."""
    name = transport.get_extra_info("peername")
    return plain_host(str(name[0])) if isinstance(name, tuple) and name else UNIX


def _feed(transport: asyncio.Transport, data: bytes) -> None:
    """Give a connection's new protocol, a `BufferedProtocol`, bytes that were received before it came."""
    protocol: Any = transport.get_protocol()
    while data:
        buffer = protocol.get_buffer(len(data))
        n_bytes = min(len(data), len(buffer))
        buffer[:n_bytes] = data[:n_bytes]
        protocol.buffer_updated(n_bytes)
        data = data[n_bytes:]
