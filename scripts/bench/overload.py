"""More people than the machine carries, who all talk without a pause: what they get, and what newcomers are told.

    python scripts/bench/overload.py --bundle DIR --recordings FILE.wav              # R, 1.5 R, 2 R, 4 R and R / 2
    python scripts/bench/overload.py --carried 14 --seconds 30                       # with a known R, in short
    python scripts/bench/overload.py --before OTHER_CHECKOUT/src --plot overload.png # another state in turn
    python scripts/bench/overload.py --work FOLDER                                   # sherpa-onnx's server as well

R is the number of streams that are carried with partial texts every 600 ms (median): `live.py` finds it, or --carried
says it.
At each load a table says how late final texts are, how far apart the partial texts of one segment come, in what share
of its segments each stream has any, and how many clients broke off. At 4 R half of the clients talk already when the
other half knocks: the table says how long a refusal takes. At last half of R talk, just after the others have gone.
Ours has `--max-live auto`, an earlier state has no limit. sherpa-onnx's server has one pass without detector and
punctuation, a thread for each CPU, and texts are timed by its clients. Its R is its own, for the same budget of
partial texts. FOLDER keeps its environment; its models need what `peers.py` says.
"""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from websockets.asyncio.client import connect

from contestants import Setup
from live import MAX_LIVE, PARTIALS, Budget, Point, measure, search
from machine import first_cpus
from peer_envs import environment
from peers import sherpa_online
from recordings import ROOT, Wave, source
from report import add_output_options, percentile, plot, publish, table
from serving import Served, our_server
from talkers import Script, Talk, drift_ms, gaps_ms, talk_all, values, warm_up

SHERPA = "sherpa-onnx, one pass"
SHERPA_LOADS = (1.0, 1.5, 2.0)
LOADS = (1.0, 1.5, 2.0, 4.0, 0.5)
GAP_MS = 700.0
"""Median of the times between partial texts, above which they come seldomer than every 600 ms."""
LONG_MS = 4000
"""A segment that ends so long after the one before has time for a partial text on every rung."""
KNOCKS_PER_S = 20
SETTLE_S = 8.0
"""After it a server has forgotten those who have left, so that all newcomers are let in."""
HEADER = ["state", "load", "streams", "final p50", "final p95", "partial p95", "gap p50", "gap p95", "gap max",
          "least share with partials", "drift", "broke off", "refused p50", "refused p95"]  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """One load: times in ms, shares of 1. Refusals are of those who knocked meanwhile."""

    state: str
    load: float
    streams: int
    final: Sequence[float]
    partial: Sequence[float]
    gaps: Sequence[float]
    least_share: float | None
    drift_ms: float
    broke_off: int
    refusals: Sequence[float]

    def row(self) -> list[object]:
        """Return the cells of `HEADER`."""
        p = percentile
        return [
            self.state, f"{self.load:g} R", self.streams, p(self.final, 50), p(self.final, 95), p(self.partial, 95),
            p(self.gaps, 50), p(self.gaps, 95), p(self.gaps, 100), self.least_share, round(self.drift_ms),
            self.broke_off, p(self.refusals, 50), p(self.refusals, 95),
        ]  # fmt: skip


def share_with_partials(talk: Talk) -> float | None:
    """Return in what share of a client's long segments it had partial texts; None without long segments."""
    n = n_having = 0
    has_partial, until_ms = False, 0.0
    for text in talk.texts:
        if text.kind != "final":
            has_partial = True
            continue
        end_ms = text.due_ms or until_ms
        if end_ms - until_ms > LONG_MS:
            n, n_having = n + 1, n_having + has_partial
        has_partial, until_ms = False, end_ms
    return n_having / n if n else None


def outcome(state: str, load: float, talks: Sequence[Talk], refusals: Sequence[float] = ()) -> Outcome:
    """Return the figures of the clients that were let in."""
    inside = [talk for talk in talks if talk.texts or not talk.error]
    shares = [share for share in map(share_with_partials, inside) if share is not None]
    return Outcome(
        state,
        load,
        len(inside),
        values(inside, ("final",), "added_ms"),
        values(inside, PARTIALS, "seen_ms" if state == SHERPA else "added_ms"),
        [gap for talk in inside for gap in gaps_ms(talk)],
        min(shares, default=None),
        drift_ms(inside),
        sum(bool(talk.error) for talk in inside),
        refusals,
    )


def knock(url: str, seconds: float) -> list[float]:
    """Let clients come in turn; return how long each refusal took, in ms. Who is let in leaves at once."""

    async def one() -> float | None:
        begun_s = time.monotonic()
        async with connect(url, compression=None, open_timeout=60) as socket:
            try:
                async with asyncio.timeout(5):
                    message = json.loads(await socket.recv())
            except TimeoutError:
                return None
        return (time.monotonic() - begun_s) * 1000 if "error" in message else None

    async def all_of_them() -> list[float]:
        tasks = []
        for _ in range(round(seconds * KNOCKS_PER_S)):
            tasks.append(asyncio.create_task(one()))
            await asyncio.sleep(1 / KNOCKS_PER_S)
        done = await asyncio.gather(*tasks, return_exceptions=True)
        return [took_ms for took_ms in done if isinstance(took_ms, float)]

    return asyncio.run(all_of_them())


def loaded(state: str, script: Script, wave: Wave, carried: int, load: float) -> Outcome:
    """Let so many clients speak; at 4 R half of them, while others knock."""
    streams = max(1, round(carried * min(load, 2.0)))
    if load > 1:
        time.sleep(SETTLE_S)
    if load <= 2.0:
        talks, _ = talk_all(script, wave, streams)
        return outcome(state, load, talks)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        knocking: list[Future[list[float]]] = []

        def begin() -> None:
            knocking.append(pool.submit(_knock_later, script.url, script.seconds))

        talks, _ = talk_all(script, wave, streams, begin)
        return outcome(state, load, talks, knocking[0].result())


def _knock_later(url: str, seconds: float) -> list[float]:
    """Knock in the second half of the time, when those inside are known."""
    time.sleep(seconds / 2)
    return knock(url, seconds / 2)


def carried_by(served: Served, script: Script, wave: Wave, arguments: argparse.Namespace, budget: Budget) -> int:
    """Find R as `live.py` does."""

    def measure_at(n: int, seconds: float) -> Point:
        point = measure(served, replace(script, seconds=seconds), wave, n, budget)
        print(f"{n} clients, {seconds:g} s: {point.why_not or 'carried'}", flush=True)
        return point

    points = search(measure_at, (arguments.search_seconds, arguments.search_seconds), arguments.start, 512)
    return max((point.clients for point in points if not point.why_not), default=1)


def servers(arguments: argparse.Namespace) -> dict[str, AbstractContextManager[Served]]:
    """Return the states to measure, not started yet."""
    bundle = ("--bundle", arguments.bundle, "--max-live-per-address", 0)
    states: dict[str, AbstractContextManager[Served]] = {
        "now": our_server(*bundle, "--max-live", arguments.max_live, source=None)
    }
    if arguments.before:
        states["before"] = our_server(*bundle, "--max-live", MAX_LIVE, source=arguments.before)
    return states


def of_sherpa(arguments: argparse.Namespace, wave: Wave) -> list[Outcome]:
    """Measure sherpa-onnx's server at its own R and beyond."""
    setup = Setup("sherpa", len(first_cpus(None)), 1)
    with sherpa_online(arguments.bundle, environment(arguments.work, "sherpa"), setup) as served:
        script = Script("sherpa", served.url, arguments.seconds)
        warm_up(script, wave)
        budget = Budget(final_ms=float("inf"), clock="seen_ms")
        carried, found = carried_by(served, script, wave, arguments, budget), []
        for load in SHERPA_LOADS:
            found.append(loaded(SHERPA, script, wave, carried, load))
            print(table(HEADER, [found[-1].row()]), flush=True)
    return found


def run(arguments: argparse.Namespace) -> tuple[int, list[Outcome]]:
    """Measure all states at each load in turn; return R and the outcomes."""
    wave, found = source(arguments.recordings), []
    with ExitStack() as stack:
        scripts = {}
        for state, starting in servers(arguments).items():
            served = stack.enter_context(starting)
            url = "ws" + served.url.removeprefix("http")
            scripts[state] = (served, Script("funasr", url, arguments.seconds, "2pass", arguments.segment_ms))
            warm_up(scripts[state][1], wave)
        carried = arguments.carried or carried_by(*scripts["now"], wave, arguments, Budget(gap_ms=GAP_MS))
        for load in arguments.loads:
            for state, (_, script) in scripts.items():
                found.append(loaded(state, script, wave, carried, load))
                print(table(HEADER, [found[-1].row()]), flush=True)
    return carried, found + (of_sherpa(arguments, wave) if arguments.work else [])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "demo")
    parser.add_argument("--recordings", type=Path, nargs="+", default=[], metavar="FILE.wav")
    parser.add_argument("--carried", type=int, help="R, instead of a search")
    parser.add_argument("--loads", type=float, nargs="+", default=LOADS, help="in R")
    parser.add_argument("--seconds", type=float, default=180.0, help="of speech at each load")
    parser.add_argument("--search-seconds", type=float, default=40.0)
    parser.add_argument("--start", type=int, default=8)
    parser.add_argument("--segment-ms", type=int, default=15_000)
    parser.add_argument("--max-live", default="auto")
    parser.add_argument("--before", type=Path, metavar="SRC", help="source folder of another state to compare with")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="measure sherpa-onnx's server, installed there")
    add_output_options(parser, has_plot=True)
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    carried, found = run(arguments)
    rows = [one.row() for one in found]
    facts = {"carried": carried, "rows": [dict(zip(HEADER, row, strict=True)) for row in rows]}
    publish(f"Overload: {arguments.bundle.name}, R = {carried}", facts, [table(HEADER, rows)], arguments.json)
    if arguments.plot:
        p95 = partial(percentile, q=95)
        plot(
            arguments.plot,
            {
                f"{kind}, {state}": sorted(
                    (one.streams, p95(getattr(one, kind))) for one in found if one.state == state
                )
                for state in dict.fromkeys(one.state for one in found)
                for kind in ("final", "partial")
            },
            2000.0,
        )


if __name__ == "__main__":
    main()
