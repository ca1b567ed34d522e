"""Endpoints by silence alone and by what was said: sentences cut apart at a pause, and the delay of their end.

Each utterance of the committed held-out speech gets a pause between two of its words and silence behind it. An
endpoint that is quick cuts it apart in the pause, and one that is patient ends it late:

    python scripts/bench/endpoints.py --count 100
"""

import argparse
import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from paraserve.options import SemanticEndpoint, StreamConfig, VadOverrides
from paraserve.runtime.engine import Engine
from paraserve.runtime.two_pass import TwoPassSession
from paraserve.settings import Settings
from paraserve.types import SAMPLE_RATE, Samples, Update, ms_to_samples
from paraserve.wiring import open_engine

HELD_OUT = Path(__file__).parents[2] / "tests" / "data" / "heldout"
FRAME_SAMPLES = ms_to_samples(60)
LEAD_MS, TRAIL_MS = 500, 1800
PAUSE_MS = (200, 800)
"""Pauses of people who think in mid-sentence. The detector takes 200 ms more to see the speech behind them."""
MIN_GAP_MS = 30

ENDPOINTS = {
    "800 ms": StreamConfig(),
    "400 ms": StreamConfig(vad=VadOverrides(max_end_silence_ms=400)),
    "1200 ms": StreamConfig(vad=VadOverrides(max_end_silence_ms=1200)),
    "semantic, 400 and 1200 ms": StreamConfig(endpoint=SemanticEndpoint()),
}


@dataclass(frozen=True, slots=True)
class Case:
    """Speech with a pause in its middle: the pause, and the end of the last word, in ms."""

    samples: Samples
    pause_ms: tuple[int, int]
    end_ms: int


def cases(count: int) -> Iterator[Case]:
    """Yield the utterances that have a gap between two words in their middle."""
    rng = np.random.default_rng(20)
    n_found = 0
    for line in (HELD_OUT / "heldout.jsonl").read_text("utf-8").splitlines():
        record = json.loads(line)
        starts, ends = record["start_ms"], record["end_ms"]
        gaps = [
            (end, start) for end, start in zip(ends[1:-2], starts[2:-1], strict=True) if start - end >= MIN_GAP_MS
        ]
        if not gaps or n_found == count:
            continue
        n_found += 1
        before_ms = sum(gaps[int(rng.integers(len(gaps)))]) // 2
        pause_ms = int(rng.integers(*PAUSE_MS))
        first, n_samples = record["offset_samples"], record["n_samples"]
        speech, _ = soundfile.read(HELD_OUT / record["file"], n_samples, first, dtype="float32")
        cut = ms_to_samples(before_ms)
        parts = (_hush(LEAD_MS, rng), speech[:cut], _hush(pause_ms, rng), speech[cut:], _hush(TRAIL_MS, rng))
        start_ms = LEAD_MS + before_ms
        end_ms = LEAD_MS + pause_ms + ends[-1]
        yield Case(np.concatenate(parts), (start_ms, start_ms + pause_ms), end_ms)


def _hush(ms: int, rng: np.random.Generator) -> Samples:
    return rng.normal(0, 1e-4, ms_to_samples(ms)).astype(np.float32)


async def ends_of(engine: Engine, case: Case, config: StreamConfig) -> list[Update]:
    """Return the final texts of one case."""
    updates: list[Update] = []
    async with TwoPassSession(engine, config, updates.append) as session:
        for start in range(0, len(case.samples), FRAME_SAMPLES):
            await session.feed(case.samples[start : start + FRAME_SAMPLES])
        await session.finish()
    return [update for update in updates if update.kind == "offline" and update.text]


async def measure(count: int) -> None:
    """Print a row for each endpoint."""
    found = list(cases(count))
    total_s = sum(len(case.samples) for case in found) / SAMPLE_RATE
    print(f"{len(found)} sentences, {total_s:.0f} s")
    engine = open_engine(Settings())
    async with engine.for_model(None, "transcribe") as model:
        for name, config in ENDPOINTS.items():
            n_cut, delays_ms = 0, list[int]()
            for case in found:
                finals = await ends_of(model, case, config)
                first_ms, last_ms = case.pause_ms
                n_cut += any(first_ms < final.due_ms <= last_ms + 300 for final in finals)
                delays_ms += [final.due_ms - case.end_ms for final in finals[-1:]]
            middle, late = np.percentile(delays_ms, (50, 95))
            row = f"{name:27} cut apart {n_cut / len(found):4.0%}   end after {middle:5.0f} ms (p95 {late:5.0f})"
            print(row, flush=True)
    await engine.close()


def main() -> None:
    """Read the number of sentences and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    asyncio.run(measure(parser.parse_args().count))


if __name__ == "__main__":
    main()
