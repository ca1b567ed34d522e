"""Measure what a server promises when its clients, its processes and its load misbehave: a line for each.

    python scripts/bench/reliability.py                                   # all of them, counts of a few minutes
    python scripts/bench/reliability.py --only "vanishing clients" --times 10
    python scripts/bench/reliability.py --only "idle sockets" --flags="--client-idle-timeout-s 0"

Attacks are measured by `attacks.py`, damaged files and messages by the tests.
"""

import argparse
import asyncio
import contextlib
import shlex
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from recordings import ROOT
from report import add_output_options, publish, table

sys.path.insert(0, str(ROOT / "tests"))
import crowds
import hardships
from support.attacks.served import Served, served


@dataclass(frozen=True)
class Hardship:
    """`measure` gets a server with these flags, and a count: of what happens, or of seconds."""

    measure: Callable[[Served, int], Awaitable[str]]
    count: int
    bar: str
    flags: tuple[str, ...] = ()


HARDSHIPS = {
    "killed workers": Hardship(hardships.killed_workers, 10, "back within 5 s, nobody hangs", ("--workers", "2")),
    "vanishing clients": Hardship(hardships.vanishing, 8, "places free within 45 s"),
    "idle sockets": Hardship(
        hardships.idle_sockets, 500, "at most 50 KiB each, handshake p95 100 ms", ("--max-live", "8000")
    ),
    "churn": Hardship(hardships.churn, 400, "0 lost, at most 1 MB in 10,000"),
    "cross-talk": Hardship(hardships.crosstalk, 200, "every text its own"),
    "rated load": Hardship(crowds.rated_load, 20, "event loop held up 50 ms at most in 99.9 %"),
    "beside uploads": Hardship(crowds.beside_uploads, 20, "finals at most 1.2 times, refused within 50 ms"),
    "slow readers": Hardship(crowds.slow_readers, 20, "ended with 1013, 1 MB each, finals at most 1.1 times"),
    "overload": Hardship(hardships.overload, 200, "refused within 50 ms, admitted as before"),
}
"""The full counts are a hundred times as many."""
STOPS, HOURS = 3, 1


def all_lines(arguments: argparse.Namespace) -> list[tuple[str, str, str]]:
    """(name, figures, bar) of each that is asked for."""
    lines = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def add(what: str, bar: str, measured: Callable[[], str]) -> None:
            if not arguments.only or what in arguments.only:
                lines.append((what, measured(), bar))
                print(f"{what}: {lines[-1][1]}", flush=True)

        def start(flags: tuple[str, ...] = ()) -> contextlib.AbstractContextManager[Served]:
            return served(folder, *flags, *arguments.flags)

        for what, hardship in HARDSHIPS.items():
            add(what, hardship.bar, lambda hardship=hardship: on_server(start, hardship, arguments.times))
        n_stops = max(1, round(STOPS * arguments.times))
        add("stops", "every final, gone within the drain time", lambda: asyncio.run(hardships.stops(start, n_stops)))
        add("hours of silence", "64 MB, 5 s of processor time", lambda: silence(start, folder))
    return lines


def on_server(
    start: Callable[..., contextlib.AbstractContextManager[Served]], hardship: Hardship, times: float
) -> str:
    """One hardship on a server of its own."""
    with start(hardship.flags) as server:
        return asyncio.run(hardship.measure(server, max(1, round(hardship.count * times))))


def silence(start: Callable[..., contextlib.AbstractContextManager[Served]], folder: Path) -> str:
    """A long silent file on a server of its own."""
    with start() as server:
        return asyncio.run(hardships.silence_of_hours(server, HOURS, folder))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [*HARDSHIPS, "stops", "hours of silence"]
    parser.add_argument("--only", nargs="+", default=[], choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--times", type=float, default=1.0, help="factor of all counts")
    parser.add_argument("--flags", type=shlex.split, default=[], help="more flags of `paraserve serve`, as one text")
    add_output_options(parser)
    arguments = parser.parse_args()
    lines = all_lines(arguments)
    publish("Reliability", {"lines": lines}, [table(["what", "figures", "bar"], lines)], arguments.json)


if __name__ == "__main__":
    main()
