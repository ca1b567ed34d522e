"""paraserve beside funasr_onnx and sherpa-onnx: the same model files, the same audio, in turn.

    python scripts/bench/peers.py --bundle DIR --work FOLDER [--recordings FILE.wav ...]
           [--what recognizer pipeline uploads live]

DIR is a bundle with asr/, vad/, punc/ and, for live, asr-online/, in FunASR's file layout (links will do);
sherpa-onnx needs tokens.txt beside the graphs and its metadata inside them. FOLDER keeps the engines' environments.

- recognizer: segments of 10 s through the recogniser alone, its features included, on one CPU and on all.
- pipeline: whole recordings through detector, recogniser and punctuation, without decoding and written numbers.
  sherpa-onnx has no FSMN-VAD and is given the segments.
- uploads: 16 clients that upload recordings to `paraserve serve` and to sherpa-onnx-offline-websocket-server, which
  recognises each as one piece, without detector and punctuation.
- live: clients that talk in real time, one pass: how many paraserve (mode online, with its detector) and
  sherpa-onnx-online-websocket-server carry at the same p95 of partial texts, seen by the client.

Each peer runs as one caller with a thread for each CPU and as a caller for each CPU with one thread, and counts with
the better one. Speeds are seconds of audio a second, medians of the rounds; a ratio is that of the medians, with the
least and most of the rounds.
"""

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from contestants import OURS, Setup, contestants, peer_setups
from live import Budget, Point, add_search_options, found, point_table, search_on
from machine import first_cpus
from offline import UPLOADS_AT_ONCE, figures, over_http, rows, warm_up
from paraserve.inference.models.vad.fsmn_vad import load_fsmn_vad
from peer_envs import environment
from recordings import RATE, Wave, cut, source, write_wavs
from report import add_output_options, plot, publish, table
from serving import Served, our_server, sherpa_server
from talkers import Script
from uploads import upload_all

PEERS = ("sherpa", "funasr")
TASKS = ("recognizer", "pipeline", "uploads", "live")
SEGMENT_S = 10.0
SHERPA_LONGEST_S = 300
SHERPA_BATCHES = (1, 5)
"""Uploads that its server takes together; 5 is its default."""


@dataclass(frozen=True)
class Work:
    """What all parts measure with."""

    bundle: Path
    wave: Wave
    bins: dict[str, Path]
    folder: Path
    rounds: int
    n_files: int
    seconds: tuple[float, float]

    def store_audio(self) -> tuple[Path, dict[str, float]]:
        """For peer_offline.py, with the seconds of audio of each task."""
        size = int(SEGMENT_S * RATE)
        segments = cut(self.wave, self.n_files, SEGMENT_S, SEGMENT_S)
        files = cut(self.wave, max(2, self.n_files // 2), *self.seconds)
        vad = load_fsmn_vad(self.bundle / "vad")
        cuts = [np.array([(one.start_ms, one.end_ms) for one in vad.segment(file)], int) for file in files]
        arrays: dict[str, Any] = {}
        for kind, values in (("segments", [wave[:size] for wave in segments]), ("files", files), ("cuts", cuts)):
            arrays[kind] = len(values)
            arrays |= {f"{kind}{n}": value for n, value in enumerate(values)}
        path = self.folder / "audio.npz"
        np.savez(path, **arrays)
        return path, {
            task: sum(map(len, waves)) / RATE for task, waves in (("recognizer", segments), ("pipeline", files))
        }


def offline_speeds(work: Work, tasks: Sequence[str], n_cpus: int) -> dict[str, dict[Setup, list[float]]]:
    """Speeds of each round by task and setup."""
    audio, audio_s = work.store_audio()
    setups = [Setup(OURS, 4 * n_cpus, 1), *peer_setups(list(work.bins), n_cpus)]
    pythons = {OURS: Path(sys.executable)} | {name: folder / "python" for name, folder in work.bins.items()}
    speeds: dict[str, dict[Setup, list[float]]] = {task: {setup: [] for setup in setups} for task in tasks}
    with contestants(setups, pythons, work.bundle, audio, first_cpus(n_cpus)) as running:
        for _ in range(work.rounds):
            for task in tasks:
                for one in running:
                    speeds[task][one.setup].append(audio_s[task] / one.seconds(task))
    return speeds


def upload_rounds(work: Work, n_cpus: int) -> dict[Setup, list[dict[str, Any]]]:
    """All figures of each round by server; all servers are there all the time."""
    paths = write_wavs(cut(work.wave, 2 * work.n_files, *work.seconds), work.folder / "uploads")
    cpus = first_cpus(None)
    setups = [
        Setup(s.engine, s.callers, s.threads, b) for s in peer_setups(PEERS[:1], n_cpus) for b in SHERPA_BATCHES
    ]
    rounds: dict[Setup, list[dict[str, Any]]] = {setup: [] for setup in (Setup(OURS, n_cpus, 1), *setups)}
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(our_server("--bundle", work.bundle))
        others = {setup: stack.enter_context(sherpa_offline(work, setup)) for setup in setups}
        warm_up("http", ours, paths)
        for served in others.values():
            warm_up("sherpa", served, paths)
        for _ in range(work.rounds):
            rounds[Setup(OURS, n_cpus, 1)].append(over_http(ours, paths, UPLOADS_AT_ONCE, cpus))
            for setup, served in others.items():
                rounds[setup].append(figures(upload_all("sherpa", served.address, paths, UPLOADS_AT_ONCE)))
    return rounds


def sherpa_offline(work: Work, setup: Setup) -> contextlib.AbstractContextManager[Served]:
    """sherpa-onnx-offline-websocket-server."""
    flags = {
        "paraformer": graph(work.bundle / "asr", "model"), "tokens": work.bundle / "asr" / "tokens.txt",
        "num-work-threads": setup.callers, "num-threads": setup.threads, "max-batch-size": setup.batch,
        "max-utterance-length": SHERPA_LONGEST_S,
    }  # fmt: skip
    return sherpa_server(work.bins["sherpa"] / "sherpa-onnx-offline-websocket-server", flags)


def sherpa_online(bundle: Path, programs: Path, setup: Setup) -> contextlib.AbstractContextManager[Served]:
    """sherpa-onnx-online-websocket-server.

    It steps the streams of a batch one after the other: in batches the first would only wait for the last.
    """
    folder = bundle / "asr-online"
    flags = {
        "paraformer-encoder": graph(folder, "model"), "paraformer-decoder": graph(folder, "decoder"),
        "tokens": folder / "tokens.txt", "num-work-threads": setup.callers, "num-threads": setup.threads,
        "max-batch-size": setup.batch,
    }  # fmt: skip
    return sherpa_server(programs / "sherpa-onnx-online-websocket-server", flags)


def graph(folder: Path, stem: str) -> Path:
    """int8 where it is there."""
    quantized = folder / f"{stem}_quant.onnx"
    return quantized if quantized.is_file() else folder / f"{stem}.onnx"


def live_points(work: Work, arguments: argparse.Namespace, n_cpus: int) -> dict[str, list[Point]]:
    """Points of each server."""
    budget = Budget(arguments.partial_ms, float("inf"), "seen_ms")
    points = {}
    with our_server("--bundle", work.bundle, "--max-live", arguments.most + 1) as served:
        script = Script("funasr", served.url.replace("http", "ws", 1), 0, "online", arguments.segment_ms)
        points[OURS] = search_on(served, script, work.wave, budget, arguments)
    for setup in peer_setups(PEERS[:1], n_cpus):
        with sherpa_online(work.bundle, work.bins["sherpa"], setup) as served:
            points[str(setup)] = search_on(served, Script("sherpa", served.url, 0), work.wave, budget, arguments)
    return points


def compare(values: dict[Setup, list[float]], *, is_speed: bool = True) -> str:
    """A row for each setup: the median, and how many times better ours is."""
    ours = next(rounds for setup, rounds in values.items() if setup.engine == OURS)
    lines = []
    for setup, rounds in values.items():
        ratios = [a / b if is_speed else b / a for a, b in zip(ours, rounds, strict=True)]
        a, b = statistics.median(ours), statistics.median(rounds)
        ratio = f"{a / b if is_speed else b / a:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        lines.append([str(setup), float(b), float(min(rounds)), float(max(rounds)), ratio])
    unit = "x real time" if is_speed else "p95, ms"
    return table(["engine, callers x threads", unit, "least", "most", "ours is better by"], lines)


def best(values: dict[Setup, list[float]]) -> dict[str, float]:
    """Ratio of the medians, ours over each peer at its best."""
    medians = {setup: statistics.median(rounds) for setup, rounds in values.items()}
    ours = next(value for setup, value in medians.items() if setup.engine == OURS)
    engines = {setup.engine for setup in values} - {OURS}
    return {
        name: ours / max(value for setup, value in medians.items() if setup.engine == name)
        for name in sorted(engines)
    }


def measure(work: Work, arguments: argparse.Namespace) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Figures and tables of each part that was asked for, as soon as it is done."""
    n_cpus = len(first_cpus(None))
    tasks = [task for task in ("recognizer", "pipeline") if task in arguments.what]
    for n in sorted({1, n_cpus}) if tasks else ():
        for task, speeds in offline_speeds(work, tasks, n).items():
            yield comparison(f"{task}, {n} CPU{'s' * (n > 1)}", speeds)
    if "uploads" in arguments.what:
        rounds = upload_rounds(work, n_cpus)
        speeds = {setup: [one["speed"] for one in some] for setup, some in rounds.items()}
        results, tables = comparison(f"uploads, {UPLOADS_AT_ONCE} at once", speeds)
        tables.append(compare({s: [one["p95_ms"] for one in some] for s, some in rounds.items()}, is_speed=False))
        ours = next(some for setup, some in rounds.items() if setup.engine == OURS)
        tables += ["paraserve's uploads in detail:", table(["", "unit", "median", "least", "most"], rows(ours))]
        yield results | {"upload rounds": {str(setup): some for setup, some in rounds.items()}}, tables
    if "live" in arguments.what:
        points = live_points(work, arguments, n_cpus)
        tables = []
        for name, some in points.items():
            tables += [f"**live, one pass: {name}: {found(some, arguments.seconds)} streams**", point_table(some)]
        yield {"live": {name: [asdict(point) for point in some] for name, some in points.items()}}, tables
        if arguments.plot:
            series = {name: [(p.clients, p.p95("seen_ms")) for p in some] for name, some in points.items()}
            plot(arguments.plot, series, arguments.partial_ms)


def comparison(name: str, speeds: dict[Setup, list[float]]) -> tuple[dict[str, Any], list[str]]:
    """Figures and tables of one."""
    ratios = best(speeds)
    words = ", ".join(f"{ratio:.2f} x {peer}" for peer, ratio in ratios.items())
    figures = {"ratios": ratios, "speeds": {str(setup): rounds for setup, rounds in speeds.items()}}
    return {name: figures}, [f"**{name}: {words}**", compare(speeds)]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for the peers' environments")
    parser.add_argument("--recordings", type=Path, nargs="+", default=[], metavar="FILE.wav")
    parser.add_argument("--what", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument(
        "--peers", nargs="+", choices=PEERS, default=PEERS, help="of recognizer and pipeline; sherpa needs metadata"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=24, help="segments; half as many recordings, twice the uploads")
    parser.add_argument("--file-seconds", type=float, nargs=2, default=(20.0, 60.0), metavar=("SHORTEST", "LONGEST"))
    parser.add_argument("--quick", action="store_true", help="a few seconds of each, to see that all works")
    add_search_options(parser)
    add_output_options(parser, has_plot=True)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.files, arguments.file_seconds = 1, 2, (5.0, 10.0)
        arguments.clients, arguments.seconds = [2], 5.0
    os.environ["OMP_NUM_THREADS"] = "1"
    bins = {name: environment(arguments.work.resolve(), name) for name in arguments.peers}
    with tempfile.TemporaryDirectory() as folder:
        wave = source(arguments.recordings)
        bundle = arguments.bundle.resolve()
        work = Work(bundle, wave, bins, Path(folder), arguments.rounds, arguments.files, arguments.file_seconds)
        results: dict[str, Any] = {}
        for figures_of_part, tables in measure(work, arguments):
            results |= figures_of_part
            publish(f"Peers: {bundle.name}", results, tables, arguments.json)


if __name__ == "__main__":
    main()
