"""Live clients that talk in real time, utterance after utterance, and connect again when the server ends."""

import asyncio
import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

FRAME_BYTES, FRAME_S = 1920, 0.06
NOTICED_BYTES = 16_000
"""Half a second: less may be on its way when the server closes, which cannot know of it then."""
ANSWER_TIMEOUT_S, CONNECT_TIMEOUT_S, PAUSE_S = 120, 60, 0.2


@dataclass
class Speaker:
    """What one client has said and got.

    Attributes:
        texts: final texts of utterances that it ended itself, each with the number of its recording.
        cut: final texts of utterances that the server ended.
        lost: utterances that the server has heard and never answered.
        codes: with which connections were closed by the server.
        reconnect_s: from a close to the next connection.
    """

    url: str
    recordings: Sequence[bytes]
    texts: list[tuple[int, str]] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    lost: int = 0
    codes: list[int] = field(default_factory=list)
    reconnect_s: list[float] = field(default_factory=list)

    async def talk(self, is_over: asyncio.Event, first: int, most: int = 1_000_000) -> None:
        """Say one recording after the other, from number `first` on. What the server cut off is said on.

        It ends with `is_over`, or after so many (`most`) whole utterances.
        """
        numbers = itertools.cycle([*range(first, len(self.recordings)), *range(first)])
        number, rest, closed_at = next(numbers), b"", None
        while not is_over.is_set():
            async with await self._connected() as ws:
                if closed_at is not None:
                    self.reconnect_s.append(time.monotonic() - closed_at)
                while not is_over.is_set() and ws.close_code is None:
                    audio = rest or self.recordings[number]
                    n_sent, text = await self._say(ws, audio)
                    if n_sent == len(audio) and text is not None:
                        if not rest:
                            self.texts.append((number, text))
                        number, rest = next(numbers), b""
                        if len(self.texts) >= most:
                            is_over.set()
                        await asyncio.sleep(PAUSE_S)
                        continue
                    await asyncio.wait_for(ws.wait_closed(), ANSWER_TIMEOUT_S)
                    self.lost += text is None and n_sent >= NOTICED_BYTES
                    self.cut += [text] if text is not None else []
                    rest = audio if text is None else audio[n_sent:]
                if ws.close_code is not None:
                    self.codes.append(ws.close_code)
                    closed_at = time.monotonic()

    async def _connected(self) -> ClientConnection:
        """Connect, again and again where nobody lets it in."""
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            while True:
                try:
                    return await connect(self.url, compression=None, proxy=None)
                except (InvalidHandshake, OSError):
                    await asyncio.sleep(PAUSE_S)

    async def _say(self, ws: ClientConnection, audio: bytes) -> tuple[int, str | None]:
        """Say one utterance; returns the bytes that were sent, and the final text or None."""
        answer = asyncio.create_task(_answer(ws))
        started, n_sent = time.monotonic(), 0
        try:
            for start in range(0, len(audio), FRAME_BYTES):
                if answer.done():
                    break
                await ws.send(audio[start : start + FRAME_BYTES])
                n_sent = min(start + FRAME_BYTES, len(audio))
                await asyncio.sleep(max(0.0, started + n_sent / FRAME_BYTES * FRAME_S - time.monotonic()))
            if not answer.done():
                await ws.send(json.dumps({"is_speaking": False}))
        except ConnectionClosed:
            pass
        return n_sent, await asyncio.wait_for(answer, ANSWER_TIMEOUT_S)


async def _answer(ws: ClientConnection) -> str | None:
    """Return the final text of an utterance, None where the connection ends without it."""
    text = ""
    try:
        while True:
            message = json.loads(await ws.recv())
            text += message["text"] if message["mode"] == "2pass-offline" else ""
            if message["is_final"]:
                return text
    except ConnectionClosed:
        return None
