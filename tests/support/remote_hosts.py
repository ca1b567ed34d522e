"""A host on this machine that answers each path as a test says, and notes what it was asked."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Asked:
    """One request. Header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class RemoteHost:
    """Its requests in order, and its answers by path; an unknown path is a 404."""

    port: int
    answers: dict[str, Answer]
    asked: list[Asked] = field(default_factory=list)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """The URL of a path, by http."""
        return f"http://{host}:{self.port}{path}"


def answer(body: bytes = b"", status: int = 200, **headers: str) -> bytes:
    """A whole answer. Words in names of headers have `_` between them."""
    lines = {"content-length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Status\r\n{head}\r\n".encode() + body


@contextlib.asynccontextmanager
async def remote_host(
    answers: Mapping[str, Answer], tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[RemoteHost]:
    """Listen on a port, 0 = a free one. Connections are closed after each answer."""
    served = RemoteHost(0, dict(answers))
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            asked = await _read(reader)
            served.asked.append(asked)
            found = served.answers.get(urlsplit(asked.target).path, answer(status=404))
            if isinstance(found, bytes):
                writer.write(found)
                await writer.drain()
            else:
                await found(writer)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", port, ssl=tls)
    served.port = listening.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        listening.close()
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    method, target, _ = first.split(" ")
    return Asked(method, target, headers, body)
