"""Run sessions, uploads and jobs for hours, and show what grows: memory, descriptors, tasks, files, latency.

    scripts/soak --minutes 5 --fake-sessions 1000 --fake-uploads 1000       # a try
    scripts/soak                                                            # two hours, 200,000 requests
    scripts/soak --hours 72 --fake-sessions 3000000 --fake-uploads 3000000  # a weekend
    scripts/soak --plot FOLDER                                              # of a soak that goes on or was stopped

Two servers run side by side. One is on a fake engine that answers at once, so that a great many sessions and uploads
pass through the server's own code. The other is `paraserve serve --bundle demo` as users start it, with people who
talk in real time, upload and hand over jobs. Each text is compared with the one that is expected. The exit code is 1
when a text was missing, doubled or wrong, or the memory of the server with the fake engine grew by more than 1 MB for
10,000 requests after the warm-up.
"""

import argparse
import importlib.util
import signal
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent / "bench")]

from drawing import draw  # noqa: E402
from soaking import Plan, soak  # noqa: E402
from tables import in_text  # noqa: E402
from verdict import read  # noqa: E402


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    duration = parser.add_mutually_exclusive_group()
    duration.add_argument("--minutes", type=float, default=120.0, help="how long people talk, 120 by default")
    duration.add_argument("--hours", type=float)
    parser.add_argument("--fake-sessions", type=int, default=100_000, metavar="N")
    parser.add_argument("--fake-uploads", type=int, default=100_000, metavar="N")
    parser.add_argument("--fake-minutes", type=float, help="how long these take together, 0.6 of the time by default")
    parser.add_argument(
        "--fake-program",
        type=Path,
        default=HERE / "fake_server.py",
        help="Python program that serves on such an engine",
    )
    parser.add_argument("--talkers", type=int, default=3, metavar="N", help="people who talk at once, 3 by default")
    parser.add_argument("--every-s", type=float, default=60.0, help="time from sample to sample, 60 s by default")
    parser.add_argument(
        "--out", type=Path, default=Path("build/soak"), help="folder for figures and logs, build/soak"
    )
    parser.add_argument("--plot", type=Path, metavar="FOLDER", help="only draw and print the figures of a soak there")
    arguments = parser.parse_args()
    folder = arguments.plot or arguments.out
    if not arguments.plot:
        folder.mkdir(parents=True, exist_ok=True)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # servers and clients are ended, too
        soak(_plan(arguments), folder.resolve())
    sys.exit(_show(folder))


def _show(folder: Path) -> int:
    done = read(folder)
    print(in_text(done), flush=True)
    if importlib.util.find_spec("matplotlib") is None:
        print(f"For a picture: pip install -r scripts/bench/requirements.txt, then scripts/soak --plot {folder}")
    else:
        draw(done, folder / "soak.png")
        print(f"{folder / 'soak.png'} shows them.")
    return 1 if done.shortfalls() else 0


def _plan(arguments: argparse.Namespace) -> Plan:
    minutes = arguments.hours * 60 if arguments.hours else arguments.minutes
    return Plan(
        minutes=minutes,
        fake_sessions=arguments.fake_sessions,
        fake_uploads=arguments.fake_uploads,
        fake_minutes=arguments.fake_minutes or minutes * 0.6,
        fake_program=arguments.fake_program.resolve(),
        talkers=arguments.talkers,
        every_s=arguments.every_s,
    )


if __name__ == "__main__":
    main()
