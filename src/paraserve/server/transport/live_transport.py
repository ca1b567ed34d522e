"""uvicorn's WebSocket transport, changed where a peer floods, stalls, or sends more than is taken.

The base parses all that one read brings, up to 256 KB, and answers each ping, whether or not the peer reads. Here
frames are parsed one at a time, a few in each turn of the event loop, and only while the application has taken the
last message and the peer reads what it is sent. Else the connection is not read.
"""

import codecs
from asyncio import Handle, TimerHandle
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import CloseCode, Frame, Opcode

from paraserve.server.access.client_addresses import UNKNOWN
from paraserve.server.telemetry.refusals import Refusals
from paraserve.server.transport.frame_limits import FrameLimitError, FrameLimits, frame_bytes

ABORT_TIMEOUT_S = 10.0
"""Time for a peer to answer our close frame, or to read what is on its way, before its connection is aborted."""
DISCARD_TIMEOUT_S = 0.5
"""A peer that has sent nothing for this long has nothing more on its way."""
DISCARD_BYTES = 64 * 1024**2
"""Most that is dropped for a peer: more than one message of the default `max_frame_bytes`, which is refused."""
DISCARD_FLOOD_BYTES = 8 * 1024**2
"""The same for a peer that floods."""
DISCARD_PAUSE_S = 0.005
"""Pause after each read of what is dropped: at most 50 MB/s."""
FRAMES_PER_TURN = 16
"""Frames of one client that are parsed before others have their turn: less than a millisecond."""


class LiveTransport(WebSocketsSansIOProtocol):
    """A WebSocket connection whose peer may be hostile.

    Args:
        config: uvicorn's settings.
        server_state: connections and tasks of the server.
        app_state: state of the application's lifespan.
        refusals: counts and logs clients that are cut off.
    """

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], refusals: Refusals
    ) -> None:
        super().__init__(config, server_state, app_state)
        self.abort_timer: TimerHandle | None = None
        self._refusals = refusals
        self._limits = FrameLimits()
        self._unparsed = bytearray()
        self._frame_bytes_left = 0  # of the frame that is being parsed
        self._n_frames = 0  # parsed in this turn of the event loop
        self._next_turn: Handle | None = None  # waits to go on parsing
        self._is_asked = False  # the application waits for a message
        self._is_paused = False  # the transport is not read
        self._is_discarding = False  # nothing is parsed any more
        self._discard_bytes_left = DISCARD_BYTES
        self._received_s = self.loop.time()
        self._text_check = codecs.getincrementaldecoder("utf-8")()
        self._fragments = bytearray()

    def data_received(self, data: bytes) -> None:
        """Take what the peer sent. uvicorn hands over the handshake first, whole."""
        self._received_s = self.loop.time()
        if not self.handshake_initiated:
            head, end, data = data.partition(b"\r\n\r\n")
            super().data_received(head + end)
        if self._is_discarding:
            self._drop(len(data))
        else:
            self._unparsed += data
            self._parse()

    async def receive(self) -> Any:
        """Return the next message to the application, which is done with the one before."""
        self._is_asked = True
        self._parse()
        message = await self.queue.get()
        self._is_asked = False
        return message

    async def send(self, message: Any) -> None:
        """Send a message. A close frame does not wait behind what the peer does not read.

        Raises:
            ClientDisconnected: a limit or an unanswered ping has closed the connection already.
        """
        if message["type"] == "websocket.close":
            self.writable.set()
        await self.writable.wait()
        if self.close_sent:
            raise ClientDisconnected
        await super().send(message)
        if message["type"] != "websocket.send":
            self._parse()  # accepted: the first frames may be there. Closed: nobody else takes messages any more.

    def resume_writing(self) -> None:
        """Go on reading a peer that reads."""
        super().resume_writing()
        self._parse()

    async def run_asgi(self) -> None:
        """Run the application, then abort a connection that the base would keep until the peer reads."""
        await super().run_asgi()
        if not self.disconnected:
            self.abort_timer = self.loop.call_later(ABORT_TIMEOUT_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel what is left to do, and tell the application for how long the peer has been silent (`silent_s`)."""
        for handle in (self.abort_timer, self._next_turn):
            if handle is not None:
                handle.cancel()
        self._unparsed.clear()
        if self.handshake_complete:
            # Before the base's message, which says no more than one for a close frame without a code.
            silent_s = self.loop.time() - self._received_s
            lost = {"type": "websocket.disconnect", "code": CloseCode.NO_STATUS_RCVD, "silent_s": silent_s}
            self.queue.put_nowait(lost)  # type: ignore[arg-type]
        super().connection_lost(exc)

    def keepalive_timeout(self) -> None:
        """Give up a peer that has sent nothing since our ping.

        Its pong may lie behind audio that is still on its way, or that we have not read: then wait.
        """
        assert self.ping_timeout is not None
        is_waited_for = self._is_paused and self.writable.is_set()
        heard_s = self.loop.time() if is_waited_for else self._received_s
        if heard_s > self.ping_sent_at:
            self.pong_timer = self.loop.call_at(heard_s + self.ping_timeout, self.keepalive_timeout)
            self.ping_sent_at = heard_s
            return
        super().keepalive_timeout()
        self.abort_timer = self.abort_timer or self.loop.call_later(ABORT_TIMEOUT_S, self.transport.abort)

    def handle_parser_exception(self) -> None:
        """Send the close frame, then read and drop what still comes, until nothing does.

        To close with unread bytes would reset the connection, and the peer, still sending its too big frame, would
        see that in place of the close frame.
        """
        self._is_discarding = True
        self._unparsed.clear()
        if not self.close_sent:
            self._send_close()
        self._drop(0)

    def handle_events(self) -> None:
        """Count frames, then take them in. There is one at most after the handshake."""
        if not self.handshake_initiated:
            super().handle_events()
            return
        for frame in self.conn.events_received():
            assert isinstance(frame, Frame)
            wait_s = self._limits.count(frame, self.loop.time())
            if wait_s:
                self._wait_until_next_turn(wait_s)
            self._take(frame)

    def _take(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.BINARY if frame.fin and not self.close_sent:
                self.queue.put_nowait({"type": "websocket.receive", "bytes": frame.data})  # type: ignore[typeddict-item]
            case Opcode.PING:
                self.handle_ping()
            case Opcode.PONG:
                self.handle_pong(frame)
            case Opcode.CLOSE:
                self.handle_close(frame)
            case _:
                self._take_data(frame)

    def _take_data(self, frame: Frame) -> None:
        """Take a message or a part of one. Invalid UTF-8 is refused as soon as it is seen."""
        if frame.opcode is not Opcode.CONT:
            self.curr_msg_data_type = "text" if frame.opcode is Opcode.TEXT else "bytes"
            self._fragments.clear()
            self._text_check.reset()
        is_text, is_whole = self.curr_msg_data_type == "text", frame.fin
        if self.close_sent:
            return  # The application takes no more messages.
        if is_text:
            try:
                self._text_check.decode(frame.data, is_whole)
            except UnicodeDecodeError:
                self._refuse_text()
                return
        if frame.opcode is Opcode.CONT or not is_whole:
            self._fragments += frame.data
        if is_whole:
            data = bytes(self._fragments if frame.opcode is Opcode.CONT else frame.data)
            self._fragments = bytearray()
            content = {"text": data.decode()} if is_text else {"bytes": data}
            self.queue.put_nowait({"type": "websocket.receive", **content})  # type: ignore[arg-type]

    def _parse(self) -> None:
        """Parse what has been received, as much as may be now. Read on once nothing is left."""
        while self._unparsed and self._may_parse() and (n_bytes := self._next_bytes()):
            piece = self._unparsed[:n_bytes]
            del self._unparsed[:n_bytes]
            self._frame_bytes_left -= n_bytes
            self.conn.receive_data(piece)
            if self.conn.parser_exc is not None:
                self.handle_parser_exception()
                return
            if not self._frame_bytes_left:
                self._take_frame()
        if (self._unparsed or self._is_paused) and not self._is_discarding:
            self._read(is_wanted=not self._unparsed or self._may_parse())

    def _take_frame(self) -> None:
        """Take in the frame that has just been completed."""
        try:
            self.handle_events()
        except FrameLimitError as error:
            self._cut_off(error.kind)
        self._n_frames = self._n_frames + 1 if self._unparsed else 0
        if self._n_frames >= FRAMES_PER_TURN:
            self._wait_until_next_turn(0)

    def _may_parse(self) -> bool:
        """Tell whether another frame may be parsed now."""
        return (
            (self.close_sent or (self._is_asked and self.queue.empty()))
            and self._next_turn is None
            and self.handshake_complete
            and self.writable.is_set()
            and not self._is_discarding
            and not self.transport.is_closing()
        )

    def _next_bytes(self) -> int:
        """Return how many of the received bytes belong to the present frame. 0: not even its head is complete."""
        if not self._frame_bytes_left:
            self._frame_bytes_left = frame_bytes(self._unparsed)
        return min(self._frame_bytes_left, len(self._unparsed))

    def _wait_until_next_turn(self, wait_s: float) -> None:
        if self._next_turn is None:
            self._next_turn = (
                self.loop.call_later(wait_s, self._go_on) if wait_s else self.loop.call_soon(self._go_on)
            )

    def _go_on(self) -> None:
        self._next_turn = None
        self._n_frames = 0
        if self._is_discarding:
            self._read(is_wanted=True)
        else:
            self._parse()

    def _read(self, *, is_wanted: bool) -> None:
        """Read the connection, or let TCP slow the peer down."""
        if is_wanted != self._is_paused or self.transport.is_closing():
            return
        self._is_paused = not is_wanted
        if is_wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def _cut_off(self, kind: str) -> None:
        """Close the connection of a client that floods. One that we had already closed gets no more time."""
        self._refusals.note(kind, self.client[0] if self.client else UNKNOWN)
        if self.close_sent:
            self._is_discarding = True
            self.transport.abort()
            return
        self._discard_bytes_left = DISCARD_FLOOD_BYTES
        self.conn.fail(CloseCode.POLICY_VIOLATION, kind)
        self.handle_parser_exception()

    def _refuse_text(self) -> None:
        """Close the connection of a client that sent invalid UTF-8. Its answer is still parsed."""
        self.conn.send_close(CloseCode.INVALID_DATA, "invalid UTF-8")
        self._send_close()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)

    def _send_close(self) -> None:
        """Tell client and application that the connection is closed."""
        close = self.conn.close_sent
        code, reason = (CloseCode.ABNORMAL_CLOSURE, "") if close is None else (close.code, close.reason)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True

    def _drop(self, n_bytes: int) -> None:
        """Read on after a pause, and close once nothing comes any more, or too much has come."""
        self._discard_bytes_left -= n_bytes
        if self._discard_bytes_left < 0:
            self.transport.abort()
            return
        self._read(is_wanted=False)
        self._wait_until_next_turn(DISCARD_PAUSE_S)
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(DISCARD_TIMEOUT_S, self.transport.close)
