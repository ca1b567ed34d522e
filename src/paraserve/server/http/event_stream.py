"""Server-Sent Events (SSE): what they look like, and an answer that is sent while its request is worked on."""

import asyncio
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Send

from paraserve.server.protocols.json_encoding import Json, object_text

EVENT_STREAM = "text/event-stream"
KEEP_ALIVE_S = 15.0
KEEP_ALIVE = b": keep-alive\n\n"
"""A comment, which keeps proxies from closing a connection on which nothing comes."""
EVENT_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""No proxy keeps the events or holds them back."""


def data_events(bodies: Iterable[Json]) -> bytes:
    """Write events without names, each with a JSON object."""
    return "".join(f"data: {object_text(body)}\n\n" for body in bodies).encode()


def named_event(name: str, body: Json) -> bytes:
    """Write an event with a name."""
    return f"event: {name}\ndata: {object_text(body)}\n\n".encode()


def error_event(answer: Response) -> bytes:
    """Write the event `error` with the body of an answer to a failed request."""
    return b"event: error\ndata: " + bytes(answer.body) + b"\n\n"


class EventStream:
    """An answer in events, which goes on beside the work on its request.

    It begins with the first event, so that a request which fails before it is answered with the true status. Nothing
    that is written waits for a client that reads slowly. On leaving, what was not sent is dropped.

    Args:
        send: of the request, by the rules of ASGI.
        keep_alive_s: seconds without an event after which a comment is sent.
    """

    def __init__(self, send: Send, keep_alive_s: float = KEEP_ALIVE_S) -> None:
        self.has_begun = False
        self._send = send
        self._keep_alive_s = keep_alive_s
        self._events: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._headers = Headers()
        self._sending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Send nothing yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop sending."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait({self._sending})

    def open(self, headers: Mapping[str, str]) -> None:
        """Send what is written from now on, and comments while nothing is. `headers` are those of the answer."""
        self._headers = Headers({"Content-Type": EVENT_STREAM, **EVENT_HEADERS, **headers})
        self._sending = asyncio.create_task(self._send_all())

    @property
    def is_open(self) -> bool:
        """Return whether the answer comes in events."""
        return self._sending is not None

    def write(self, events: bytes) -> None:
        """Send these events as soon as those before them are sent."""
        self._events.put_nowait(events)

    async def end(self, events: bytes) -> None:
        """Send these events as the last ones."""
        assert self._sending is not None, "it was never opened"
        self._events.put_nowait(events)
        self._events.put_nowait(None)
        await self._sending

    async def _send_all(self) -> None:
        while (events := await self._next()) is not None:
            if not self.has_begun:
                self.has_begun = True
                await self._send({"type": "http.response.start", "status": 200, "headers": self._headers.raw})
            await self._send({"type": "http.response.body", "body": events, "more_body": True})
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _next(self) -> bytes | None:
        try:
            async with asyncio.timeout(self._keep_alive_s):
                return await self._events.get()
        except TimeoutError:
            return KEEP_ALIVE
