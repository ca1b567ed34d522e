"""What a GPU does with a bundle: seconds of audio a second, alone and in the whole pipeline, and paced live streams.

    python scripts/bench/gpu.py --bundle DIR --device cuda:0 --json gpu.json

Weights may be random, the audio means nothing (`paraserve.inference.audio.synthetic_speech`): neither changes the
speed. Texts are not looked at. `--device cpu --quick` shows on any machine that the script works.
"""

import argparse
import asyncio
import json
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from paraserve.catalog.store import bundle_root, models_folder
from paraserve.cpus import available_cpus
from paraserve.inference.audio.synthetic_speech import synthetic_speech
from paraserve.inference.base import Recognizer
from paraserve.inference.features.fbank import fbank
from paraserve.inference.graphs.cache import cache_folder
from paraserve.inference.graphs.session import Placement, runtime_version
from paraserve.inference.models.load import bundle_parts, load_parts
from paraserve.options import ChunkSize, RecognitionOptions, StreamConfig
from paraserve.runtime.capacity import measure_file_capacity
from paraserve.runtime.engine import Engine
from paraserve.settings import Settings
from paraserve.types import SegmentAudio
from paraserve.wiring import open_engine

LENGTHS_S = (5, 10, 20)
BATCHES = (1, 4, 16, 64, 256)
CALLERS = (1, 8, 32, 128)
STREAMS = (25, 50, 100, 200, 400, 800)
BUDGET_MS = 300.0
PACE_MS = ChunkSize().step_ms


@dataclass(frozen=True)
class Plan:
    """How long to measure each point."""

    lengths_s: tuple[int, ...] = LENGTHS_S
    batches: tuple[int, ...] = BATCHES
    callers: tuple[int, ...] = CALLERS
    streams: tuple[int, ...] = STREAMS
    point_s: float = 5.0
    live_s: float = 30.0


QUICK = Plan((1,), (1, 2), (1, 2), (2,), 0.2, 2.0)


def recogniser_points(recognizer: Recognizer, plan: Plan) -> Iterator[dict[str, float]]:
    """The recogniser alone, its features made before: the first run of a shape, then the median of many."""
    for length_s in plan.lengths_s:
        # Features come with a segment in service, too: the detector has made them on the CPU.
        audio = synthetic_speech(length_s * 1000)
        segment = SegmentAudio(audio, fbank(audio))
        for n_items in plan.batches:
            if n_items > 1 and n_items * length_s * 100 > recognizer.batch_frames:
                continue
            first_s, median_s = _timed(recognizer, [segment] * n_items, plan.point_s)
            speed = n_items * length_s / median_s
            yield {"length_s": length_s, "batch": n_items, "first_s": first_s, "median_s": median_s, "rtfx": speed}


def _timed(recognizer: Recognizer, batch: list[SegmentAudio], for_s: float) -> tuple[float, float]:
    times: list[float] = []
    started = time.monotonic()
    while len(times) < 3 or time.monotonic() - started < for_s:
        begun = time.monotonic()
        recognizer.recognize(batch, RecognitionOptions())
        times.append(time.monotonic() - begun)
    return times[0], float(np.median(times[1:]))


async def live_point(engine: Engine, n_streams: int, for_s: float) -> dict[str, float]:
    """Streams that talk without a pause, each step sent when its audio would be there; they begin spread over a step.

    A step's latency is from then until its partial is out; a stream that falls behind shows as latency.
    """
    latencies: list[float] = []
    chunk = synthetic_speech(PACE_MS)

    async def talk(number: int, start: float) -> None:
        stream = engine.open_stream(StreamConfig())
        due = start + number / n_streams * PACE_MS / 1000
        try:
            while due < start + for_s:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                heard = await stream.detect(chunk, is_last=False)
                await stream.step(SegmentAudio(chunk, heard.result.features), is_last=False)
                latencies.append((time.monotonic() - due) * 1000)
                due += PACE_MS / 1000
        finally:
            await stream.close()

    start = time.monotonic() + 0.1
    async with asyncio.TaskGroup() as group:
        for number in range(n_streams):
            group.create_task(talk(number, start))
    p50, p95, p99 = (float(value) for value in np.percentile(latencies, (50, 95, 99)))
    return {"streams": n_streams, "p50_ms": p50, "p95_ms": p95, "p99_ms": p99}


async def engine_points(engine: Engine, plan: Plan) -> dict[str, list[dict[str, float]]]:
    """The pipeline with files that are decoded already, then live streams until the budget is spent."""
    files, live = [], []
    for callers in plan.callers:
        rating = await measure_file_capacity(engine, callers, plan.point_s)
        files.append({"files": callers, "rtfx": rating.speed})
        print_row(files[-1])
    stream = engine.open_stream(StreamConfig())
    await stream.close()
    for n_streams in plan.streams if stream.has_partials else ():
        live.append(await live_point(engine, n_streams, plan.live_s))
        print_row(live[-1])
        if live[-1]["p95_ms"] > BUDGET_MS:
            break
    return {"files": files, "live": live}


def machine(device: str) -> dict[str, object]:
    """What it was measured on."""
    card = ""
    if device != "cpu" and (tool := shutil.which("nvidia-smi")):
        command = [tool, "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
        card = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "device": device,
        "cards": card,
        "cpus": available_cpus(),
        "processor": platform.processor() or platform.machine(),
        "onnxruntime": runtime_version(),
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
    }


def print_row(row: dict[str, float]) -> None:
    """One line of a Markdown table."""
    print("| " + " | ".join(f"{name} {value:,.5g}" for name, value in row.items()) + " |", flush=True)


def main() -> int:
    """Measure, print, write; 1 if the live budget was not kept by the smallest number of streams."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default="demo", help="bundle with asr/ and, for live streams, asr-online/")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--quick", action="store_true", help="a few seconds that show that all of it runs")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    plan = QUICK if args.quick else Plan()
    settings = Settings(bundle=args.bundle, device=args.device)
    facts = machine(args.device)
    print(json.dumps(facts))
    root = bundle_root(args.bundle, models_folder(settings.models_dir))
    bundle = load_parts(bundle_parts(root), Placement(settings.devices[0], 1, cache_folder(settings.cache_dir)))
    alone = []
    for point in recogniser_points(bundle.recognizer, plan):
        print_row(point)
        alone.append(point)
    del bundle
    started = time.monotonic()
    engine = open_engine(settings)
    ready_s = time.monotonic() - started
    print(f"ready after {ready_s:.1f} s")

    async def measure() -> dict[str, list[dict[str, float]]]:
        try:
            return await engine_points(engine, plan)
        finally:
            await engine.close()

    measured = asyncio.run(measure())
    report = {"machine": facts, "plan": asdict(plan), "ready_s": ready_s, "recogniser": alone, **measured}
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    kept = [point["streams"] for point in measured["live"] if point["p95_ms"] <= BUDGET_MS]
    print(f"best offline: {max(point['rtfx'] for point in (*alone, *measured['files'])):,.0f} x real time")
    print(f"live streams with p95 <= {BUDGET_MS:.0f} ms: {max(kept, default=0):.0f}")
    return 0 if kept or not measured["live"] else 1


if __name__ == "__main__":
    sys.exit(main())
