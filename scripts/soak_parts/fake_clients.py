"""Sessions and uploads on the server with the fake engine, each with a text of its own, at a steady rate.

python fake_clients.py URL N_SESSIONS N_UPLOADS SECONDS EVERY_S
"""

import asyncio
import io
import json
import struct
import sys
import time
from collections.abc import Awaitable, Callable

import httpx2
import numpy as np
import soundfile
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from live_answers import final_texts
from reporting import LostError, Told

FRAME_BYTES = 1920
TIMEOUT_S = 300.0
"""What takes longer is lost; what is late shows in the times."""
MAX_AT_ONCE = 50
"""Of each kind; who comes then waits outside."""
QUIETEST, LEVELS, LENGTHS = 700, 997, 11
"""The loudness (of 32768) and the length of neighbours differ, and come back together after 10967 of them."""
FLAC_EVERY, FORM_EVERY = 10, 3
"""So many uploads are one that a decode child has to read, and one that comes as a form."""


def heard(n: int) -> tuple[bytes, str]:
    """The audio of the n-th request, 180 to 780 ms, and the text that the fake engine has for it."""
    level, ms = QUIETEST + n % LEVELS * 32, 180 + n % LENGTHS * 60
    return struct.pack("<h", level) * (16 * ms), f"{16 * ms}x{round(level / 32768 * 1000)}"


async def session(url: str, n: int, told: Told) -> None:
    """One live session of FunASR's protocol, from its handshake to its closing.

    Raises:
        LostError: a final text is missing, doubled or wrong.
    """
    audio, text = heard(n)
    name = f"session {n}"
    async with connect(
        url.replace("http", "ws", 1), compression=None, proxy=None, open_timeout=TIMEOUT_S, ping_interval=None
    ) as socket:
        await socket.send(json.dumps({"mode": "2pass", "wav_name": name, "is_speaking": True}))
        for start in range(0, len(audio), FRAME_BYTES):
            await socket.send(audio[start : start + FRAME_BYTES])
        await socket.send(json.dumps({"is_speaking": False, "is_end": True}))
        ended_s = time.monotonic()
        finals, final_s = await final_texts(socket, name)
    if finals != [text]:
        raise LostError(f"{finals} in place of {text}")
    told.done("sessions", final_s - ended_s)


async def upload(client: httpx2.AsyncClient, n: int, told: Told) -> None:
    """One recording for one text.

    Raises:
        LostError: the answer is another.
    """
    audio, text = heard(n)
    container = io.BytesIO()
    soundfile.write(container, np.frombuffer(audio, "<i2"), 16_000, format="WAV" if n % FLAC_EVERY else "FLAC")
    recording = container.getvalue()
    began_s = time.monotonic()
    if n % FORM_EVERY:
        answer = await client.post("/transcribe", content=recording)
    else:
        answer = await client.post("/transcribe", files={"file": ("recording", recording)})
    if answer.status_code != httpx2.codes.OK or answer.json()["text"] != text:
        raise LostError(f"{answer.status_code} {answer.text[:300]} in place of {text}")
    told.done("uploads", time.monotonic() - began_s)


async def steadily(kind: str, one: Callable[[int], Awaitable[None]], n_all: int, seconds: float, told: Told) -> None:
    """Begin `n_all` of them, evenly over the time, and wait for the last. Returns when all have ended."""
    places = asyncio.Semaphore(MAX_AT_ONCE)

    async def guarded(n: int) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await one(n)
        except (LostError, OSError, TimeoutError, WebSocketException, httpx2.HTTPError) as error:
            told.lost(kind, f"number {n}: {error!r}")
        finally:
            places.release()

    began_s = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for n in range(n_all):
            await asyncio.sleep(began_s + n * seconds / n_all - time.monotonic())
            await places.acquire()
            tasks.create_task(guarded(n))


async def run(url: str, n_sessions: int, n_uploads: int, seconds: float, every_s: float) -> None:
    """All of them, and the figures of the last minute."""
    told = Told("sessions", "uploads")
    limits = httpx2.Limits(max_connections=MAX_AT_ONCE)
    async with httpx2.AsyncClient(base_url=url, timeout=TIMEOUT_S, limits=limits, trust_env=False) as client:
        telling = asyncio.create_task(told.tell(every_s))
        await asyncio.gather(
            steadily("sessions", lambda n: session(url, n, told), n_sessions, seconds, told),
            steadily("uploads", lambda n: upload(client, n, told), n_uploads, seconds, told),
        )
        telling.cancel()
    told.tell_now()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])))
