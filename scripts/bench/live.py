"""How many people can talk at once: clients that speak in real time, each at its own place of a recording.

    python scripts/bench/live.py [--bundle DIR] [--mode online]          # finds the largest number within the budget
    python scripts/bench/live.py --clients 8 --seconds 60                # one number, with all figures
    python scripts/bench/live.py --server ws://HOST:PORT                 # a server that runs already
    python scripts/bench/live.py --peer-python VENV/bin/python           # funasr_onnx behind peer_live.py as well

The clients run in a process of their own; frames are 60 ms. "added" is what the server says that it needed, from
receiving the frame that completes a step (or ends a segment) to handing over the text. "seen" is measured by the
client, from sending that frame to reading the text: an upper bound that contains the network, both event loops and
the client's own work. Empty partial texts are not counted. What no implementation can avoid comes on top of both:
the audio that a step needs, and the silence that ends a segment.

With --clients a table says how long a speaker waits, by the words of the final texts: from the end of a segment's
first word to its first text, from one partial text to the next, and from the end of the last word to the final text.

A number of clients is carried when the p95 of partial and of final texts stay within the budgets, no client lost its
connection or a frame's turn, the delays did not grow while they spoke, and the last texts came soon after the end.
The search doubles the number until one is not carried, then halves the gap; the number found is confirmed by a run of
full length, or lowered until one is.
"""

import argparse
import contextlib
import os
import re
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from machine import CpuMeter, first_cpus, resident_mb
from recordings import ROOT, Wave, source
from report import add_output_options, percentile, plot, publish, table
from serving import Served, funasr_server, our_server
from talkers import Kind, Script, Talk, delays, drift_ms, gaps_ms, talk_all, values, warm_up

KINDS: tuple[Kind, ...] = ("first partial", "partial", "final")
PARTIALS: tuple[Kind, ...] = ("first partial", "partial")
SLIP_MS = 300.0
"""More than this growth of the delays, or lateness of the clients' frames, is slip."""
END_MS = 3000.0
MAX_LIVE = 1000
WAIT_COLUMNS = ("n", "p50", "p95", "p99")
Clock = Literal["added_ms", "seen_ms"]


@dataclass(frozen=True)
class Budget:
    """What p95 may be, by which clock, and how far apart partial texts may come (p50)."""

    partial_ms: float = 900.0
    final_ms: float = 1500.0
    gap_ms: float = float("inf")
    clock: Clock = "added_ms"


@dataclass
class Point:
    """One number of clients. `why_not` says why it is not carried; empty: it is."""

    clients: int
    seconds: float
    texts: dict[str, dict[str, float | None]] = field(default_factory=dict)
    facts: dict[str, float | None] = field(default_factory=dict)
    waits: dict[str, dict[str, float | None]] = field(default_factory=dict)
    why_not: str = ""

    def p95(self, clock: Clock) -> float | None:
        """Of partial texts."""
        return self.texts["all partials"][f"{clock} p95"]


def measure(served: Served, script: Script, wave: Wave, n: int, budget: Budget) -> Point:
    """Let `n` clients speak."""
    lags = _loop_lags(served) if script.protocol == "funasr" else {}
    begun: dict[str, Any] = {}
    cpus = first_cpus(None)

    def begin() -> None:
        begun.update(meter=CpuMeter(cpus, served.process), clock=served.read_clock() if served.read_clock else None)

    talks, clients_cpu_s = talk_all(script, wave, n, begin)
    meter, before = begun["meter"], begun["clock"]
    wall_s = meter.wall_s
    point = Point(n, script.seconds)
    for name, kinds in (*((kind, (kind,)) for kind in KINDS), ("all partials", PARTIALS)):
        point.texts[name] = _latencies(talks, kinds)
    point.facts = {
        "drift_ms": round(drift_ms(talks), 1),
        "late_p99_ms": percentile([ms for talk in talks for ms in talk.late_ms], 99),
        "waited_for_end_max_ms": round(max(talk.waited_for_end_s for talk in talks) * 1000),
        "after_speech_p50_ms": percentile(
            [t.after_speech_ms for k in talks for t in k.texts if t.after_speech_ms], 50
        ),
        "server_cpu": meter.process_share if served.process else None,
        "clients_cpu": clients_cpu_s / (wall_s * len(cpus)),
        "idle": meter.idle_share,
        "resident_mb": resident_mb(served.process) if served.process else None,
        "loop_lag_p999_ms": _p999_ms(lags, _loop_lags(served)) if lags else None,
    }
    point.waits = _waits(talks)
    if served.read_clock:
        point.facts["in_run_cpu"] = (served.read_clock()["cpu_s"] - before["cpu_s"]) / (wall_s * len(cpus))
    point.why_not = _why_not(point, talks, budget)
    return point


def _latencies(talks: list[Talk], kinds: tuple[Kind, ...]) -> dict[str, float | None]:
    found: dict[str, float | None] = {"n": len(values(talks, kinds, "seen_ms"))}
    for clock in ("added_ms", "seen_ms"):
        for q in (50, 95, 99):
            found[f"{clock} p{q}"] = percentile(values(talks, kinds, clock), q)
    return found


def _waits(talks: list[Talk]) -> dict[str, dict[str, float | None]]:
    """Return what the clients waited for, by the words of the final texts."""
    found = delays(talks)
    lists = {
        "first text after the first word": found.first_partial,
        "from one partial text to the next": found.between_partials,
        "final text after the last word": found.final,
    }
    waits: dict[str, dict[str, float | None]] = {
        name: {"n": len(times), **{f"p{q}": percentile(times, q) for q in (50, 95, 99)}}
        for name, times in lists.items()
    }
    waits["segments without a partial text"] = {"n": found.segments_without_partial}
    return waits


def _why_not(point: Point, talks: list[Talk], budget: Budget) -> str:
    partial_ms, final_ms = point.p95(budget.clock), point.texts["final"][f"{budget.clock} p95"]
    drift, late, end = (point.facts[name] or 0.0 for name in ("drift_ms", "late_p99_ms", "waited_for_end_max_ms"))
    broken = [talk.error for talk in talks if talk.error]
    gap_ms = percentile([gap for talk in talks for gap in gaps_ms(talk)], 50)
    reasons = {
        f"{len(broken)} clients broke off, such as {broken[:1]}": bool(broken),
        "no text came": partial_ms is None and final_ms is None,
        f"partial p95 {partial_ms} ms": (partial_ms or 0.0) > budget.partial_ms,
        f"final p95 {final_ms} ms": (final_ms or 0.0) > budget.final_ms,
        f"partial texts came every {gap_ms} ms": (gap_ms or 0.0) > budget.gap_ms,
        f"delays grew by {drift:.0f} ms": drift > SLIP_MS,
        f"frames were sent late by {late:.0f} ms": late > SLIP_MS,
        f"the last text came after {end:.0f} ms": end > END_MS,
    }
    return "; ".join(reason for reason, is_so in reasons.items() if is_so)


def search(
    measure_at: Callable[[int, float], Point], seconds: tuple[float, float], start: int, most: int
) -> list[Point]:
    """All points that were measured; the last one that is carried over `seconds[1]` is the answer.

    `seconds` are the lengths of the runs of the search, and of those that confirm.
    """
    points: list[Point] = []
    carried, lost, n = 0, most + 1, min(start, most)
    while lost - carried > max(1, carried // 16):
        points.append(measure_at(n, seconds[0]))
        carried, lost = (n, lost) if not points[-1].why_not else (carried, n)
        n = min(2 * carried, most) if lost > most else (carried + lost) // 2
    if seconds[1] > seconds[0]:
        while carried:
            points.append(measure_at(carried, seconds[1]))
            if not points[-1].why_not:
                break
            carried -= max(1, carried // 16)
    return points


def found(points: list[Point], seconds: float) -> int:
    """The largest number that was carried over runs of this length."""
    return max((point.clients for point in points if point.seconds >= seconds and not point.why_not), default=0)


def search_on(
    served: Served, script: Script, wave: Wave, budget: Budget, arguments: argparse.Namespace
) -> list[Point]:
    """Search with a server; prints each point as it comes."""

    def measure_at(n: int, seconds: float) -> Point:
        point = measure(served, replace(script, seconds=seconds), wave, n, budget)
        print(f"{n} clients, {seconds:g} s: partial p95 {point.p95(budget.clock)} ms {point.why_not}", flush=True)
        return point

    warm_up(script, wave)
    if arguments.clients:
        return [measure_at(n, arguments.seconds) for n in arguments.clients]
    seconds = (min(arguments.search_seconds, arguments.seconds), arguments.seconds)
    return search(measure_at, seconds, arguments.start, arguments.most)


def point_table(points: list[Point]) -> str:
    """All points of a server."""
    header = ["clients", "s", "partial added p50", "p95", "p99", "seen p95", "final added p50", "p95", "seen p95",
              "drift", "idle", "server CPU", "in session.run", "MB", "carried"]  # fmt: skip
    rows = []
    for point in sorted(points, key=lambda p: (p.clients, p.seconds)):
        partial, final, facts = point.texts["all partials"], point.texts["final"], point.facts
        rows.append([
            point.clients, round(point.seconds), *(partial[f"added_ms p{q}"] for q in (50, 95, 99)),
            partial["seen_ms p95"], final["added_ms p50"], final["added_ms p95"], final["seen_ms p95"],
            facts["drift_ms"], *(_percent(facts.get(name)) for name in ("idle", "server_cpu", "in_run_cpu")),
            facts["resident_mb"], point.why_not or "yes",
        ])  # fmt: skip
    return table(header, rows)


def kind_table(point: Point) -> str:
    """All latencies of one point."""
    columns = [f"{clock}_ms p{q}" for clock in ("added", "seen") for q in (50, 95, 99)]
    rows = [[kind, *(point.texts[kind][column] for column in ("n", *columns))] for kind in KINDS]
    waits = [[name, *(wait.get(column) for column in WAIT_COLUMNS)] for name, wait in point.waits.items()]
    return "\n".join(
        [
            f"{point.clients} clients:\n",
            table(["text", "n", *columns], rows),
            "",
            table(["what somebody who speaks waits for, ms", *WAIT_COLUMNS], waits),
        ]
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _loop_lags(served: Served) -> Mapping[float, float]:
    """How often the event loop was late by at most so many ms; nothing from a server without such a metric."""
    with contextlib.suppress(OSError, ValueError):
        url = served.url.replace("ws", "http", 1) if served.url.startswith("ws") else served.url
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
            lines = re.findall(
                r'^paraserve_event_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)', answer.read().decode(), re.M
            )
        return {float(bound) * 1000: float(count) for bound, count in lines}
    return {}


def _p999_ms(before: Mapping[float, float], after: Mapping[float, float]) -> float | None:
    counts = {bound: after[bound] - before.get(bound, 0.0) for bound in sorted(after)}
    total = max(counts.values(), default=0.0)
    return next((bound for bound, count in counts.items() if total and count >= 0.999 * total), None)


def servers(arguments: argparse.Namespace) -> dict[str, AbstractContextManager[Served]]:
    """Those to measure, not started yet."""
    if arguments.server:
        chosen: dict[str, AbstractContextManager[Served]] = {
            arguments.server: contextlib.nullcontext(Served(arguments.server))
        }
    else:
        flags = ["--max-live", MAX_LIVE, *(["--no-optimize"] if arguments.no_optimize else [])]
        chosen = {"paraserve": our_server("--bundle", arguments.bundle, *flags)}
    if arguments.peer_python:
        name = "funasr_onnx, one thread a connection"
        chosen[name] = funasr_server(arguments.peer_python, str(arguments.bundle))
    return chosen


def run(arguments: argparse.Namespace) -> dict[str, list[Point]]:
    """Points by server."""
    wave = source(arguments.recordings)
    budget = Budget(arguments.partial_ms, arguments.final_ms, f"{arguments.clock}_ms")
    results = {}
    for name, starting in servers(arguments).items():
        with starting as served:
            url = "ws" + served.url.removeprefix("http").removeprefix("ws")
            script = Script("funasr", url, arguments.seconds, arguments.mode, arguments.segment_ms)
            results[name] = search_on(served, script, wave, budget, arguments)
    return results


def add_search_options(parser: argparse.ArgumentParser) -> None:
    """How the number of clients is found."""
    parser.add_argument("--clients", type=int, nargs="+", help="these numbers instead of a search")
    parser.add_argument(
        "--seconds", type=float, default=180.0, help="of speech by each client, in the run that counts"
    )
    parser.add_argument(
        "--search-seconds", type=float, default=40.0, help="in the runs that only look for the number"
    )
    parser.add_argument("--start", type=int, default=4, help="number of clients that the search begins with")
    parser.add_argument("--most", type=int, default=512)
    parser.add_argument("--segment-ms", type=int, default=15_000, help="max_single_segment_time; 0: the model's own")
    parser.add_argument("--partial-ms", type=float, default=900.0, help="budget, p95")
    parser.add_argument("--final-ms", type=float, default=1500.0, help="budget, p95")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_search_options(parser)
    parser.add_argument("--mode", choices=("2pass", "online"), default="2pass")
    parser.add_argument("--clock", choices=("added", "seen"), default="added", help="which one the budgets are for")
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "demo")
    parser.add_argument("--recordings", type=Path, nargs="+", default=[], metavar="FILE.wav")
    parser.add_argument("--server", help="ws:// URL of a running server, instead of starting one")
    parser.add_argument("--no-optimize", action="store_true", help="models as they are on disk")
    parser.add_argument("--peer-python", help="interpreter with funasr_onnx and websockets")
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that all works")
    add_output_options(parser, has_plot=True)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seconds = arguments.search_seconds = 4.0
        arguments.start, arguments.most = 1, 2
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    results = run(arguments)
    tables = []
    for name, points in results.items():
        answer = f"**{name}: {found(points, arguments.seconds)} streams**, mode {arguments.mode}"
        tables += [f"{answer}, latency in ms", point_table(points)]
        tables += [kind_table(point) for point in points if arguments.clients]
    points_by_server: dict[str, Any] = {name: [asdict(point) for point in points] for name, points in results.items()}
    publish(f"Live: {arguments.bundle.name}", {"servers": points_by_server}, tables, arguments.json)
    if arguments.plot:
        clock: Clock = f"{arguments.clock}_ms"  # type: ignore[assignment]
        series = {name: [(point.clients, point.p95(clock)) for point in points] for name, points in results.items()}
        plot(arguments.plot, series, arguments.partial_ms)


if __name__ == "__main__":
    main()
