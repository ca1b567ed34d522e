"""How long the runs of a bundle take on this machine, for the fleet model.

    python scripts/bench/fleet_times.py --bundle DIR --name NAME      # writes scripts/bench/fleet_times.json

- Each kind of run, in CPU time of its thread, while a thread for each CPU does the same: the median, so that other
  programs of the machine count little. Runs of other kinds come between, as in a server.
- What `paraserve bench live` and `paraserve bench offline` say, the best of some rounds, and the load meanwhile.
- A server with one talker (what a text waits for beside runs), with silent clients (what a connection costs), and
  with half as many talkers as bench live says (what all other work costs). And its memory.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import time
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import psutil
import soundfile

from fleet_service import CHUNK_S, TIMES, Times
from machine import cpu_seconds, machine, resident_mb
from paraserve.cli.local import open_local
from paraserve.cpus import available_cpus
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
from paraserve.types import Samples, SegmentAudio, ms_to_samples
from recordings import RATE, SAMPLES, source
from serving import Served, our_server
from steady import wait_until_ready
from talkers import Script, Talk, talk_all, values

STREAMS, CHUNKS = (1, 2, 4), (1, 2, 3)
SEGMENTS_MS = (2_000, 5_000, 10_000, 15_000)
ROUNDS = 12
CALL_MS = 240
"""Audio of a run of the detector in speech, about four a second."""

Run = Callable[[], None]
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
    rating = int(bench["live_streams"])
    times = Times(arguments.name, available_cpus(), rating, other_ms_per_s=0.0, turn_ms=0.0, **runs)
    served = serve_clients(arguments.bundle, arguments.silent, max(1, rating // 2), times)
    times = replace(times, other_ms_per_s=max(0.0, served["other_ms_per_s"]), turn_ms=served["turn_ms"])
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
    between = (final_run(bundle, 2_000), vad_run(bundle), step_run(bundle, 1, 1))
    steps = {(n, c): each_ms(step_run(bundle, n, c), between[:2]) for n in STREAMS for c in CHUNKS}
    finals = {ms: each_ms(final_run(bundle, ms), between[1:]) for ms in SEGMENTS_MS}
    spreads = [float(np.std(np.log(found))) for found in (*steps.values(), *finals.values())]
    step_ms, row_ms = line([(n * (1 + c), statistics.median(found)) for (n, c), found in steps.items()])
    final_ms, final_ms_per_s = line([(ms / 1000, statistics.median(found)) for ms, found in finals.items()])
    return {
        "vad_ms": round(statistics.median(each_ms(vad_run(bundle), between[::2])), 3),
        "step_ms": round(step_ms, 3),
        "row_ms": round(row_ms, 3),
        "final_ms": round(final_ms, 3),
        "final_ms_per_s": round(final_ms_per_s, 3),
        "punctuate_ms": round(statistics.median(each_ms(punctuation_run(bundle), between)), 3),
        "spread": round(statistics.median(spreads), 3),
    }


def each_ms(run: Run, between: Sequence[Run]) -> list[float]:
    """Run it on a thread for each CPU at once, others between; return the CPU time of each run."""

    def work(_: int) -> list[float]:
        found = []
        for _ in range(ROUNDS + 2):
            for other in between:
                other()
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


def step_run(bundle: ModelBundle, streams: int, chunks: int) -> Run:
    """Return a step of so many streams amid speech."""
    model = bundle.streaming
    assert model is not None, "the bundle has no streaming recognizer"
    audio = SegmentAudio(speech(round(chunks * CHUNK_S * 1000)))
    ((begun, _),) = model.step([StreamingItem(model.new_state(ChunkSize()), audio, is_last=False)])
    states = [begun] * streams

    def run() -> None:
        model.step([StreamingItem(state, audio, is_last=False) for state in states])

    return run


def final_run(bundle: ModelBundle, segment_ms: int) -> Run:
    """Return the second pass of a segment of this length, with its features."""
    audio = SegmentAudio(speech(segment_ms))
    return lambda: (bundle.recognizer.recognize([audio], RecognitionOptions()), None)[1]


def punctuation_run(bundle: ModelBundle) -> Run:
    """Return the punctuation of a segment of 5 s."""
    found = bundle.recognizer.recognize([SegmentAudio(speech(5_000))], RecognitionOptions())
    return lambda: (final_sentences(bundle, found, RecognitionOptions()), None)[1]


def vad_run(bundle: ModelBundle) -> Run:
    """Return a run of the detector amid speech."""
    vad = bundle.vad
    assert vad is not None, "the bundle has no detector"
    state, _ = vad.step(vad.new_state(), speech(1_200), is_last=False)
    samples = speech(CALL_MS)
    return lambda: (vad.step(state, samples, is_last=False), None)[1]


def speech(ms: int) -> Samples:
    """Return so much of the committed samples, one after the other."""
    clips = [soundfile.read(path, dtype="float32") for path in sorted(SAMPLES.glob("*.wav"))]
    together = np.concatenate([clip for clip, rate in clips if rate == RATE and clip.ndim == 1])
    return np.resize(together, ms_to_samples(ms))


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


def serve_clients(bundle: str, silent: int, talkers: int, times: Times) -> dict[str, float]:
    """Return what a server needs for clients that are connected or talk, and its memory."""
    with our_server("--bundle", bundle, "--max-live", 2000, "--max-live-per-address", 0) as served:
        wait_until_ready(served)
        process = served.process
        assert process is not None
        url, at_rest_mb = served.url.replace("http", "ws", 1), resident_mb(process)
        talking = Script("funasr", url, TALK_S, segment_ms=15_000)
        alone, one = talk(served, talking, 1)
        before_s, loop_before_s = cpu_seconds(process), loop_seconds(process)
        talk_all(Script("funasr", url, SILENT_S), np.zeros(RATE * 60, np.float32), silent)
        silent_s, silent_loop_s = cpu_seconds(process) - before_s, loop_seconds(process) - loop_before_s
        silent_mb, before_s, loop_before_s = resident_mb(process), cpu_seconds(process), loop_seconds(process)
        _, many = talk(served, talking, talkers)
        talking_s, talking_loop_s = cpu_seconds(process) - before_s, loop_seconds(process) - loop_before_s
        added_ms = statistics.median(values(alone, ("first partial", "partial"), "added_ms"))
        return {
            "turn_ms": round(max(0.0, added_ms - one["vad"].mean_ms - one["step"].mean_ms), 3),
            "other_ms_per_s": round((talking_s * 1000 - spent_ms(many, times)) / (talkers * TALK_S), 3),
            "cpu_ms_per_talker_s": round(talking_s * 1000 / (talkers * TALK_S), 3),
            "cpu_ms_per_silent_client_s": round(silent_s * 1000 / (silent * SILENT_S), 3),
            "loop_ms_per_talker_s": round(talking_loop_s * 1000 / (talkers * TALK_S), 3),
            "loop_ms_per_silent_client_s": round(silent_loop_s * 1000 / (silent * SILENT_S), 3),
            "silent_clients": silent,
            "talkers": talkers,
            "at_rest_mb": at_rest_mb,
            "with_silent_mb": silent_mb,
            "with_talkers_mb": resident_mb(process),
        }


def loop_seconds(process: psutil.Process) -> float:
    """Return the CPU time of the thread that runs the event loop, the first one of its process."""
    first = next(thread for thread in process.threads() if thread.id == process.pid)
    return float(first.user_time + first.system_time)


@dataclass(frozen=True)
class Stage:
    """Runs of a stage in a server, their items, and what they took by the clock."""

    runs: float
    items: float
    total_ms: float

    @property
    def mean_ms(self) -> float:
        """Of a run."""
        return self.total_ms / max(1.0, self.runs)


def talk(served: Served, script: Script, n: int) -> tuple[list[Talk], dict[str, Stage]]:
    """Let `n` clients talk; return what they saw, and what the server says of its runs."""
    before = stages(served)
    talks, _ = talk_all(script, source([]), n)
    return talks, {name: since(before.get(name), after) for name, after in stages(served).items()}


def since(before: Stage | None, after: Stage) -> Stage:
    """Return what ran between two readings."""
    if before is None:
        return after
    return Stage(after.runs - before.runs, after.items - before.items, after.total_ms - before.total_ms)


def stages(served: Served) -> dict[str, Stage]:
    """Return what `/metrics` says of all runs so far."""
    with urllib.request.urlopen(f"{served.url}/metrics", timeout=30) as answer:
        text = answer.read().decode()

    def read(name: str) -> dict[str, float]:
        return {stage: float(value) for stage, value in re.findall(rf'^{name}{{stage="([^"]+)"}} (\S+)', text, re.M)}

    seconds, items = read("paraserve_stage_seconds_sum"), read("paraserve_batch_size_sum")
    runs = read("paraserve_stage_seconds_count")
    return {name: Stage(runs[name], items.get(name, 0), seconds[name] * 1000) for name in runs}


def spent_ms(found: dict[str, Stage], times: Times) -> float:
    """Return the CPU time of the runs that the model knows, by its own times."""
    step, final = found["step"], found["recognize"]
    steps_ms = step.runs * times.step_ms + 2 * step.items * times.row_ms
    audio_s = step.items * CHUNK_S
    finals_ms = final.runs * (times.final_ms + times.punctuate_ms) + audio_s * times.final_ms_per_s
    return steps_ms + finals_ms + (step.items + final.runs) * times.vad_ms


if __name__ == "__main__":
    main()
