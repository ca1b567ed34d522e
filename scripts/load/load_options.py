"""Options of a load, beside Locust's own. They travel from the master to its workers."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import timetable
from deployed_server import Server
from latency_targets import Targets
from spoken_clips import Clip, read_clips

if TYPE_CHECKING:
    from locust.argument_parser import LocustArgumentParser

CLIPS = Path(__file__).with_name("clips.toml")
KINDS = {"uploads": 72, "events": 12, "live": 6, "realtime": 6, "jobs": 4}
"""Kinds of users, and their parts of all requests."""


def add_options(parser: "LocustArgumentParser") -> None:
    """Add them to Locust's parser. Its groups would not be in the page."""
    parser.add_argument("--rate", type=float, default=50.0, help="requests of all kinds a second (default: 50)")
    for kind, parts in KINDS.items():
        parser.add_argument(f"--{kind}", type=float, default=parts, help=f"their parts of all requests ({parts})")
    parser.add_argument("--ramp", choices=["linear", "steps"], default="linear", help="how the load grows")
    parser.add_argument("--ramp-s", type=float, default=20.0, help="seconds in which it grows (default: 20)")
    parser.add_argument("--steps", type=int, default=5, help="equal steps of --ramp steps (default: 5)")
    parser.add_argument("--hold-s", type=float, default=300.0, help="seconds at the full rate, or on each step (300)")
    add_server_options(parser)
    add_target_options(parser)


def add_server_options(parser: "LocustArgumentParser") -> None:
    """Add those of the server and its texts."""
    parser.add_argument(
        "--api-key", env_var="PARASERVE_API_KEY", is_secret=True, default="", help="key, where the server wants one"
    )
    parser.add_argument("--insecure", action="store_true", help="take any certificate, also a self-signed one")
    parser.add_argument("--timeout-s", type=float, default=60.0, help="longest wait for the server (default: 60)")
    parser.add_argument("--clips", default=str(CLIPS), help="TOML file of recordings and their texts")
    parser.add_argument(
        "--expect",
        choices=["exact", "any"],
        default="exact",
        help="texts that count as right: those of the clips (what the embedded bundle writes), or any",
    )
    parser.add_argument("--no-partials", action="store_true", help="the bundle has no texts while people speak")


def add_target_options(parser: "LocustArgumentParser") -> None:
    """Add the limits."""
    defaults = Targets()
    for name in ("mean", "p95", "p99"):
        default = getattr(defaults, f"{name}_ms")
        parser.add_argument(f"--target-{name}-ms", type=float, default=default, help=f"upper limit ({default:g})")
    parser.add_argument("--target-lost-percent", type=float, default=0.0, help="requests that may be lost (0)")


def targets_of(options: argparse.Namespace) -> Targets:
    """Return the limits."""
    return Targets(
        options.target_mean_ms, options.target_p95_ms, options.target_p99_ms, options.target_lost_percent / 100
    )


def stages_of(options: argparse.Namespace) -> list[timetable.Stage]:
    """Return the stages of the load."""
    if options.ramp == "steps":
        return timetable.steps(options.rate, options.steps, options.ramp_s, options.hold_s)
    return timetable.linear(options.rate, options.ramp_s, options.hold_s)


def rate_of(options: argparse.Namespace, kind: str) -> float:
    """Return how many requests of a kind are due in a second of full load."""
    parts = {name: max(0.0, getattr(options, name)) for name in KINDS}
    return float(options.rate * parts[kind] / sum(parts.values()))


def server_of(options: argparse.Namespace, address: str) -> Server:
    """Return the server at an address."""
    return Server(address.rstrip("/"), options.api_key, options.insecure, options.timeout_s)


def clips_of(options: argparse.Namespace) -> tuple[Clip, ...]:
    """Return what users say."""
    return read_clips(Path(options.clips), is_exact=options.expect == "exact")


def conditions(options: argparse.Namespace, address: str) -> str:
    """Return what is sent where, as the head of a report."""
    rates = ", ".join(f"{kind} {rate_of(options, kind):.3g}" for kind in KINDS if rate_of(options, kind) > 0)
    lengths_s = [clip.duration_s for clip in clips_of(options)]
    return (
        f"Requests a second at full load: {rates}; {len(lengths_s)} clips of {min(lengths_s):.1f} to "
        f"{max(lengths_s):.1f} s; texts: {options.expect}; to {address}"
    )


def check_options(options: argparse.Namespace) -> None:
    """Look for values that cannot be.

    Raises:
        ValueError: there is one. The message names it.
    """
    if not any(getattr(options, kind) > 0 for kind in KINDS):
        raise ValueError("one kind of users must have a part of the requests: --" + ", --".join(KINDS))
    for name in ("rate", "hold_s", "timeout_s", "steps"):
        if getattr(options, name) <= 0:
            raise ValueError(f"--{name.replace('_', '-')} must be more than 0")
    clips_of(options)
