"""What attacks do to a server, and what honest clients notice: a table of every attack of tests/support/attacks.

    python scripts/bench/attacks.py --seconds 60 --json after.json        # each attack on a fresh server
    python scripts/bench/attacks.py --keys                                # the server wants an API key, which the
                                                                          # attacker does not have
    python scripts/bench/attacks.py --nginx                               # the project's nginx.conf in front
    python scripts/bench/attacks.py --only pings -- --workers 2           # some attacks, more flags of `serve`
    python scripts/bench/attacks.py --compare before.json after.json      # two runs beside each other
    python scripts/bench/attacks.py --compare before.json                 # the table of an earlier run

The attacker connects from 127.0.0.2, honest clients from 127.0.0.1. Each has a process of its own: a prober of
`/livez` (every 20 ms), a live client that speaks in real time, newcomers (a live client and an upload every second).
Quiet is measured before each attack. An attack that takes more than 2 GB is cut off.
"""

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from machine import in_words, machine
from recordings import ROOT
from report import add_output_options, publish, table

sys.path.insert(0, str(ROOT / "tests"))
from support.attacks.all_attacks import ATTACKS, FAMILIES
from support.attacks.honest import Target
from support.attacks.measured import Figures, measure
from support.attacks.served import Served, served
from support.nginx import free_ports, nginx_command, nginx_running, write_conf

HEADER = [
    "attack", "`/livez` p99 ms", "max", "final p95 ms", "quiet", "lost", "MB more", "live in", "uploads in",
    "what the attacker got", "bars",
]  # fmt: skip


def row(figures: dict[str, Any]) -> list[object]:
    """Of the table of one run."""
    before, peak, _ = figures["rss_mb"]
    return [
        figures["attack"], figures["livez_ms"]["p99"], figures["livez_ms"]["max"], figures["finals_ms"]["p95"],
        figures["finals_quiet_ms"]["p95"], figures["finals_lost"], round(peak - before),
        share(figures["newcomers_live"]), share(figures["newcomers_uploads"]), answers(figures["attacker"]),
        "met" if not figures["shortfalls"] else "cut off" if figures["was_cut_off"] else "**missed**",
    ]  # fmt: skip


def share(fates: dict[str, int]) -> str:
    """Those served of all that came."""
    return f"{fates.get('ok', 0)}/{sum(fates.values())}"


def answers(tally: dict[str, Any]) -> str:
    """Statuses, close codes and error codes, in short."""
    counts = {**tally["statuses"], **tally["closes"], **tally["codes"]}
    found = sorted(counts.items(), key=lambda item: -item[1])[:3]
    words = [f"{name} x{count}" for name, count in found]
    if tally["unanswered"]:
        words.append(f"cut x{tally['unanswered']}")
    if tally["held"]:
        words.append(f"{tally['held']} open after {tally['longest_s']:.0f} s")
    return ", ".join(words)


def compared(before: dict[str, Any], after: dict[str, Any]) -> str:
    """A table of two runs of the same attacks."""
    of_after = {one["attack"]: one for one in after["attacks"]}
    header = [
        "attack",
        "`/livez` p99 ms",
        "final p95 ms",
        "MB more",
        "live in",
        "uploads in",
        "attacker, after",
        "bars",
    ]
    rows = []
    for one in before["attacks"]:
        if other := of_after.get(one["attack"]):
            pairs = [[cell(row(side)[column]) for side in (one, other)] for column in (1, 3, 6, 7, 8)]  # as in HEADER
            rows.append([one["attack"], *(" → ".join(pair) for pair in pairs), row(other)[9], row(other)[10]])
    return table(header, rows)


def earlier(runs: list[dict[str, Any]]) -> str:
    """One or two earlier runs, under the descriptions of their machines."""
    machines = "\n".join(f"{one['title']}: {in_words(one['machine'])}" for one in runs)
    found = compared(*runs) if len(runs) > 1 else table(HEADER, [row(one) for one in runs[0]["attacks"]])
    return f"{machines}\n\n{found}"


def cell(value: object) -> str:
    """As `table` would write it."""
    return "-" if value is None else f"{value:.0f}" if isinstance(value, float) else str(value)


@contextlib.contextmanager
def in_front(server: Served, folder: Path, *, is_wanted: bool) -> Iterator[Target | None]:
    """Put nginx before a server, or nothing."""
    if not is_wanted:
        yield None
        return
    command = nginx_command()
    if command is None:
        sys.exit("nginx is not installed (Debian: apt install nginx-light)")
    (port,) = free_ports(1)
    write_conf(folder, (port, server.target.port, server.target.port))
    text = (folder / "nginx.conf").read_text("utf-8").replace("max_fails=2", "max_fails=0")
    (folder / "nginx.conf").write_text(text, "utf-8")
    with nginx_running(command, folder, port):
        yield Target("127.0.0.1", port, server.target.key)


def run(arguments: argparse.Namespace) -> Iterator[Figures]:
    """Each attack on a server of its own."""
    of_family = {attack.name for name in arguments.family for attack in FAMILIES[name]}
    for name in ATTACKS:
        if (of_family and name not in of_family) or not all(word in name for word in arguments.only):
            continue
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            server = stack.enter_context(served(Path(folder), *arguments.flags, keys=arguments.keys))
            front = stack.enter_context(in_front(server, Path(folder), is_wanted=arguments.nginx))
            yield measure(server, name, seconds=arguments.seconds, quiet_s=arguments.quiet, front=front)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--label", default="attacks", help="title of the report")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each attack")
    parser.add_argument("--quiet", type=float, default=10.0, metavar="S", help="seconds of quiet before each")
    parser.add_argument("--keys", action="store_true", help="with API keys on; the attacker has none")
    parser.add_argument("--nginx", action="store_true", help="the project's nginx.conf in front")
    parser.add_argument("--family", nargs="+", default=[], choices=FAMILIES, help="these families only")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="attacks with all of these words")
    parser.add_argument(
        "--compare", nargs="+", type=Path, metavar="FILE.json", help="no run: one or two earlier ones"
    )
    parser.add_argument("flags", nargs="*", help="of `paraserve serve`, after --")
    add_output_options(parser)
    arguments = parser.parse_args()
    if arguments.compare:
        print(earlier([json.loads(path.read_text("utf-8")) for path in arguments.compare]))
        return
    at_start, attacks = machine(), []
    for figures in run(arguments):
        attacks.append(figures.plain())
        print(table(HEADER, [row(attacks[-1])]).splitlines()[-1], flush=True)
        if arguments.json:
            kept = {"title": arguments.label, "machine": at_start, "attacks": attacks}
            arguments.json.write_text(json.dumps(kept, indent=2) + "\n", "utf-8")
    results = {"attacks": attacks, "load_at_start": at_start["load"]}
    publish(arguments.label, results, [table(HEADER, [row(one) for one in attacks])], arguments.json)


if __name__ == "__main__":
    main()
