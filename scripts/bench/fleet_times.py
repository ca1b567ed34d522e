"""How long the runs of a bundle take on this machine, for the fleet model.

    python scripts/bench/fleet_times.py --bundle DIR --name NAME      # writes scripts/bench/fleet_times.json

Four things are measured:

- each kind of run, in CPU time of its thread, while a thread for each CPU does the same: the middle of many runs, so
  that other programs of the machine count little
- what `paraserve bench live` and `paraserve bench offline` say, the best of some rounds, and the load meanwhile
- a server with silent live clients: CPU time for a second of each, which is that of sockets, frames and the detector
- the server's memory: at rest, with those clients, and with as many talkers as bench live names
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np

from fleet_service import CHUNK_S, TIMES, Times
from machine import cpu_seconds, machine, resident_mb
from paraserve.cli.local import open_local
from paraserve.cpus import available_cpus
from paraserve.inference.audio.synthetic_speech import synthetic_speech
from paraserve.inference.base import ModelBundle, StreamingItem
from paraserve.inference.graphs.cache import cache_folder
from paraserve.inference.graphs.session import Placement
from paraserve.inference.models.load import load_parts
from paraserve.inference.text.final_text import final_sentences
from paraserve.model_specs import verify_model
from paraserve.options import ChunkSize, RecognitionOptions
from paraserve.runtime.capacity import measure_file_capacity
from paraserve.server.live.live_limit import live_capacity, talker_count
from paraserve.settings import Settings, checked_settings
from paraserve.types import SegmentAudio, ms_to_samples
from recordings import ROOT, source
from serving import our_server
from steady import wait_until_ready
from talkers import Script, talk_all

STREAMS, CHUNKS = (1, 2, 4), (1, 2, 3)
SEGMENTS_MS = (2_000, 5_000, 10_000, 15_000)
ROUNDS = 12
SILENT_S, TALK_S = 20.0, 30.0


def main() -> None:
    """Measure one bundle, and put it into the file beside the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default="demo")
    parser.add_argument("--name", default="demo", help="of the bundle in the file")
    parser.add_argument("--silent", type=int, default=100, help="silent clients of the server")
    parser.add_argument("--rounds", type=int, default=5, help="of bench live and bench offline")
    parser.add_argument("--out", type=Path, default=TIMES)
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    settings = checked_settings({"bundle": [arguments.bundle]})
    runs = measure_runs(load_bundle(settings))
    bench = asyncio.run(rate(settings, arguments.rounds))
    served = serve_clients(arguments.bundle, arguments.silent, int(bench["live_streams"]))
    times = Times(
        arguments.name,
        available_cpus(),
        int(bench["live_streams"]),
        loop_ms_per_s=served["cpu_ms_per_silent_client_s"],
        **runs,
    )
    facts = asdict(times)
    del facts["name"]
    known = json.loads(arguments.out.read_text("utf-8")) if arguments.out.exists() else {"bundles": {}}
    known["bundles"][arguments.name] = {"machine": machine(), "times": facts, "bench": bench, "server": served}
    arguments.out.write_text(json.dumps(known, indent=2) + "\n", "utf-8")
    print(json.dumps(known["bundles"][arguments.name], indent=2))


def load_bundle(settings: Settings) -> ModelBundle:
    """Return the models as a server loads them."""
    parts = verify_model(settings, settings.bundle[0])
    return load_parts(parts, Placement(cache=cache_folder(settings.cache_dir)))


def measure_runs(bundle: ModelBundle) -> dict[str, float]:
    """Return the fields of `Times` that runs tell."""
    steps = {(n, c): each_ms(step_run(bundle, n, c)) for n in STREAMS for c in CHUNKS}
    finals = {ms: each_ms(final_run(bundle, ms)) for ms in SEGMENTS_MS}
    spreads = [float(np.std(np.log(found))) for found in (*steps.values(), *finals.values())]
    step_ms, row_ms = line([(n * (1 + c), statistics.median(found)) for (n, c), found in steps.items()])
    final_ms, final_ms_per_s = line([(ms / 1000, statistics.median(found)) for ms, found in finals.items()])
    return {
        "vad_ms_per_s": round(statistics.median(each_ms(vad_run(bundle))) / CHUNK_S, 3),
        "step_ms": round(step_ms, 3),
        "row_ms": round(row_ms, 3),
        "final_ms": round(final_ms, 3),
        "final_ms_per_s": round(final_ms_per_s, 3),
        "punctuate_ms": round(statistics.median(each_ms(punctuation_run(bundle))), 3),
        "spread": round(statistics.median(spreads), 3),
    }


def each_ms(run: Callable[[], None]) -> list[float]:
    """Run it on a thread for each CPU at once; return the CPU time of each run."""

    def work(_: int) -> list[float]:
        found = []
        for _ in range(ROUNDS + 2):
            begun = time.thread_time()
            run()
            found.append((time.thread_time() - begun) * 1000)
        return found[2:]

    n = available_cpus()
    with ThreadPoolExecutor(n) as pool:
        return [ms for found in pool.map(work, range(n)) for ms in found]


def line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return what the points begin with and grow by, by least squares of relative errors; neither below 0."""
    x, y = np.array(points, float).T
    slope, start = np.polyfit(x, y, 1, w=1 / y)
    if start < 0:
        start, slope = 0.0, float(np.mean(y / x))
    return float(start), float(slope)


def step_run(bundle: ModelBundle, streams: int, chunks: int) -> Callable[[], None]:
    """Return a step of so many streams amid speech."""
    model = bundle.streaming
    assert model is not None, "the bundle has no streaming recognizer"
    audio = SegmentAudio(synthetic_speech(round(chunks * CHUNK_S * 1000)))
    states = [state for state, _ in model.step([StreamingItem(model.new_state(ChunkSize()), audio, False)])] * streams

    def run() -> None:
        model.step([StreamingItem(state, audio, False) for state in states])

    return run


def final_run(bundle: ModelBundle, segment_ms: int) -> Callable[[], None]:
    """Return the second pass of a segment of this length, with its features."""
    audio = SegmentAudio(synthetic_speech(segment_ms))
    return lambda: (bundle.recognizer.recognize([audio], RecognitionOptions()), None)[1]


def punctuation_run(bundle: ModelBundle) -> Callable[[], None]:
    """Return the punctuation of a segment of 5 s."""
    found = bundle.recognizer.recognize([SegmentAudio(synthetic_speech(5_000))], RecognitionOptions())
    return lambda: (final_sentences(bundle, found, RecognitionOptions()), None)[1]


def vad_run(bundle: ModelBundle) -> Callable[[], None]:
    """Return what the detector does in a chunk of speech: steps of 300 ms."""
    vad = bundle.vad
    assert vad is not None, "the bundle has no detector"
    speech = synthetic_speech(round(CHUNK_S * 1000))
    half = ms_to_samples(300)

    def run() -> None:
        state = vad.new_state()
        for start in range(0, len(speech), half):
            state, _ = vad.step(state, speech[start : start + half], is_last=False)

    return run


async def rate(settings: Settings, rounds: int) -> dict[str, float]:
    """Return what `paraserve bench` says, the best of some rounds of each."""
    lives, files = [], []
    async with open_local(settings) as local:
        for _ in range(rounds):
            lives.append(await live_capacity(settings, local.engine))
            files.append(await measure_file_capacity(local.engine, talker_count(settings)))
    live = max(lives, key=lambda one: one.speed)
    return {
        "live_streams": live.live_streams,
        "live_speed": round(live.speed, 1),
        "offline_speed": round(max(one.speed for one in files), 1),
        "worst_live_speed": round(min(one.speed for one in lives), 1),
        "worst_offline_speed": round(min(one.speed for one in files), 1),
        "rounds": rounds,
        "load": round(os.getloadavg()[0], 2),
    }


def serve_clients(bundle: str, silent: int, talkers: int) -> dict[str, float]:
    """Return what a server needs for clients that are connected, and its memory."""
    with our_server("--bundle", bundle, "--max-live", 2000, "--max-live-per-address", 0) as served:
        wait_until_ready(served)
        process = served.process
        assert process is not None
        url, at_rest_mb = served.url.replace("http", "ws", 1), resident_mb(process)
        before_s = cpu_seconds(process)
        talk_all(Script("funasr", url, SILENT_S), np.zeros(16_000 * 60, np.float32), silent)
        silent_s, silent_mb = cpu_seconds(process) - before_s, resident_mb(process)
        talk_all(Script("funasr", url, TALK_S, segment_ms=15_000), source([]), talkers)
        return {
            "cpu_ms_per_silent_client_s": round(silent_s * 1000 / (silent * SILENT_S), 3),
            "silent_clients": silent,
            "at_rest_mb": at_rest_mb,
            "with_silent_mb": silent_mb,
            "with_talkers_mb": resident_mb(process),
            "talkers": talkers,
        }


if __name__ == "__main__":
    main()
