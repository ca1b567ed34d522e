"""One client of the Wyoming protocol: its events in, and those of its live session out."""

import asyncio
import contextlib
import socket
import uuid
from collections.abc import Callable

from fastapi import FastAPI

from paraserve.errors import ParaserveError, ProtocolError
from paraserve.server.live.protocol_paths import NewClient
from paraserve.server.live.stream_socket import StreamSocket
from paraserve.server.protocols.requests import Frame
from paraserve.server.protocols.wyoming.events import (
    MAX_HEADER_BYTES,
    error_frame,
    event_frame,
    read_event,
    read_header,
)
from paraserve.server.protocols.wyoming.live_protocol import SPEECH_EVENTS, WyomingProtocol

PATH = "/wyoming"
EVENT_TIMEOUT_S = 60.0
"""Time between two events of a client that has no live session, which has limits of its own."""
CLOSE_TIMEOUT_S = 2.0
"""Time for a client to take in the last events, and to stop sending: unread bytes would reset its connection."""
SEND_BUFFER_BYTES = 8 * 1024
"""Events that the system holds for a client: the texts of some minutes, beside those that its own system holds."""
BROKEN, DONE = 1006, 1000


class WyomingClient:
    """Serves one connection with `run`.

    Args:
        app: the application.
        reader: of the connection.
        writer: of the connection.
        api_key: the key that the client counts as, "" where none is wanted.
        max_payload_bytes: audio of one event, at most.
        info: returns the answer to `describe`.
    """

    def __init__(
        self,
        app: FastAPI,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        api_key: str,
        max_payload_bytes: int,
        info: Callable[[], bytes],
    ) -> None:
        self.has_session = False
        self._reader = reader
        self._writer = writer
        self._max_payload_bytes = max_payload_bytes
        self._info = info
        # A client that reads nothing is noticed once this is full.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        writer.transport.set_write_buffer_limits(high=0)
        peer = writer.get_extra_info("peername")
        client = (peer[0], peer[1]) if isinstance(peer, tuple) else None
        headers = [("authorization", f"Bearer {api_key}")] if api_key else []
        self._socket = StreamSocket(app, PATH, headers, client, self._send)

    async def run(self) -> None:
        """Serve the client until either side ends the connection."""
        try:
            first = await self._before_session()
            if first is not None:
                self.has_session = True
                await self._session(first)
        except ParaserveError as error:
            await self._send(error_frame(error))
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            pass  # the client is gone, or as good as gone
        finally:
            await self._close()

    async def refuse(self, text: str, code: str) -> None:
        """Tell the client why it is not served, and close the connection."""
        with contextlib.suppress(ConnectionError):
            await self._send(event_frame("error", {"text": text, "code": code}))
        await self._close()

    async def _before_session(self) -> bytes | None:
        """Answer questions until the client begins to speak; return that event, None where it leaves before."""
        while True:
            async with asyncio.timeout(EVENT_TIMEOUT_S):
                frame = await self._next_frame()
            if frame is None or await self._answer(frame) in SPEECH_EVENTS:
                return frame

    async def _session(self, first: bytes) -> None:
        session = asyncio.create_task(self._socket.serve(uuid.uuid4().hex, _protocol_of))
        reading = asyncio.create_task(self._pass_on(first))
        try:
            await asyncio.wait({session, reading}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                is_broken = reading.exception() is not None
                await self._socket.put_end(BROKEN if is_broken else DONE)
                await session
            reading.cancel()
            await asyncio.wait({reading})
            for task in (session, reading):
                if not task.cancelled():
                    task.result()
        finally:
            session.cancel()
            reading.cancel()
            await asyncio.wait({session, reading})

    async def _pass_on(self, frame: bytes | None) -> None:
        """Give the session the client's events, the first of which is there, until the client leaves."""
        is_speech = True
        while frame is not None:
            if is_speech:
                await self._socket.put(frame)
            frame = await self._next_frame()
            is_speech = frame is not None and await self._answer(frame) in SPEECH_EVENTS

    async def _answer(self, frame: bytes) -> str:
        """Answer an event that needs no session; return its type."""
        kind = read_header(frame.partition(b"\n")[0]).type
        if kind == "describe":
            await self._send(self._info())
        elif kind == "ping":
            await self._send(event_frame("pong", dict(read_event(frame).data)))
        return kind

    async def _next_frame(self) -> bytes | None:
        """Return the next event, None at the end.

        Raises:
            ProtocolError: what comes is no event, or it is too large.
            ConnectionError, IncompleteReadError: the connection broke.
        """
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            message = f"the first line of an event has more than {MAX_HEADER_BYTES} bytes"
            raise ProtocolError(message, code="message_too_large") from None
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            return None
        header = read_header(line)
        if header.n_payload_bytes > self._max_payload_bytes:
            message = f"an event has more than {self._max_payload_bytes} bytes of audio"
            raise ProtocolError(message, code="message_too_large")
        n_bytes = header.n_data_bytes + header.n_payload_bytes
        return line + await self._reader.readexactly(n_bytes) if n_bytes else line

    async def _send(self, frame: Frame) -> None:
        self._writer.write(frame.encode() if isinstance(frame, str) else frame)
        await self._writer.drain()

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                if self._writer.can_write_eof() and not self._writer.transport.is_closing():
                    self._writer.write_eof()
                    while await self._reader.read(MAX_HEADER_BYTES):
                        pass
                self._writer.close()
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()


def _protocol_of(client: NewClient) -> WyomingProtocol:
    return WyomingProtocol(client.request_id, client.choice_of)
