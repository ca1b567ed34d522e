"""A live server without recognition, for what real ones do rarely: break off, refuse, talk nonsense.

It knows the audio of `speech`: each second is a segment, whose text is the number of the second.
"""

import asyncio
import contextlib
import json
import queue
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from support.certificates import Certificate

RATE = 16_000
SECOND_BYTES = 2 * RATE
SHUTTING_DOWN = 1012
END = {"is_speaking": False, "is_end": True}


def speech(seconds: float) -> bytes:
    """Each sample is the number of its second, from 1."""
    return (np.arange(round(seconds * RATE)) // RATE + 1).astype("<i2").tobytes()


def text_of(audio: bytes) -> str:
    """The numbers of the seconds, separated by spaces; each must be whole but the last."""
    values, counts = np.unique(np.frombuffer(audio, "<i2"), return_counts=True)
    assert all(count == RATE for count in counts[:-1]), "audio is missing, doubled or out of order"
    return " ".join(map(str, values))


@dataclass
class Stub:
    """What the server is to do, and what happened.

    `cuts`: bytes after which each connection in turn breaks (None = it lasts), with `close_code`, or without a close
    frame; a shutdown (1012) ends the utterance first. `times`: how a text says what it covers: "end_time",
    "timestamp" or "" for not at all.
    """

    cuts: Iterator[int | None] = field(default_factory=lambda: repeat(None))
    close_code: int | None = None
    times: str = "end_time"
    acknowledges: bool = True
    firsts: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, socket: ServerConnection) -> None:
        """Serve one connection."""
        cut = next(self.cuts)
        with contextlib.suppress(ConnectionClosed):
            first = json.loads(await socket.recv())
            self.firsts.append(first)
            await _Utterance(self, socket, first["mode"]).listen(cut)

    async def break_off(self, socket: ServerConnection) -> None:
        """Close as asked, or leave the client with half an answer."""
        if self.close_code is None:
            socket.transport.abort()
        else:
            await socket.close(self.close_code)

    @contextlib.asynccontextmanager
    async def running(self, port: int = 0, *, certificate: Certificate | None = None) -> AsyncIterator[str]:
        """The server's URL."""
        scheme, context = "ws", None
        if certificate is not None:
            scheme, context = "wss", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.certfile, certificate.keyfile)
        async with serve(self, "127.0.0.1", port, ssl=context) as server:
            yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@dataclass
class _Utterance:
    stub: Stub
    socket: ServerConnection
    mode: str
    audio: bytes = b""
    n_said: int = 0
    """Bytes that have their final text."""

    async def listen(self, cut: int | None) -> None:
        async for data in self.socket:
            if isinstance(data, str):
                assert json.loads(data) == END
                await self._end()
                if self.stub.acknowledges:
                    await self._say(self.mode, "", is_final=True, is_end=True)
                continue
            self.audio += data
            if cut is not None and len(self.audio) >= cut:
                if self.stub.close_code == SHUTTING_DOWN:
                    await self._end()
                await self.stub.break_off(self.socket)
                return
            await self._hear(len(data))

    async def _hear(self, n_bytes: int) -> None:
        if self.mode == "online":
            await self._say("2pass-online", "." * n_bytes)
        elif self.mode == "2pass":
            while len(self.audio) - self.n_said >= SECOND_BYTES:
                await self._say("2pass-online", "~")
                await self._say_segment(SECOND_BYTES)

    async def _end(self) -> None:
        if self.mode == "online":
            await self._say("2pass-online", "!", is_final=True)
        else:
            await self._say_segment(len(self.audio) - self.n_said, is_final=True)

    async def _say_segment(self, n_bytes: int, *, is_final: bool = False) -> None:
        text = text_of(self.audio[self.n_said : self.n_said + n_bytes])
        start_ms, end_ms = (at * 1000 // SECOND_BYTES for at in (self.n_said, self.n_said + n_bytes))
        self.n_said += n_bytes
        times: dict[str, object] = {}
        if text and self.stub.times == "end_time":
            times = {"end_time": end_ms}
        if text and self.stub.times == "timestamp":
            times = {"timestamp": json.dumps([[start_ms, end_ms]])}
        await self._say("2pass-offline", text, is_final=is_final, **times)

    async def _say(self, mode: str, text: str, *, is_final: bool = False, **more: object) -> None:
        message = {"mode": mode, "text": text, "wav_name": "stub", "is_final": is_final, **more}
        await self.socket.send(json.dumps(message))
        await asyncio.sleep(0)


@contextlib.contextmanager
def stub(certificate: Certificate | None = None) -> Iterator[str]:
    """A server without recognition on a thread, by its URL."""
    started: queue.Queue[Any] = queue.Queue()

    async def run() -> None:
        stopping = asyncio.Event()
        async with Stub().running(certificate=certificate) as url:
            started.put((url, asyncio.get_running_loop(), stopping))
            await stopping.wait()

    thread = threading.Thread(target=asyncio.run, args=[run()])
    thread.start()
    url, loop, stopping = started.get(timeout=10)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(10)
