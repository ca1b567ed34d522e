"""Bulk on Ray against `paraserve transcribe`: the same recordings on the same CPUs, by turns.

Run it with a Python that has paraserve[cpu,ray] and psutil. The start ends with the first transcripts, the steady
work with the last ones. On a machine with other work look at the CPU seconds: they wait for nobody.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from machine import first_cpus, on_cpus
from recordings import ROOT, cut, source, write_wavs
from report import add_output_options, publish, table

LOOK_S = 0.05


@dataclass
class Run:
    """What one run took: until the first transcripts, then for each, and in all."""

    start_s: float
    files_per_s: float
    cpu_ms_per_file: float
    all_s: float
    all_cpu_s: float


class TreeClock:
    """The CPU seconds of a process and of all that it has started, also of what has ended."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._spent_s: dict[int, float] = {}

    def look(self) -> None:
        """Note what each process has spent so far."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for one in (self._process, *self._process.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = one.cpu_times()
                    self._spent_s[one.pid] = times.user + times.system

    @property
    def spent_s(self) -> float:
        """Of all of them."""
        return sum(self._spent_s.values())


def timed(command: Sequence[str | Path], count: Callable[[], int]) -> Run:
    """Run a command to its end; `count` tells how many transcripts it has written."""
    begun_s = time.monotonic()
    process = subprocess.Popen([*map(str, command)], stderr=subprocess.DEVNULL)
    clock = TreeClock(psutil.Process(process.pid))
    looks: list[tuple[float, int, float]] = []
    while process.poll() is None:
        clock.look()
        if (n := count()) and (not looks or n > looks[-1][1]):
            looks.append((time.monotonic() - begun_s, n, clock.spent_s))
        time.sleep(LOOK_S)
    (first_s, n_first, first_cpu_s), (last_s, n_last, last_cpu_s) = looks[0], looks[-1]
    n = n_last - n_first
    per_file_ms = 1000 * (last_cpu_s - first_cpu_s) / n
    return Run(first_s, n / (last_s - first_s), per_file_ms, time.monotonic() - begun_s, clock.spent_s)


def transcribed(folder: Path, out: Path, bundle: Path) -> tuple[Run, dict[str, str]]:
    """Run `paraserve transcribe`; return its texts by the stems of the recordings."""
    command = [sys.executable, "-m", "paraserve.cli.main", "transcribe", folder, "--format", "json", "--output", out]
    run = timed([*command, "--bundle", bundle], lambda: len([*out.glob("*.json")]))
    return run, {file.stem: json.loads(file.read_text("utf-8"))["text"] for file in out.iterdir()}


def on_ray(folder: Path, out: Path, bundle: Path) -> tuple[Run, dict[str, str]]:
    """Run bulk; return its texts by the stems of the recordings."""
    command = [sys.executable, "-m", "paraserve.deploy.bulk", folder, out, "--format", "jsonl", "--bundle", bundle]
    files = ("part-*.jsonl", ".rows-*.jsonl")
    run = timed(
        command, lambda: sum(file.read_bytes().count(b"\n") for pattern in files for file in out.glob(pattern))
    )
    lines = [line for part in out.glob("part-*.jsonl") for line in part.read_text("utf-8").splitlines()]
    return run, {Path(row["path"]).stem: row["text"] for row in map(json.loads, lines)}


def measure(arguments: argparse.Namespace) -> dict[str, list[Run]]:
    """All rounds of both."""
    runs: dict[str, list[Run]] = {"transcribe": [], "bulk": []}
    pieces = cut(source(arguments.recordings), arguments.files, *arguments.seconds)
    with tempfile.TemporaryDirectory() as name, on_cpus(first_cpus(arguments.cpus)):
        folder = Path(name) / "wav"
        write_wavs(pieces, folder)
        for number in range(arguments.rounds):
            local, texts = transcribed(folder, Path(name) / f"local{number}", arguments.bundle)
            ray, ray_texts = on_ray(folder, Path(name) / f"ray{number}", arguments.bundle)
            if texts != ray_texts or len(texts) != arguments.files:
                raise SystemExit(f"texts differ: {len(texts)} and {len(ray_texts)} of {arguments.files}")
            runs["transcribe"].append(local)
            runs["bulk"].append(ray)
    return runs


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "demo")
    parser.add_argument("--recordings", type=Path, nargs="+", default=[], metavar="FILE.wav")
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--seconds", type=float, nargs=2, default=(5.0, 20.0), metavar=("SHORTEST", "LONGEST"))
    parser.add_argument("--cpus", type=int, help="use so many CPUs; default all")
    parser.add_argument("--rounds", type=int, default=3)
    add_output_options(parser)
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    runs = measure(arguments)
    medians = {
        name: {part: statistics.median(asdict(run)[part] for run in those) for part in asdict(those[0])}
        for name, those in runs.items()
    }
    rows = []
    for part in medians["bulk"]:
        local, ray = medians["transcribe"][part], medians["bulk"][part]
        rows.append([part, local, ray, ray / local if part == "files_per_s" else local / ray])
    shortest, longest = arguments.seconds
    title = f"{arguments.files} recordings of {shortest:g} to {longest:g} s, {len(first_cpus(arguments.cpus))} CPUs"
    results = {name: [asdict(run) for run in those] for name, those in runs.items()}
    publish(
        title, results, [table(["", "transcribe", "bulk", "bulk is so many times as good"], rows)], arguments.json
    )


if __name__ == "__main__":
    main()
