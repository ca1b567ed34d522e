"""Many people who talk without a pause, on an engine whose calls cost what full-size models do on 2 CPUs.

Time jumps, so that minutes of load take seconds and come out the same on any machine. 20 of these talkers are carried
with all partial texts.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest

from paraserve.options import StreamConfig, VadOverrides
from paraserve.runtime.scheduling.live_load import LiveLoad
from paraserve.runtime.two_pass import TwoPassSession
from paraserve.types import Update
from support.busy_engine import BusyEngine, in_jumping_time

CARRIED = 20
FRAME_S = 0.3
CONFIG = StreamConfig(vad=VadOverrides(max_segment_ms=15_000))


@dataclass
class Talk:
    """What one client heard: updates with the second when each came, and its delay since the audio was there."""

    heard: list[tuple[Update, float, float]] = field(default_factory=list)

    def delays_s(self, kind: str) -> list[float]:
        return [delay_s for update, _, delay_s in self.heard if update.kind == kind and update.text]

    @property
    def gaps_s(self) -> list[float]:
        """Times between neighbouring partial texts of a segment."""
        came = defaultdict(list)
        for update, at_s, _ in self.heard:
            if update.kind == "online":
                came[update.segment_index].append(at_s)
        return [after - before for times in came.values() for before, after in pairwise(times)]

    @property
    def share_with_partials(self) -> float:
        """Share of its segments over two steps that had partial texts."""
        long = {u.segment_index for u, *_ in self.heard if u.kind == "offline" and u.end_ms - u.start_ms > 3000}
        having = {u.segment_index for u, *_ in self.heard if u.kind == "online"}
        return len(long & having) / len(long)

    @property
    def finals(self) -> list[str]:
        return [update.text for update, *_ in self.heard if update.kind == "offline"]


def voice(number: int, seconds: float) -> np.ndarray:
    """Segments of 2 to 12 s with short pauses, others for each talker."""
    rng, parts, n = np.random.default_rng(number), [], 0
    while n < seconds * 16_000:
        parts += [
            np.full(int(rng.uniform(2, 12) * 16_000), 0.5, "f4"),
            np.zeros(int(rng.uniform(4800, 12_800)), "f4"),
        ]
        n += len(parts[-1]) + len(parts[-2])
    return np.concatenate(parts)[: int(seconds * 16_000)]


async def talk(engine: BusyEngine, number: int, seconds: float, begin_s: float) -> Talk:
    """Speak in real time and listen."""
    loop, told = asyncio.get_running_loop(), Talk()
    await asyncio.sleep(begin_s)
    begun_s = loop.time()

    def hear(update: Update) -> None:
        told.heard.append((update, loop.time(), loop.time() - begun_s - update.due_ms / 1000))

    async with TwoPassSession(engine, CONFIG, hear, engine.load) as session:
        samples, n = voice(number, seconds), int(FRAME_S * 16_000)
        for index, start in enumerate(range(0, len(samples), n)):
            await asyncio.sleep(max(0.0, begun_s + (index + 1) * FRAME_S - loop.time()))
            await session.feed(samples[start : start + n])
        await session.finish()
    return told


def talks(n: int, seconds: float) -> list[Talk]:
    """All talkers at once; the detector cuts a second into steps as a client's frames do."""

    async def main() -> list[Talk]:
        engine = BusyEngine(load=LiveLoad(2, asyncio.get_running_loop().time))
        return await engine.running(
            lambda: asyncio.gather(*(talk(engine, number, seconds, number * 0.6 / n) for number in range(n)))
        )

    return in_jumping_time(main())


def p95(times_s: list[float]) -> float:
    return float(np.percentile(times_s, 95))


@pytest.fixture(params=[15, pytest.param(180, marks=pytest.mark.full)])
def seconds(request) -> float:
    return request.param


def test_what_is_carried_gives_up_nothing(seconds):
    """Partial texts every 600 ms, no notice."""
    found = talks(CARRIED, seconds)
    assert p95([gap for one in found for gap in one.gaps_s]) < 0.9
    assert {update.notice for one in found for update, *_ in one.heard} == {None}
    assert p95([delay for one in found for delay in one.delays_s("offline")]) < 1.5


@pytest.mark.slow
def test_half_as_many_more(seconds):
    """Partial texts of all streams come on, seldomer, and final texts in time; delays do not grow."""
    found = talks(CARRIED * 3 // 2, seconds)
    assert max(gap for one in found for gap in one.gaps_s) <= 2.5
    assert p95([delay for one in found for delay in one.delays_s("offline")]) <= 2.0
    assert min(one.share_with_partials for one in found) >= 1 / 3


@pytest.mark.slow
def test_twice_as_many(seconds):
    """Final texts in time, and partial texts in a third of each stream's segments; no final text is another one."""
    found = talks(CARRIED * 2, seconds)
    finals_s = [delay for one in found for delay in one.delays_s("offline")]
    assert p95(finals_s) <= 2.0
    if seconds > 60:
        assert min(one.share_with_partials for one in found) >= 1 / 3
        came = [(at_s, delay_s) for one in found for update, at_s, delay_s in one.heard if update.kind == "offline"]
        early, late = ([delay_s for at_s, delay_s in came if a <= at_s < b] for a, b in ((10, 90), (90, 175)))
        assert p95(late) < p95(early) + 0.3
    alone = talks(1, seconds)
    assert found[0].finals == alone[0].finals
    assert any(update.notice for update, *_ in found[0].heard)
