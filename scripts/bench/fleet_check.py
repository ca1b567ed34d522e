"""The fleet model's replica beside a server: clients that speak the same recording, and how late their texts are.

    python scripts/bench/fleet_check.py [--bundle DIR --times NAME] --clients 4 8 16
    python scripts/bench/fleet_check.py --published      # beside what docs/speed.md has of an idle machine

The detector says what is speech in the recording, and the model's talkers speak just that, each from its own place
on. Their runs take the times of `fleet_times.json`. Latencies are those that the server says that it added. The CPU
time of the clients, which run on the same machine, is taken from the measurement. What other programs take, the model
does not know. With --runs-of-the-server its runs take as long as those of the server did meanwhile, by the clock: so
only the waiting is compared, which is what a machine with other work allows.
"""

import argparse
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from fleet_replica import Outcome, Replica, Visit
from fleet_service import AS_SERVED, CHUNK_S, END_SILENCE_S, PUBLISHED, TIMES, Segment, Speech, Times, read_times
from fleet_times import Stage, load_bundle, since, stages
from live import Budget, Point, measure
from machine import first_cpus
from paraserve.inference.base import Vad
from paraserve.settings import checked_settings
from recordings import RATE, ROOT, Wave, source
from report import add_output_options, publish, table
from serving import our_server
from steady import wait_until_ready
from talkers import Script, warm_up

LONGEST_S = 15.0
PUBLISHED_MS = {"partials": (102, 259), "finals": (392, 829)}
"""docs/speed.md: 18 clients who speak all the time, with segments of at most 15 s; p50 and p95."""
NEVER_SILENT = Speech(share=0.98, segment_s=13.0)
HEADER = ("clients", "text", "p50 measured, ms", "p50 of the model", "ratio", "p95 measured", "p95 of the model",
          "its ratio", "load before")  # fmt: skip


def spoken(vad: Vad[object], wave: Wave) -> list[Segment]:
    """Return the segments of the recording said twice, long ones cut."""
    state, found, start_ms = vad.new_state(), [], 0
    twice = np.concatenate((wave, wave))
    for at in range(0, len(twice), RATE // 10):
        state, step = vad.step(state, twice[at : at + RATE // 10], is_last=False)
        for event in step.events:
            if event.kind == "start":
                start_ms = event.at_ms
            else:
                found += _cut(start_ms / 1000, event.at_ms / 1000, event.decided_ms / 1000)
    return found


def _cut(start_s: float, end_s: float, known_s: float) -> list[Segment]:
    cuts = [*np.arange(start_s, end_s, LONGEST_S), end_s]
    parts = [Segment(a, b - a, b) for a, b in pairwise(cuts)]
    return [*parts[:-1], Segment(parts[-1].start_s, parts[-1].speech_s, known_s)]


def visit(segments: list[Segment], place_s: float, wait_s: float, seconds: float) -> Visit:
    """Return what a client says who begins at a place of the recording, after a wait."""
    begins_s = wait_s - place_s
    heard = [
        Segment(one.start_s + begins_s, one.speech_s, one.known_s + begins_s)
        for one in segments
        if place_s <= one.start_s < place_s + seconds
    ]
    return Visit(wait_s, wait_s + seconds, heard)


def predict(times: Times, segments: list[Segment], wave_s: float, n: int, seconds: float, others: float) -> Outcome:
    """Let the model's talkers say the same at the same moments."""
    visits = [visit(segments, i * wave_s / n, i * CHUNK_S / n, seconds) for i in range(n)]
    return Replica(times, np.random.default_rng(0), AS_SERVED, others).run(visits, [], seconds + CHUNK_S)


def as_run(times: Times, before: dict[str, Stage], after: dict[str, Stage]) -> Times:
    """Return the times, as long as the server's runs between two readings of its metrics."""
    found = {name: since(before.get(name), stage) for name, stage in after.items()}
    step, final = found["step"], found["recognize"]
    steps = step.total_ms / (step.runs * times.step_ms + 2 * step.items * times.row_ms)
    audio_s = step.items * CHUNK_S - final.runs * END_SILENCE_S
    finals = final.total_ms / (final.runs * times.final_ms + audio_s * times.final_ms_per_s)
    return replace(
        times,
        vad_ms=found["vad"].mean_ms,
        step_ms=times.step_ms * steps,
        row_ms=times.row_ms * steps,
        final_ms=times.final_ms * finals,
        final_ms_per_s=times.final_ms_per_s * finals,
        punctuate_ms=found["punctuate"].mean_ms,
    )


def rows(point: Point, outcome: Outcome, load: float) -> list[list[object]]:
    """Return partial and final texts side by side."""
    found: list[list[object]] = []
    for kind, name in (("partials", "all partials"), ("finals", "final")):
        row: list[object] = [point.clients, name.removeprefix("all ")]
        for q in (50, 95):
            measured = point.texts[name][f"added_ms p{q}"] or float("nan")
            model = float(np.percentile(outcome.took_s(kind), q)) * 1000
            row += [measured, round(model, 1), f"{model / measured:.2f}"]
        found.append([*row, load])
    return found


def beside_published(seconds: float = 180.0) -> str:
    """Return the model's talkers beside those of docs/speed.md, on the times that it has."""
    n = PUBLISHED.rated
    visits = [
        Visit(begin_s, seconds, NEVER_SILENT.segments(begin_s, np.random.default_rng(i), seconds))
        for i, begin_s in enumerate(np.linspace(0, CHUNK_S, n, endpoint=False).tolist())
    ]
    outcome = Replica(PUBLISHED, np.random.default_rng(0)).run(visits, [], seconds)
    found: list[list[object]] = []
    for kind, measured_ms in PUBLISHED_MS.items():
        row: list[object] = [n, kind]
        for q, ms in zip((50, 95), measured_ms, strict=True):
            model = float(np.percentile(outcome.took_s(kind), q)) * 1000
            row += [ms, round(model), f"{model / ms:.2f}"]
        found.append(row)
    return table(HEADER[:-1], found)


def main() -> None:
    """Measure, predict, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default=str(ROOT / "models" / "demo"))
    parser.add_argument("--times", default="demo")
    parser.add_argument("--times-file", type=Path, default=TIMES)
    parser.add_argument("--clients", type=int, nargs="+", default=[4, 8, 16])
    parser.add_argument("--seconds", type=float, default=40.0)
    add_output_options(parser)
    parser.add_argument("--runs-of-the-server", action="store_true", help="in place of the times of the file")
    parser.add_argument("--published", action="store_true", help="only beside figures of docs/speed.md")
    arguments = parser.parse_args()
    if arguments.published:
        print(beside_published())
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    times, wave = read_times(arguments.times_file)[arguments.times], source([])
    vad = load_bundle(checked_settings({"bundle": [arguments.bundle]})).vad
    assert vad is not None, "the bundle has no detector"
    segments, found = spoken(vad, wave), []
    with our_server("--bundle", arguments.bundle, "--max-live", 2000, "--max-live-per-address", 0) as served:
        wait_until_ready(served)
        url = served.url.replace("http", "ws", 1)
        script = Script("funasr", url, arguments.seconds, segment_ms=round(LONGEST_S * 1000))
        warm_up(script, wave)
        for n in arguments.clients:
            load, before = round(os.getloadavg()[0], 1), stages(served)
            point = measure(served, script, wave, n, Budget())
            others = (point.facts["clients_cpu"] or 0.0) * len(first_cpus(None))
            these = as_run(times, before, stages(served)) if arguments.runs_of_the_server else times
            outcome = predict(these, segments, len(wave) / RATE, n, arguments.seconds, others)
            found += rows(point, outcome, load)
            busy = f"server CPU {point.facts['server_cpu']:.0%}, model's runs {outcome.busy_share:.0%}"
            print(f"{n} clients: {busy}, idle {point.facts['idle']:.0%}", flush=True)
    results = {"rows": [dict(zip(HEADER, row, strict=True)) for row in found]}
    publish(f"The fleet model beside a server: {arguments.times}", results, [table(HEADER, found)], arguments.json)


if __name__ == "__main__":
    main()
