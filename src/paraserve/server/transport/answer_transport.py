"""The sending side of a connection: its end comes late enough for the client to read the answer, but it comes."""

from asyncio import AbstractEventLoop, TimerHandle, Transport
from collections.abc import Callable

LINGER_S = 10.0
LINGER_BYTES = 32 * 1024**2
"""How long and how much is read on and dropped after an answer, as nginx's lingering close does: to close with unread
bytes would reset the connection, and the client, still sending, would see that in place of the answer."""
FLUSH_TIMEOUT_S = 120.0
"""Time in which a client has to take some of what it is sent."""


class AnswerTransport:
    """Stands for the transport where answers are written. Clients that do not read are given up.

    Args:
        transport: the connection.
        loop: its event loop.
        is_receiving: tells whether the client is still sending.
    """

    def __init__(self, transport: Transport, loop: AbstractEventLoop, is_receiving: Callable[[], bool]) -> None:
        self.is_lingering = False
        self.write, self.is_closing = transport.write, transport.is_closing
        self._transport = transport
        self._loop = loop
        self._is_receiving = is_receiving
        self._is_ending = False
        self._timer: TimerHandle | None = None
        self._left_bytes = LINGER_BYTES

    def close(self) -> None:
        """Close once everything is sent, and what the client is sending is read."""
        if self._is_receiving():
            self.linger()
            return
        self._is_ending = True
        if self._transport.get_write_buffer_size():
            self._abort_after(FLUSH_TIMEOUT_S)
        self._transport.close()

    def linger(self) -> None:
        """Send no more, read on for a while. `drop` must be told of what still comes."""
        if self._is_ending or self._transport.is_closing():
            return
        self._is_ending = self.is_lingering = True
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._abort_after(LINGER_S)

    def drop(self, n_bytes: int) -> None:
        """Count received bytes that nobody wants."""
        self._left_bytes -= n_bytes
        if self._left_bytes < 0:
            self._transport.abort()

    def wait_for_reader(self) -> None:
        """Give the client up unless `reader_is_back` is called in time."""
        if not self._is_ending:
            self._abort_after(FLUSH_TIMEOUT_S)

    def reader_is_back(self) -> None:
        """Note that the client has taken some of what it is sent."""
        if not self._is_ending:
            self.cancel()

    def cancel(self) -> None:
        """Wait no longer: the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _abort_after(self, wait_s: float) -> None:
        self.cancel()
        self._timer = self._loop.call_later(wait_s, self._transport.abort)
