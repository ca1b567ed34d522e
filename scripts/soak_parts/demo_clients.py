"""People who talk, upload and hand over jobs to a server with models, each text compared with that of the beginning.

python demo_clients.py URL TALKERS SECONDS EVERY_S
"""

import asyncio
import io
import itertools
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
import numpy as np
import numpy.typing as npt
import soundfile
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from live_answers import final_texts
from reporting import LostError, Told

SAMPLES = Path(__file__).resolve().parents[2] / "tests" / "data"
RATE, FRAME_SAMPLES, FRAME_S = 16_000, 960, 0.06
FORMATS = ("WAV", "FLAC", "OGG")
WAITING, JOB_WAIT_S = ("queued", "running"), 30
UPLOAD_EVERY_S, JOB_EVERY_S, TALK_EVERY_S = 2.5, 30.0, 0.5
TIMEOUT_S = 300.0
"""Of one request, and how long a job may take; what is late shows in the times."""

Wave = npt.NDArray[np.int16]


class Texts:
    """The first text of each recording by each way, which all later ones must equal."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}

    def check(self, way: str, text: str) -> None:
        """Keep the first.

        Raises:
            LostError: there is no text, or it differs from the first.
        """
        first = self._first.setdefault(way, text)
        if not text or text != first:
            raise LostError(f"{way}: {text!r} in place of {first!r}")


class People:
    """Their server, their recordings, and what they were told."""

    def __init__(self, url: str, told: Told) -> None:
        self._url = url
        self._told = told
        self._texts = Texts()
        self._clips = {path.stem: soundfile.read(path, dtype="int16")[0] for path in sorted(SAMPLES.glob("*.wav"))}
        self._http = httpx2.AsyncClient(base_url=url, timeout=TIMEOUT_S, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def talk(self, n: int) -> None:
        """One session in real time, with the n-th recording.

        Raises:
            LostError: its final texts are others than the first time.
        """
        name, clip = self._clip(n)
        async with connect(
            self._url.replace("http", "ws", 1),
            compression=None,
            proxy=None,
            open_timeout=TIMEOUT_S,
            ping_interval=None,
        ) as socket:
            await socket.send(json.dumps({"mode": "2pass", "wav_name": name, "is_speaking": True}))
            speaking = asyncio.create_task(_speak(socket.send, clip))
            try:
                finals, final_s = await final_texts(socket, name)
            finally:
                speaking.cancel()
                await asyncio.gather(speaking, return_exceptions=True)
        self._texts.check(f"live {name}", "".join(finals))
        self._told.done("sessions", max(0.0, final_s - speaking.result()))

    async def upload(self, n: int) -> None:
        """Upload the n-th recording, in one of three formats.

        Raises:
            LostError: it has another text than the first time.
        """
        way, recording = self._recording(n)
        began_s = time.monotonic()
        answer = await self._http.post("/transcribe", content=recording)
        self._texts.check(way, _body(answer, 200)["text"])
        self._told.done("uploads", time.monotonic() - began_s)

    async def job(self, n: int) -> None:
        """Hand over the n-th recording, wait for its transcript, and delete the job.

        Raises:
            LostError: it does not end as done, or has another text than the first upload of it.
        """
        way, recording = self._recording(n)
        began_s = time.monotonic()
        path = f"/v1/jobs/{_body(await self._http.post('/v1/jobs', content=recording), 202)['id']}"
        job = {"state": "queued"}
        while job["state"] in WAITING:
            job = _body(await self._http.get(path, params={"wait_s": JOB_WAIT_S}), 200)
        if job["state"] != "done":
            raise LostError(f"{way}: {job}")
        ended_s = time.monotonic()
        self._texts.check(way, _body(await self._http.get(f"{path}/transcript"), 200)["text"])
        (await self._http.delete(path, params={"purge": "true"})).raise_for_status()
        self._told.done("jobs", ended_s - began_s)

    async def again_and_again(
        self, kind: str, one: Callable[[int], Awaitable[None]], first: int, every_s: float, until_s: float
    ) -> None:
        """Do it at this interval, or as soon as the last has ended, until this time of the monotonic clock."""
        due_s = time.monotonic()
        for n in itertools.count(first):
            due_s = max(due_s + every_s * random.uniform(0.8, 1.2), time.monotonic())
            if due_s > until_s:
                return
            await asyncio.sleep(due_s - time.monotonic())
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    await one(n)
            except (LostError, OSError, TimeoutError, WebSocketException, httpx2.HTTPError) as error:
                self._told.lost(kind, f"number {n}: {error!r}")

    def _clip(self, n: int) -> tuple[str, Wave]:
        return list(self._clips.items())[n % len(self._clips)]

    def _recording(self, n: int) -> tuple[str, bytes]:
        name, clip = self._clip(n)
        container = FORMATS[n // len(self._clips) % len(FORMATS)]
        file = io.BytesIO()
        soundfile.write(file, clip, RATE, format=container)
        return f"{name} as {container}", file.getvalue()


async def _speak(send: Callable[[bytes | str], Awaitable[None]], clip: Wave) -> float:
    """Say it in real time. Returns when it had been said, on the monotonic clock."""
    first_s = time.monotonic()
    for n, start in enumerate(range(0, len(clip), FRAME_SAMPLES), 1):
        await asyncio.sleep(first_s + n * FRAME_S - time.monotonic())
        await send(clip[start : start + FRAME_SAMPLES].tobytes())
    await send(json.dumps({"is_speaking": False, "is_end": True}))
    return time.monotonic()


def _body(answer: httpx2.Response, status: int) -> dict[str, str]:
    if answer.status_code != status:
        raise LostError(f"{answer.status_code} {answer.text[:300]}")
    body: dict[str, str] = answer.json()
    return body


async def run(url: str, n_talkers: int, seconds: float, every_s: float) -> None:
    """All of them side by side, and the figures of the last minute."""
    told = Told("sessions", "uploads", "jobs")
    people = People(url, told)
    until_s = time.monotonic() + seconds
    telling = asyncio.create_task(told.tell(every_s))
    await asyncio.gather(
        *(
            people.again_and_again("sessions", people.talk, 3 * place, TALK_EVERY_S, until_s)
            for place in range(n_talkers)
        ),
        people.again_and_again("uploads", people.upload, 0, UPLOAD_EVERY_S, until_s),
        people.again_and_again("jobs", people.job, 0, JOB_EVERY_S, until_s),
    )
    telling.cancel()
    await people.close()
    told.tell_now()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
