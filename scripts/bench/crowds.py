"""What people who speak notice beside a crowd: others who speak, uploads, clients that read nothing.

`reliability.py` runs these functions and prints their lines.
"""

import asyncio
import contextlib
import random
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TypeVar

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from hardships import DATA
from report import percentile
from support.attacks.honest import SAMPLE, Prober, Speaker, Target, pcm, wav
from support.attacks.processes import Role, running
from support.attacks.served import Served

STAGGER_S = 0.13
WARM_UP_S = 3.0
UPLOADS_AT_ONCE = 128
SMALL_BUFFER_BYTES = 4096
NONSENSE = 100
"""Messages for each 0.6 s of audio: their answers soon fill what the network holds."""
RATED = 16
"""Speakers that two CPUs are given, 8 each."""

C = TypeVar("C", bound=Role)


@dataclass
class Speakers:
    """Several who speak, all the time."""

    target: Target
    count: int
    each: list[Speaker] = field(default_factory=list)

    async def run(self) -> None:
        """Begin one after the other."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.count):
                self.each.append(Speaker(self.target))
                group.create_task(self.each[-1].run())
                await asyncio.sleep(STAGGER_S)

    def finals_ms(self, from_s: float, to_s: float) -> list[float]:
        """Of all, for what was said in this time."""
        return [ms for one in self.each for at_s, ms in one.finals if from_s <= at_s < to_s]


@dataclass
class Uploaders:
    """Uploads without a pause, more than places. `fates` counts statuses; `refusals_ms` are waits for 503."""

    target: Target
    fates: Counter[int] = field(default_factory=Counter)
    refusals_ms: list[float] = field(default_factory=list)

    async def run(self) -> None:
        """Send without end."""
        recording = wav(pcm(DATA / "mixed_long.wav"))
        async with asyncio.TaskGroup() as group:
            for number in range(UPLOADS_AT_ONCE):
                group.create_task(self._send(recording, number / UPLOADS_AT_ONCE))

    async def _send(self, recording: bytes, first_s: float) -> None:
        await asyncio.sleep(first_s)
        while True:
            started_s = time.monotonic()
            status = await self.target.request("POST /transcribe HTTP/1.1\r\nContent-Type: audio/wav", recording)
            self.fates[status] += 1
            if status != 200:
                self.refusals_ms.append((time.monotonic() - started_s) * 1000)
                await asyncio.sleep(random.uniform(1.0, 2.0))  # `Retry-After` says 1


@dataclass
class NonReaders:
    """Send audio and nonsense as fast as it is taken, and read nothing for so long. `ends` counts close codes."""

    target: Target
    count: int
    seconds: float
    ends: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """All at once."""
        await asyncio.gather(*(self._flood() for _ in range(self.count)))
        await asyncio.Event().wait()

    async def _flood(self) -> None:
        ends_s = time.monotonic() + self.seconds
        sock = socket.create_connection((self.target.host, self.target.port))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
        options = {"sock": sock, "compression": None, "proxy": None, "ping_interval": None, "max_queue": 1}
        try:
            async with connect(f"ws://{self.target.host}/", **options) as client:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.seconds):
                        while True:
                            await client.send(pcm(SAMPLE)[:19_200])
                            for _ in range(NONSENSE):
                                await client.send("nonsense " * 20)
                await asyncio.sleep(ends_s - time.monotonic())
                while True:
                    await client.recv()
        except ConnectionClosed as closed:
            self.ends[str(closed.rcvd.code if closed.rcvd else 1006)] += 1
        except (OSError, WebSocketException) as error:
            self.ends[type(error).__name__] += 1


@dataclass
class Noticed:
    """By those who speak: final results in quiet and beside the crowd, waits for `/livez` beside it, all in ms."""

    quiet_ms: list[float]
    beside_ms: list[float]
    livez_ms: list[float]
    n_lost: int

    @property
    def finals(self) -> str:
        """In words."""
        lost = f", {self.n_lost} lost" if self.n_lost else ""
        return f"final p95 {percentile(self.quiet_ms, 95)} → {percentile(self.beside_ms, 95)} ms{lost}"


def _talk(server: Served, n_speakers: int, seconds: float, crowd: C) -> tuple[Noticed, C]:
    """Let so many speak in quiet, then as long beside the crowd, which comes back with what it saw."""
    with contextlib.ExitStack() as stack:
        speaking = stack.enter_context(running(Speakers(server.target, n_speakers)))
        probing = stack.enter_context(running(Prober(server.target)))
        time.sleep(WARM_UP_S + n_speakers * STAGGER_S)
        quiet_from_s = time.monotonic()
        time.sleep(seconds)
        beside_from_s = time.monotonic()
        coming = stack.enter_context(running(crowd))
        time.sleep(seconds)
        beside_to_s = time.monotonic()
        came, speakers, prober = coming.stop(), speaking.stop(), probing.stop()
    quiet_ms, beside_ms = (
        speakers.finals_ms(*times) for times in ((quiet_from_s, beside_from_s), (beside_from_s, beside_to_s))
    )
    livez_ms = [ms for at_s, ms in prober.waits if beside_from_s <= at_s < beside_to_s]
    return Noticed(quiet_ms, beside_ms, livez_ms, sum(one.lost for one in speakers.each)), came


async def rated_load(server: Served, seconds: int) -> str:
    """As many speakers as the server admits: how long its event loop stands still."""
    noticed, _ = await asyncio.to_thread(_talk, server, RATED // 2, seconds, Speakers(server.target, RATED // 2))
    stalls = ", ".join(f"p{q} {percentile(noticed.livez_ms, q)}" for q in (50, 99, 99.9, 100))
    return f"{RATED // 2} speakers, then {RATED}: {noticed.finals}; `/livez` {stalls} ms"


async def beside_uploads(server: Served, seconds: int) -> str:
    """Uploads on all places and as many refused: what speakers notice."""
    noticed, came = await asyncio.to_thread(_talk, server, 8, seconds, Uploaders(server.target))
    waits = f"p50 {percentile(came.refusals_ms, 50)} p95 {percentile(came.refusals_ms, 95)} ms"
    livez = f"`/livez` p99 {percentile(noticed.livez_ms, 99)} ms"
    return f"8 speakers: {noticed.finals}; {livez}; uploads {dict(came.fates)}, refused {waits}"


async def slow_readers(server: Served, seconds: int) -> str:
    """Clients that flood and read nothing: how they end, what they cost, and what speakers notice."""
    await asyncio.to_thread(_talk, server, 4, WARM_UP_S, Speakers(server.target, 4))
    before_mb = server.resident_mb()
    server.forget_peaks()
    readers = NonReaders(server.target, 6, seconds - WARM_UP_S)
    noticed, came = await asyncio.to_thread(_talk, server, 4, seconds, readers)
    each_mb = (server.peak_mb() - before_mb) / readers.count
    return (
        f"{readers.count} that read nothing: {dict(came.ends)}, {each_mb:.1f} MB each; 4 speakers: {noticed.finals}"
    )
