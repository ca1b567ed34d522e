"""How fast recordings become text, and where the time goes.

    python scripts/bench/offline.py [--bundle DIR] [--recordings FILE.wav ...] [--files 32] [--callers 4] [--cpus 1]
    python scripts/bench/offline.py --server            # 16 concurrent uploads over HTTP
    python scripts/bench/offline.py --server http://127.0.0.1:10095

The files are pieces of 20 to 60 s of the recordings (16 kHz mono wav; without any, speech with pauses made of the
committed samples). The pipeline is whole: decoding, detector, recogniser, punctuation, inverse text normalisation.

- speed: seconds of audio a second, from the first file to the end of the last one.
- in session.run: the time inside onnxruntime, summed over threads, as a share of the CPUs' time. "wall" includes what
  the threads waited for a CPU there, "cpu" does not (nor helpers of a run with several threads).
- idle: of the CPUs; over HTTP while all callers have something to do, that is, without the drain at the end.
- cpu: of the server with its decode children, as a share of the CPUs' time.
- padding: what the recogniser computed beyond its segments, of all that it computed.

Other settings of the server are taken from the environment (PARASERVE_...), such as PARASERVE_VAD_DIR.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from clocked import RunClock
from machine import CpuMeter, first_cpus, on_cpus, resident_mb
from paraserve.options import RecognitionOptions
from paraserve.runtime.recorded_file import FileLimits, transcribe_file
from paraserve.runtime.scheduling.batches import BatchStats
from paraserve.settings import Settings
from paraserve.wiring import open_decode_pool, open_engine
from recordings import ROOT, cut, source, write_wavs
from report import add_output_options, percentile, publish, table
from serving import Served, our_server
from uploads import Protocol, Uploaded, upload_all

FIGURES = {
    "speed": "x real time", "files_per_s": "files/s", "p50_ms": "ms", "p95_ms": "ms", "in_run_wall": "%",
    "in_run_cpu": "%", "idle": "%", "cpu": "%", "padding": "%", "resident_mb": "MB",
}  # fmt: skip
NO_LIMIT = FileLimits(10**9)
UPLOADS_AT_ONCE = 16
WARM_UP_FILES = 4


@dataclass
class Batches:
    """What the scheduler ran."""

    run_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    cost: int = 0
    padded_cost: int = 0

    def add(self, batch: BatchStats) -> None:
        """Called on the threads that ran it; races would lose a figure in a million."""
        self.run_s[batch.stage] += batch.run_s
        if batch.stage == "recognize":
            self.cost += batch.cost
            self.padded_cost += batch.padded_cost

    def clear(self) -> None:
        """Forget what was run to warm up."""
        self.run_s.clear()
        self.cost = self.padded_cost = 0

    @property
    def padding(self) -> float:
        """Share of the recogniser's work."""
        return 1 - self.cost / self.padded_cost if self.padded_cost else 0.0


async def in_process(
    settings: Settings, paths: Sequence[Path], callers: int, cpus: list[int], clock: RunClock
) -> dict[str, Any]:
    """One round without a server."""
    batches, slots = Batches(), asyncio.Semaphore(callers)
    engine = await asyncio.to_thread(open_engine, settings, batches.add)
    pool = open_decode_pool(settings)
    took_s: list[float] = []

    async def one(path: Path) -> float:
        async with slots:
            begun = time.monotonic()
            transcript = await transcribe_file(engine, pool, path, RecognitionOptions(), NO_LIMIT)
            took_s.append(time.monotonic() - begun)
            return transcript.duration_ms / 1000

    try:
        await asyncio.gather(*map(one, paths[:WARM_UP_FILES]))
        took_s.clear()
        batches.clear()
        before, meter = clock.reading(), CpuMeter(cpus, psutil.Process())
        audio_s = sum(await asyncio.gather(*map(one, paths)))
        wall_s, idle = meter.wall_s, meter.idle_share
        return {
            **figures(Uploaded(took_s, audio_s, wall_s, 0)),
            **shares(before, clock.reading(), wall_s * len(cpus)),
            "idle": idle,
            "cpu": meter.process_share,
            "padding": batches.padding,
            "stages_s": {stage: round(s, 2) for stage, s in batches.run_s.items()},
            "resident_mb": resident_mb(psutil.Process()),
        }
    finally:
        await pool.close()
        await engine.close()


def over_http(served: Served, paths: Sequence[Path], callers: int, cpus: list[int]) -> dict[str, Any]:
    """One round of uploads to a server of ours."""
    begun: dict[str, Any] = {}
    steady: dict[str, Any] = {}

    def begin() -> None:
        begun.update(meter=CpuMeter(cpus, served.process), clock=served.read_clock() if served.read_clock else None)

    def note() -> None:
        meter = begun["meter"]
        wall_s = meter.wall_s
        steady.update(idle=meter.idle_share, cpu=meter.process_share if served.process else None)
        if served.read_clock:
            steady.update(shares(begun["clock"], served.read_clock(), wall_s * len(cpus)))

    uploaded = upload_all("http", served.address, paths, callers, begin, note)
    if len(paths) <= callers:  # all began at once
        note()
    memory = {"resident_mb": resident_mb(served.process)} if served.process else {}
    return {**figures(uploaded), **steady, **memory}


def warm_up(protocol: Protocol, served: Served, paths: Sequence[Path]) -> None:
    """A few files at once, so that decode children are there and all shapes have been run once."""
    upload_all(protocol, served.address, paths[:WARM_UP_FILES], WARM_UP_FILES)


def figures(uploaded: Uploaded) -> dict[str, Any]:
    """Speed and waiting."""
    return {
        "speed": uploaded.speed,
        "files_per_s": len(uploaded.took_s) / uploaded.wall_s,
        "p50_ms": percentile([s * 1000 for s in uploaded.took_s], 50),
        "p95_ms": percentile([s * 1000 for s in uploaded.took_s], 95),
        "wall_s": uploaded.wall_s,
    }


def shares(before: Any, after: Any, cpu_time_s: float) -> dict[str, float]:
    """Of the CPUs' time, what was inside session.run."""
    return {f"in_run_{kind}": (after[f"{kind}_s"] - before[f"{kind}_s"]) / cpu_time_s for kind in ("wall", "cpu")}


def rows(rounds: Sequence[dict[str, Any]]) -> list[list[object]]:
    """The median of each figure, with least and most."""
    lines = []
    for name, unit in FIGURES.items():
        values = [one[name] * (100 if unit == "%" else 1) for one in rounds if one.get(name) is not None]
        if values:
            lines.append([name, unit, float(statistics.median(values)), float(min(values)), float(max(values))])
    return lines


def measure(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """All rounds."""
    cpus = first_cpus(arguments.cpus)
    pieces = cut(source(arguments.recordings), arguments.files, *arguments.seconds)
    chosen = {"inference_threads": arguments.threads, "model_threads": arguments.model_threads}
    with tempfile.TemporaryDirectory() as folder, on_cpus(cpus):
        paths = write_wavs(pieces, Path(folder) / "wav")
        if arguments.server is None:
            settings = Settings(bundle=str(arguments.bundle), optimize=not arguments.no_optimize, **chosen)
            clock = RunClock()
            clock.install()
            work = (settings, paths, arguments.callers or 4 * len(cpus), cpus, clock)
            return [asyncio.run(in_process(*work)) for _ in range(arguments.rounds)]
        callers = arguments.callers or UPLOADS_AT_ONCE
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()]
        flags += ["--no-optimize"] if arguments.no_optimize else []
        running = (
            contextlib.nullcontext(Served(arguments.server))
            if arguments.server
            else our_server("--bundle", arguments.bundle, *flags)
        )
        with running as served:
            warm_up("http", served, paths)
            return [over_http(served, paths, callers, cpus) for _ in range(arguments.rounds)]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "demo")
    parser.add_argument("--recordings", type=Path, nargs="+", default=[], metavar="FILE.wav")
    parser.add_argument("--files", type=int, default=32)
    parser.add_argument("--seconds", type=float, nargs=2, default=(20.0, 60.0), metavar=("SHORTEST", "LONGEST"))
    parser.add_argument("--callers", type=int, help="files at once; default 4 a CPU, 16 with --server")
    parser.add_argument("--cpus", type=int, help="use so many CPUs; default all")
    parser.add_argument("--threads", type=int, default=0, help="inference threads; default one a CPU")
    parser.add_argument("--model-threads", type=int, default=1, help="threads inside a run")
    parser.add_argument("--no-optimize", action="store_true", help="models as they are on disk")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--server", nargs="?", const="", metavar="URL", help="over HTTP; without URL, starts one")
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that all works")
    add_output_options(parser)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.files, arguments.rounds, arguments.seconds = 4, 1, (5.0, 10.0)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    rounds = measure(arguments)
    how = "uploads" if arguments.server is not None else "in process"
    title = (
        f"Offline, {how}: {arguments.bundle.name}, {arguments.files} files, {len(first_cpus(arguments.cpus))} CPUs"
    )
    publish(title, {"rounds": rounds}, [table(["", "unit", "median", "least", "most"], rows(rounds))], arguments.json)


if __name__ == "__main__":
    main()
