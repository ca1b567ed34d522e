"""Honest clients beside an attack: a prober of `/livez`, a live client, and newcomers."""

import asyncio
import contextlib
import itertools
import json
import time
import wave
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "zh_date.wav"
FRAME_S, FRAME_BYTES = 0.06, 1920
PROBE_EVERY_S = 0.02
MAX_PROBES = 500
"""Probes that wait at once: 10 s of them."""
PATIENCE_S = 30.0
WAITS_S = 5.0
"""One who has waited longer when the watch ends is counted as waiting."""
CLIP_BYTES = 10 * FRAME_BYTES
END = json.dumps({"is_speaking": False})


@dataclass(frozen=True)
class Target:
    """A server, and a key where it wants one."""

    host: str
    port: int
    key: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """For an honest client."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def connect(self) -> connect:
        """A live connection, to be entered."""
        return connect(
            f"ws://{self.host}:{self.port}/", additional_headers=self.headers, compression=None, proxy=None,
            ping_interval=None, open_timeout=PATIENCE_S, close_timeout=1, max_size=None,
        )  # fmt: skip

    async def request(self, head: str, body: bytes = b"", patience_s: float = PATIENCE_S) -> int:
        """Send a request over a connection of its own; returns the status, or 0 where there is no answer."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            async with asyncio.timeout(patience_s):
                reader, writer = await asyncio.open_connection(self.host, self.port)
                try:
                    lines = [head, f"Host: {self.host}", "Connection: close", f"Content-Length: {len(body)}"]
                    lines += [f"{name}: {value}" for name, value in self.headers.items()]
                    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
                    return int((await reader.read()).split(b" ", 2)[1])
                finally:
                    writer.close()
        return 0


@dataclass
class Prober:
    """Asks `/livez` every 20 ms, whether or not the last was answered."""

    target: Target
    waits: list[tuple[float, float]] = field(default_factory=list)
    """(when it was due, ms to the answer), of those answered or given up."""
    failed: int = 0

    async def run(self) -> None:
        """Ask without end."""
        first_s, waiting = time.monotonic(), {}
        try:
            for n in itertools.count():
                due_s = first_s + n * PROBE_EVERY_S
                await asyncio.sleep(due_s - time.monotonic())
                if len(waiting) >= MAX_PROBES:
                    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                task = asyncio.create_task(self._probe(due_s))
                waiting[task] = due_s
                task.add_done_callback(waiting.pop)
        finally:
            # The others have waited so long already.
            self.waits += [(due_s, (time.monotonic() - due_s) * 1000) for due_s in waiting.values()]

    async def _probe(self, due_s: float) -> None:
        status = await self.target.request("GET /livez HTTP/1.1")
        self.failed += status != 200
        self.waits.append((due_s, (time.monotonic() - due_s) * 1000))


@dataclass
class Speaker:
    """Says a sentence in real time again and again, over one connection."""

    target: Target
    finals: list[tuple[float, float]] = field(default_factory=list)
    """(end of the audio, ms from then to the final result, or until it was given up)."""
    lost: int = 0
    """Sentences without a final result."""

    async def run(self) -> None:
        """Speak without end; connect again where the connection is lost."""
        speech = pcm(SAMPLE)
        while True:
            try:
                async with self.target.connect() as socket:
                    while True:
                        ended_s = await self._say(socket, speech)
                        try:
                            await final(socket)
                        finally:
                            self.finals.append((ended_s, (time.monotonic() - ended_s) * 1000))
            except (OSError, WebSocketException, RefusedError):
                self.lost += 1
                await asyncio.sleep(0.5)

    async def _say(self, socket: ClientConnection, speech: bytes) -> float:
        await socket.send(json.dumps({"mode": "2pass", "wav_name": "honest", "is_speaking": True}))
        first_s = time.monotonic()
        for n, start in enumerate(range(0, len(speech), FRAME_BYTES), 1):
            await asyncio.sleep(first_s + n * FRAME_S - time.monotonic())
            await socket.send(speech[start : start + FRAME_BYTES])
        await socket.send(END)
        return time.monotonic()


@dataclass
class Newcomer:
    """Comes every second with a handshake and with an upload. `live` and `uploads` count what becomes of them."""

    target: Target
    live: Counter[str] = field(default_factory=Counter)
    uploads: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Come without end."""
        await asyncio.gather(self._each_second(self._knock, self.live), self._each_second(self._upload, self.uploads))

    async def _each_second(self, come: Callable[[], Awaitable[str]], fates: Counter[str]) -> None:
        while True:
            came_s = time.monotonic()
            try:
                fates[await come()] += 1
            except asyncio.CancelledError:
                fates["waits"] += time.monotonic() - came_s > WAITS_S
                raise
            await asyncio.sleep(came_s + 1 - time.monotonic())

    async def _knock(self) -> str:
        try:
            async with asyncio.timeout(PATIENCE_S), self.target.connect() as socket:
                await socket.send(pcm(SAMPLE)[:CLIP_BYTES])
                await socket.send(END)
                await final(socket)
        except (OSError, WebSocketException, RefusedError) as error:
            return str(error)[:60] or type(error).__name__
        return "ok"

    async def _upload(self) -> str:
        audio = pcm(SAMPLE)[:CLIP_BYTES]
        status = await self.target.request("POST /transcribe HTTP/1.1\r\nContent-Type: audio/wav", wav(audio))
        return "ok" if status == 200 else str(status or "no answer")


class RefusedError(Exception):
    """An error message of the server."""


async def final(socket: ClientConnection) -> None:
    """Wait for the last result of an utterance.

    Raises:
        RefusedError: the server sends an error.
        TimeoutError: it takes too long.
    """
    async with asyncio.timeout(PATIENCE_S):
        while True:
            message = json.loads(await socket.recv())
            if message.get("error"):
                raise RefusedError(str(message["error"]))
            if message["is_final"]:
                return


def pcm(path: Path) -> bytes:
    """Raw samples of a 16-bit mono WAV."""
    with wave.open(str(path)) as recording:
        return recording.readframes(recording.getnframes())


def wav(samples: bytes) -> bytes:
    """A WAV of 16-bit mono samples at 16 kHz."""
    size = len(samples).to_bytes(4, "little")
    return (
        b"RIFF"
        + (len(samples) + 36).to_bytes(4, "little")
        + b"WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0"
        b"data" + size + samples
    )
