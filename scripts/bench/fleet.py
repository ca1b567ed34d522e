"""A fleet of replicas with 10,000 live sessions: routing, autoscaling, a machine that dies, small and large replicas.

    python scripts/bench/fleet.py                             # all tables: writes fleet.json and docs/fleet.png
    python scripts/bench/fleet.py --check                     # works all out again and compares with fleet.json
    python scripts/bench/fleet.py --times demo --no-write     # with the times of another bundle

It is a queueing model, not a measurement: the same each time for a seed. How long runs take is what docs/speed.md has
of full-size models on an idle machine, or with --times what `fleet_times.py` measured. `fleet_check.py` compares the
model with a server. docs/scale.md has the tables, and `fleet_capacity.py` its table of machines.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleet_growth import Grown
from fleet_plot import draw
from fleet_sample import Service
from fleet_service import AS_SERVED, PLAIN, PUBLISHED, TIMES, read_times
from fleet_tables import DEATHS, GROWTH, ROUTING, SIZES, TARGETS, WHOLE, Fleet, Rows, deaths, growth, routing, sizes
from fleet_tables import whole as whole_fleet
from machine import first_cpus
from recordings import ROOT
from report import table

FOUND = Path(__file__).with_name("fleet.json")
PICTURE = ROOT / "docs" / "fleet.png"


@dataclass
class Found:
    """All tables by name, and what the picture shows."""

    tables: dict[str, Rows]
    grown: list[Grown]
    much_talk: list[Grown]
    took_s: float


HEADERS = {"routing": ROUTING, "growth": GROWTH, "deaths": DEATHS, "sizes": SIZES, "whole": WHOLE}


def work_out(fleet: Fleet, seconds: float) -> Found:
    """Ask the model all questions."""
    rows, grown, much = growth(fleet)
    one, took_s = whole_fleet(fleet, seconds)
    tables = {"routing": routing(fleet), "growth": rows, "deaths": deaths(fleet), "sizes": sizes(fleet), "whole": one}
    return Found(tables, grown, much, took_s)


def markdown(name: str, rows: Rows) -> str:
    """Return one of the tables as docs/scale.md has it."""
    return table(HEADERS[name], rows)


def facts(fleet: Fleet, seed: int, found: Found) -> dict[str, Any]:
    """Return what is written and compared."""
    return {
        "times": fleet.times.name,
        "rating": fleet.times.rated,
        "sessions": fleet.sessions,
        "sampled": fleet.sampled,
        "seed": seed,
        "tables": found.tables,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", default=PUBLISHED.name, help="a bundle of fleet_times.json")
    parser.add_argument("--times-file", type=Path, default=TIMES)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=300.0, help="for which the whole fleet is served")
    parser.add_argument("--sampled", type=int, default=24, help="replicas whose texts are timed, of one size")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="no batches, and partial texts never give way")
    parser.add_argument("--processes", type=int, default=len(first_cpus(None)))
    parser.add_argument("--check", action="store_true", help="compare with fleet.json, exit 1 if it differs")
    parser.add_argument("--no-write", action="store_true", help="print only")
    arguments = parser.parse_args()
    times = {**read_times(arguments.times_file), "published": PUBLISHED}[arguments.times]
    rules = PLAIN if arguments.plain else AS_SERVED
    service = Service(times, rules=rules, seed=arguments.seed, processes=arguments.processes)
    fleet = Fleet(service, arguments.sessions, arguments.sampled)
    found = work_out(fleet, arguments.seconds)
    print(f"{times.name}: {times.cpus} CPUs a replica, rated {times.rated} talkers, seed {arguments.seed}\n")
    print("\n\n".join(markdown(name, rows) for name, rows in found.tables.items()))
    print(f"\n{fleet.sessions} sessions for {arguments.seconds:g} s took {found.took_s:.0f} s to work out")
    results = json.loads(json.dumps(facts(fleet, arguments.seed, found)))
    if arguments.check:
        is_same = results == json.loads(FOUND.read_text("utf-8"))
        sys.exit(0 if is_same else f"{FOUND.name} has other figures")
    if not arguments.no_write:
        FOUND.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
        draw(PICTURE, TARGETS, found.grown, found.much_talk, found.tables)


if __name__ == "__main__":
    main()
