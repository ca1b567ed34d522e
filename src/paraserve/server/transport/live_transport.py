"""uvicorn's WebSocket transport, changed to let go of peers that stall."""

from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

ABORT_TIMEOUT_S = 10.0
"""Time for a peer to answer our close frame, or to read what is on its way, before its connection is aborted."""
DISCARD_TIMEOUT_S = 0.5
"""A peer that has sent nothing for this long has nothing more on its way."""


class LiveTransport(WebSocketsSansIOProtocol):
    """Differs from its base where a peer does not read, or sends more than is taken."""

    abort_timer: TimerHandle | None = None

    async def send(self, message: Any) -> None:
        """Send a message. A close frame does not wait behind what the peer does not read."""
        if message["type"] == "websocket.close":
            self.writable.set()
        await super().send(message)

    async def run_asgi(self) -> None:
        """Run the application, then abort a connection that the base would keep until the peer reads."""
        await super().run_asgi()
        if not self.disconnected:
            self.abort_timer = self.loop.call_later(ABORT_TIMEOUT_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the abort: nothing is left to abort."""
        if self.abort_timer is not None:
            self.abort_timer.cancel()
        super().connection_lost(exc)

    def keepalive_timeout(self) -> None:
        """Give up a peer that answered no ping. Its pong may lie behind audio that we have not read: then wait."""
        if self.read_paused:
            self.pong_timer = self.loop.call_later(self.ping_timeout or ABORT_TIMEOUT_S, self.keepalive_timeout)
            return
        super().keepalive_timeout()
        self.abort_timer = self.abort_timer or self.loop.call_later(ABORT_TIMEOUT_S, self.transport.abort)

    def handle_parser_exception(self) -> None:
        """Send the close frame, then read and drop what still comes, until nothing does.

        To close with unread bytes would reset the connection, and the peer, still sending its too big frame, would
        see that in place of the close frame.
        """
        if not self.close_sent:
            assert self.conn.close_sent is not None
            code, reason = self.conn.close_sent.code, self.conn.close_sent.reason
            self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            if self.read_paused:
                self.read_paused = False
                self.transport.resume_reading()
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(DISCARD_TIMEOUT_S, self.transport.close)
