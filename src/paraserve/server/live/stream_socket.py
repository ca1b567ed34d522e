"""Live clients that do not come over a WebSocket, as the ASGI connection that the live service works with.

Their keys, limits, draining, figures and log lines are then those of every live client.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import FastAPI, WebSocket
from starlette.types import Message

from paraserve.server.live.protocol_paths import ProtocolOf
from paraserve.server.live.websocket_routes import serve_or_refuse
from paraserve.server.protocols.requests import Frame

MAX_WAITING_FRAMES = 8
"""A client that is ahead by more waits."""


class StreamSocket:
    """One client of another transport, which puts its frames in and gets the server's frames by `send_frame`.

    Args:
        app: the application that serves it.
        path: the name of the transport, such as "/grpc": it stands where a WebSocket has its path.
        headers: names in small letters, and values. A key of the client is among them.
        client: address and port of the client, None where it has none (Unix sockets).
        send_frame: sends one frame to the client, and returns once there is room for the next.

    After `serve`, `close_code` and `close_reason` tell why the server closed the connection. They are a code of
    WebSockets and the code of an error.
    """

    def __init__(
        self,
        app: FastAPI,
        path: str,
        headers: Sequence[tuple[str, str]],
        client: tuple[str, int] | None,
        send_frame: Callable[[Frame], Awaitable[None]],
    ) -> None:
        self.close_code: int | None = None
        self.close_reason = ""
        self._send_frame = send_frame
        self._received: asyncio.Queue[Message] = asyncio.Queue(MAX_WAITING_FRAMES)
        self._received.put_nowait({"type": "websocket.connect"})
        self._closed = asyncio.Event()
        encoded = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
        self._scope: dict[str, Any] = {
            "type": "websocket",
            "app": app,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": encoded,
            "client": client,
            "server": None,
            "subprotocols": [],
            "state": {},
        }

    async def serve(self, request_id: str, protocol_of: ProtocolOf) -> None:
        """Serve the client until either side ends the connection."""
        socket = WebSocket(self._scope, self._receive, self._send)
        await socket.accept()
        try:
            await serve_or_refuse(socket, request_id, protocol_of)
        finally:
            self._closed.set()

    async def put(self, frame: Frame) -> None:
        """Give the server a frame of the client, and wait while too many are waiting. After the end it is dropped."""
        kind = "text" if isinstance(frame, str) else "bytes"
        await self._put({"type": "websocket.receive", kind: frame})

    async def put_end(self, code: int = 1000) -> None:
        """Tell the server that the client is gone: 1000 where it is done, 1006 where its connection broke."""
        await self._put({"type": "websocket.disconnect", "code": code, "reason": ""})

    async def _put(self, message: Message) -> None:
        if not self._received.full():
            self._received.put_nowait(message)
            return
        putting = asyncio.ensure_future(self._received.put(message))
        closing = asyncio.ensure_future(self._closed.wait())
        try:
            await asyncio.wait({putting, closing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            putting.cancel()
            closing.cancel()

    async def _receive(self) -> Message:
        return await self._received.get()

    async def _send(self, message: Message) -> None:
        if message["type"] == "websocket.send":
            text = message.get("text")
            await self._send_frame(message["bytes"] if text is None else text)
        elif message["type"] == "websocket.close":
            self.close_code, self.close_reason = message.get("code", 1000), message.get("reason") or ""
            self._closed.set()
            # What a peer answers to a close frame, for those who wait for it.
            if not self._received.full():
                self._received.put_nowait({"type": "websocket.disconnect", "code": self.close_code})
