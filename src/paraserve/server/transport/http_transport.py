"""uvicorn's HTTP transport, changed where a client sends too much, too slowly, or what uvicorn loses.

Heads are bounded in bytes, lines and time while they come in. An answer that is given before the whole request was
read ends the connection, which is read on for some seconds so that the client can read the answer. An offer of
another protocol than WebSocket is ignored.
"""

from asyncio import AbstractEventLoop, TimerHandle, Transport
from enum import Enum, auto
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from paraserve.server.telemetry.refusals import Refusals
from paraserve.server.transport.answer_transport import AnswerTransport
from paraserve.server.transport.connections import Place
from paraserve.server.transport.head_limits import HeadCount
from paraserve.server.transport.live_transport import LiveTransport
from paraserve.server.transport.refusal import Refusal, refusal_of
from paraserve.server.transport.upgrades import hand_over, head_without_upgrade, is_websocket

HEAD_PIECE_BYTES = 2048
"""Parsed at once outside of bodies. The parser takes in all requests of a piece, so few must fit."""
BODY_PIECE_BYTES = 64 * 1024
MAX_PIPELINED = 128
"""Requests that wait for the answer to an earlier one. More fit only into a piece that begins with a body."""


class Stage(Enum):
    """The part of a request that is being received."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()


class HttpTransport(HttpToolsProtocol):
    """One HTTP connection. `place` is set before it is made.

    Args:
        config: uvicorn's settings.
        server_state: connections and tasks of the server.
        app_state: state of the application's lifespan.
        _loop: the event loop.
        refusals: counts and logs requests that are turned away.
        head_timeout_s: time for a request's head.
    """

    place: Place
    answers: AnswerTransport

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
        *,
        refusals: Refusals,
        head_timeout_s: float,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._refusals = refusals
        self._head_timeout_s = head_timeout_s
        self._head_timer: TimerHandle | None = None
        self._head = HeadCount()
        self._stage = Stage.IDLE
        self._held = b""  # received, to be parsed once the requests before it are answered
        self._has_ended = False  # a request ended in the piece that is being parsed
        self._n_data_bytes = self._n_chunks = 0  # of that piece
        self._may_keep_alive = False  # once the body of the present request is here
        self._is_over = False  # nothing is parsed any more
        self._live: LiveTransport | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self.client = (self.place.host, self.client[1] if self.client else 0)
        self.answers = AnswerTransport(transport, self.loop, self._is_receiving)
        self._head_timer = self.loop.call_later(self._head_timeout_s, self._on_head_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self.answers.cancel()
        self._stop_head_timer()
        self._unset_keepalive_if_required()
        self.place.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has been received, in pieces."""
        self._unset_keepalive_if_required()
        if self._is_over or self.answers.is_lingering:
            self.answers.drop(len(data))
        elif self._held:
            self._held += data
            self.flow.pause_reading()
        else:
            self._parse_all(memoryview(data))

    def _parse_all(self, data: memoryview) -> None:
        """Parse the pieces of `data`. What follows a handshake is the WebSocket's."""
        position = 0
        while position < len(data) and not self._is_over:
            if self.pipeline:
                self._held = bytes(data[position:])
                break
            n_bytes = BODY_PIECE_BYTES if self._stage is Stage.BODY else HEAD_PIECE_BYTES
            position += self._parse(data[position : position + n_bytes])
        self._watch_head()
        if self._live is not None and position < len(data):
            self._live.data_received(bytes(data[position:]))

    def _parse(self, piece: memoryview) -> int:
        """Parse a piece and return how many of its bytes were taken."""
        before = self._stage
        self._has_ended, self._n_data_bytes, self._n_chunks = False, 0, 0
        try:
            self.parser.feed_data(piece)
            self._count(before, len(piece))
        except httptools.HttpParserUpgrade as offer:
            self._take_offer()
            return int(offer.args[0])
        except (httptools.HttpParserError, Refusal) as error:
            self._refuse(refusal_of(error))
        return len(piece)

    def _count(self, before: Stage, n_bytes: int) -> None:
        """Count the bytes of a piece that belong to a head which is not complete, or are no data of a body."""
        if before is Stage.BODY and self._stage is Stage.BODY:
            self._head.add_body(n_bytes, self._n_data_bytes, self._n_chunks)
        elif self._stage is Stage.HEAD:
            self._head.add_received(1 if before is Stage.BODY else n_bytes)
        elif self._stage is Stage.IDLE and not self._has_ended:
            self._head.add_received(n_bytes)  # empty lines

    def _watch_head(self) -> None:
        """Time a head that has begun, unless the rest of it waits until earlier requests are answered."""
        if self._held or self._is_over:
            self._stop_head_timer()
        elif self._head.received_bytes and self._head_timer is None:
            self._head_timer = self.loop.call_later(self._head_timeout_s, self._on_head_timeout)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _on_head_timeout(self) -> None:
        self._head_timer = None
        if self._head.received_bytes:
            self._refuse(Refusal(408, "head_timeout", f"the head was not complete after {self._head_timeout_s:g} s"))
        else:
            self._refusals.note("silent_connection", self.place.host)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._stage = Stage.HEAD
        self._head.begin()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the URL."""
        self._head.add_url(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header line. Trailers are counted and dropped: the application has read the headers already."""
        self._head.add_line(len(name) + len(value))
        if self._stage is Stage.HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin the answer. The connection ends with it, unless the whole request is here when it begins."""
        self._head.received_bytes = 0
        self._stop_head_timer()
        if self.parser.should_upgrade():
            return
        if len(self.pipeline) >= MAX_PIPELINED:
            raise Refusal(400, "invalid_http", f"more than {MAX_PIPELINED} requests wait for answers to earlier ones")
        super().on_headers_complete()
        self._stage = Stage.BODY
        self._may_keep_alive, self.cycle.keep_alive = self.cycle.keep_alive, False
        self.cycle.transport = cast("Transport", self.answers)

    def on_body(self, body: bytes) -> None:
        """Take data."""
        self._n_data_bytes += len(body)
        super().on_body(body)

    def on_chunk_header(self) -> None:
        """Count chunks."""
        self._n_chunks += 1

    def on_message_complete(self) -> None:
        """End the request."""
        self._stage, self._has_ended = Stage.IDLE, True
        if self.parser.should_upgrade():
            return
        if not self.cycle.response_started:
            self.cycle.keep_alive = self._may_keep_alive
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Begin the next answer, or go on parsing."""
        if self.answers.is_lingering:
            self.server_state.total_requests += 1
            self.flow.resume_reading()
            return
        super().on_response_complete()
        if self._held and not self.pipeline:
            self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        held, self._held = self._held, b""
        if held and not self.transport.is_closing() and not self.answers.is_lingering:
            self._unset_keepalive_if_required()
            self._parse_all(memoryview(held))

    def _take_offer(self) -> None:
        """Open a WebSocket. A request that offers anything else is parsed anew without the offer."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":
            self._refuse(Refusal(400, "invalid_http", "the server is no proxy"))
        elif is_websocket(self.headers):
            self._open_websocket(method, version)
        else:
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as the base does
            self._parse(memoryview(head_without_upgrade(method, self.url, version, self.headers)))

    def _open_websocket(self, method: bytes, version: str) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._refuse(Refusal(400, "invalid_handshake", "an earlier request of the connection has no answer yet"))
            return
        try:
            self._live = hand_over(self, method, version)
        except Refusal as refusal:
            self._refuse(refusal)
        else:
            self._is_over = True

    def _refuse(self, refusal: Refusal) -> None:
        """Answer, after the answers to earlier requests, and end the connection."""
        self._refusals.note(refusal.code, self.place.host)
        self._is_over = True
        self._stop_head_timer()
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if self._stage is not Stage.BODY:
                cycle.keep_alive = False  # the client gets what it asked for before, and no more
                return
            if cycle.response_started or self.pipeline:
                self.transport.abort()
                return
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.write(refusal.answer(self.server_state.default_headers))
        self.answers.linger()
        self.flow.resume_reading()

    def _is_receiving(self) -> bool:
        return self._stage is not Stage.IDLE or bool(self._held) or self._is_over

    def shutdown(self) -> None:
        """Close after the present answer."""
        self._may_keep_alive = False
        super().shutdown()

    def pause_writing(self) -> None:
        """Wait for a client that does not read, but not for ever."""
        super().pause_writing()
        self.answers.wait_for_reader()

    def resume_writing(self) -> None:
        """Go on writing."""
        super().resume_writing()
        self.answers.reader_is_back()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection without requests."""
        if not self.transport.is_closing():
            self.answers.close()
