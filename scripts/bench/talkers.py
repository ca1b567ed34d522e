"""Clients that speak in real time, in a process of their own, and what they saw.

Two protocols: FunASR's, and that of sherpa-onnx-online-websocket-server (float32 frames, "Done" at the end). That
server decodes windows of 61 frames of 10 ms every 600 ms, in speech and in silence, and sends a message after each:
its n-th message cannot come before 635 + 600 n ms of audio. Ours says itself which audio a text needed (`due_ms`).
"""

import asyncio
import json
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from recordings import RATE, Wave, pcm16

FRAME_MS = 60
FRAME_SAMPLES = RATE * FRAME_MS // 1000
CHUNK = (5, 10, 5)
STEP_MS = CHUNK[1] * 60
SHERPA_FIRST_MS = 635
MAX_PAUSE_MS = 1500
"""A segment that was ended so much later than its last word was cut, not ended by a pause."""
END_TIMEOUT_S = 15.0
"""How long a client waits for its last text; a server that is so late has lost anyway."""

Protocol = Literal["funasr", "sherpa"]
Kind = Literal["first partial", "partial", "final"]


@dataclass(frozen=True)
class Script:
    """What the clients do. `segment_ms` is FunASR's max_single_segment_time, 0 = the server's own."""

    protocol: Protocol
    url: str
    seconds: float
    mode: Literal["2pass", "online"] = "2pass"
    segment_ms: int = 0


@dataclass
class Text:
    """One text that came. `added_ms` is what the server says, `seen_ms` since the client sent the audio it needed.

    Of a final text with times: `after_speech_ms` since its last word had been said, and the ends of its first and its
    last word from the client's beginning. `due_ms` is the audio that it needed.
    """

    kind: Kind
    at_s: float
    added_ms: float | None
    seen_ms: float | None
    after_speech_ms: float | None = None
    first_word_ms: float | None = None
    last_word_ms: float | None = None
    due_ms: float | None = None


@dataclass
class Talk:
    """What one client sent and got; seconds of the monotonic clock. `error` is why it broke off."""

    started_s: float = 0.0
    sent_s: list[float] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    ended_s: float = 0.0
    texts: list[Text] = field(default_factory=list)
    waited_for_end_s: float = 0.0
    n_messages: int = 0
    error: str = ""

    def seen_ms(self, due_ms: float, at_s: float) -> float:
        """From sending the frame that completes `due_ms` of audio."""
        n = int(-(-due_ms // FRAME_MS))
        return (at_s - (self.sent_s[n - 1] if n <= len(self.sent_s) else self.ended_s or at_s)) * 1000


def talk_all(
    script: Script, wave: Wave, n: int, on_begun: Callable[[], None] = lambda: None
) -> tuple[list[Talk], float]:
    """`n` clients, each at its own place of the looped recording; also the CPU seconds that they took.

    `on_begun` is called when their process has started and they are about to begin.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(_import).result()
        on_begun()
        return pool.submit(_drive, script, wave, n).result()


def _import() -> None:
    """Nothing: to be called, its module had to be imported."""


def _drive(script: Script, wave: Wave, n: int) -> tuple[list[Talk], float]:
    sample_bytes = 2 if script.protocol == "funasr" else 4
    frame_bytes = sample_bytes * FRAME_SAMPLES
    encoded = pcm16(wave) if script.protocol == "funasr" else wave.astype("<f4").tobytes()
    looped, n_frames = encoded + encoded[:frame_bytes], round(script.seconds * 1000 / FRAME_MS)

    async def run() -> list[Talk]:
        voices = (Voice(looped, i * len(wave) // n * sample_bytes, frame_bytes, n_frames) for i in range(n))
        # They begin at different moments of a step, as people do.
        talks = (_converse(script, voice, i * STEP_MS / 1000 / n) for i, voice in enumerate(voices))
        return await asyncio.gather(*talks)

    started = time.process_time()
    return asyncio.run(run()), time.process_time() - started


@dataclass(frozen=True)
class Voice:
    """What one client says: frames of a recording that goes round and round, from its own place on.

    `looped` is the recording, shared by all clients, with its first frame again at the end.
    """

    looped: bytes
    first_byte: int
    frame_bytes: int
    n_frames: int

    def frame(self, n: int) -> bytes:
        """The n-th, from 0."""
        start = (self.first_byte + n * self.frame_bytes) % (len(self.looped) - self.frame_bytes)
        return self.looped[start : start + self.frame_bytes]


async def _converse(script: Script, voice: Voice, wait_s: float) -> Talk:
    talk = Talk()
    await asyncio.sleep(wait_s)
    try:
        async with connect(script.url, compression=None, max_size=None, open_timeout=60) as socket:
            if script.protocol == "funasr":
                await _funasr(script, socket, talk, voice)
            else:
                await _sherpa(socket, talk, voice)
    except (OSError, WebSocketException, TimeoutError, ServerSaysError) as error:
        talk.error = repr(error)
    return talk


class ServerSaysError(Exception):
    """An error message of the server."""


async def _funasr(script: Script, socket: ClientConnection, talk: Talk, voice: Voice) -> None:
    first: dict[str, Any] = {
        "mode": script.mode, "chunk_size": CHUNK, "wav_name": "bench", "is_speaking": True, "timing": True,
    }  # fmt: skip
    if script.segment_ms:
        first["max_single_segment_time"] = script.segment_ms
    await socket.send(json.dumps(first))
    end = json.dumps({"is_speaking": False, "is_end": True})
    is_open = False

    def hear(message: dict[str, Any], at_s: float) -> bool:
        nonlocal is_open
        if "error" in message and not message.get("is_end"):
            raise ServerSaysError(str(message["error"]))
        if message.get("text"):
            is_partial = message["mode"].endswith("online")
            kind: Kind = "final" if not is_partial else "partial" if is_open else "first partial"
            is_open = is_partial
            talk.texts.append(_text(talk, kind, at_s, message))
        return bool(message.get("is_end"))

    await _exchange(socket, talk, voice, end, lambda data, at_s: hear(json.loads(data), at_s))


def _text(talk: Talk, kind: Kind, at_s: float, message: dict[str, Any]) -> Text:
    due_ms, times = message.get("due_ms"), json.loads(message.get("timestamp") or "[]")
    seen_ms = talk.seen_ms(due_ms, at_s) if due_ms is not None else None
    text = Text(kind, at_s - talk.started_s, message.get("server_ms"), seen_ms, due_ms=due_ms)
    if not times or kind != "final":
        return text
    first_ms, last_ms = times[0][1], times[-1][1]
    after_ms = (at_s - talk.started_s) * 1000 - last_ms
    return replace(text, after_speech_ms=after_ms, first_word_ms=first_ms, last_word_ms=last_ms)


async def _sherpa(socket: ClientConnection, talk: Talk, voice: Voice) -> None:
    def hear(data: str, at_s: float) -> bool:
        if data == "Done!":
            return True
        due_ms = SHERPA_FIRST_MS + STEP_MS * (talk.n_messages - 1)
        # Of what comes after the end only the wait for all of it is of interest: it is padding, decoded in one go.
        if not talk.ended_s:
            talk.texts.append(Text("partial", at_s - talk.started_s, None, talk.seen_ms(due_ms, at_s)))
        return False

    await _exchange(socket, talk, voice, "Done", hear)


async def _exchange(
    socket: ClientConnection, talk: Talk, voice: Voice, end: str, hear: Callable[[Any, float], bool]
) -> None:
    """Speak and listen, until `hear` says of a message that it is the last."""

    async def speak() -> None:
        for n in range(1, voice.n_frames + 1):
            # A frame is due when its last sample would have been spoken.
            due_s = talk.started_s + n * FRAME_MS / 1000
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            talk.sent_s.append(time.monotonic())
            talk.late_ms.append((talk.sent_s[-1] - due_s) * 1000)
            await socket.send(voice.frame(n - 1))
        talk.ended_s = time.monotonic()
        await socket.send(end)

    async def listen() -> None:
        while True:
            data = await socket.recv()
            talk.n_messages += 1
            if hear(data, time.monotonic()):
                return

    talk.started_s = time.monotonic()
    speaking, listening = asyncio.create_task(speak()), asyncio.create_task(listen())
    try:
        patience_s = voice.n_frames * FRAME_MS / 1000 + END_TIMEOUT_S
        both = {speaking, listening}
        done, late = await asyncio.wait(both, return_when=asyncio.FIRST_EXCEPTION, timeout=patience_s)
        for task in done:
            task.result()
        if late:
            raise TimeoutError(f"no last text within {END_TIMEOUT_S:g} s")
    finally:
        speaking.cancel()
        listening.cancel()
        await asyncio.gather(speaking, listening, return_exceptions=True)
    talk.waited_for_end_s = time.monotonic() - talk.ended_s


def warm_up(script: Script, wave: Wave) -> None:
    """One client for three seconds."""
    talk_all(replace(script, seconds=3.0), wave, 1)


def values(talks: list[Talk], kinds: tuple[Kind, ...], what: Literal["added_ms", "seen_ms"]) -> list[float]:
    """Of all texts of these kinds that have one."""
    found = (getattr(text, what) for talk in talks for text in talk.texts if text.kind in kinds)
    return [float(value) for value in found if value is not None]


@dataclass(frozen=True)
class Delays:
    """What those who speak wait for, in ms, of all segments of some clients.

    Args:
        first_partial: from the end of a segment's first word to its first text, partial or final.
        between_partials: from one partial text to the next, or to the end of the last word.
        final: from the end of the last word to the final text, where a pause ended the segment.
        segments_without_partial: number of segments that had a final text only.
    """

    first_partial: list[float]
    between_partials: list[float]
    final: list[float]
    segments_without_partial: int


def delays(talks: list[Talk]) -> Delays:
    """Measure the texts against the words of the final texts, where these have times."""
    found = Delays([], [], [], 0)
    silent = 0
    for talk in talks:
        partials_ms: list[float] = []
        for text in talk.texts:
            if text.kind != "final":
                partials_ms.append(text.at_s * 1000)
                continue
            if text.first_word_ms is not None and text.last_word_ms is not None:
                shown_ms = [*partials_ms, text.at_s * 1000]
                found.first_partial.append(shown_ms[0] - text.first_word_ms)
                ends_ms = [*partials_ms, max(text.last_word_ms, *partials_ms[-1:], 0.0)]
                found.between_partials.extend(b - a for a, b in pairwise(ends_ms))
                if (text.due_ms or 0.0) - text.last_word_ms <= MAX_PAUSE_MS:
                    found.final.append(text.at_s * 1000 - text.last_word_ms)
                silent += not partials_ms
            partials_ms = []
    return replace(found, segments_without_partial=silent)


def gaps_ms(talk: Talk) -> list[float]:
    """Return the times between neighbouring partial texts of each segment of a client."""
    found, before = [], None
    for text in talk.texts:
        if text.kind != "final" and before is not None:
            found.append((text.at_s - before) * 1000)
        before = None if text.kind == "final" else text.at_s
    return found


def drift_ms(talks: list[Talk]) -> float:
    """Growth of the median delay from the first to the last quarter: a server that falls behind shows it."""
    texts = sorted((text for talk in talks for text in talk.texts if text.seen_ms is not None), key=lambda t: t.at_s)
    quarter = len(texts) // 4
    if quarter == 0:
        return 0.0
    first, last = (np.median([t.seen_ms for t in part]) for part in (texts[:quarter], texts[-quarter:]))
    return float(last - first)
