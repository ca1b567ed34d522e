"""What Ray Serve costs: live clients and uploads through its HAProxy, and the same on the plain server, by turns.

    serve run paraserve.deploy.ray:app bundle=models/demo cpus=2 max_live=64      # one replica, on this machine
    python scripts/bench/ray_serve.py --serve http://HOST:8000

"Added" and "seen" are those of live.py. CPU seconds are those of the server and what it has started, with Serve those
of the replica and of HAProxy. They wait for nobody: on a machine with other work look at them first. What is lost
when a replica dies, or at an update, is printed by tests/deploy/ray/test_serve_app.py.
"""

import argparse
import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from live import Budget, measure
from machine import cpu_seconds
from recordings import ROOT, Wave, cut, source, write_wavs
from report import add_output_options, publish, table
from serving import Served, our_server
from talkers import Script, warm_up
from uploads import upload_all

REPLICA, PROXY = "ray::ServeReplica", "haproxy"
CALLERS = 8
UPLOAD_S = 30.0
MAX_LIVE = 64


@dataclass
class Row:
    """One run. Times in ms, CPU in seconds of the whole run."""

    server: str
    load: str
    added_p50: float | None = None
    added_p95: float | None = None
    seen_p50: float | None = None
    seen_p95: float | None = None
    final_p50: float | None = None
    final_p95: float | None = None
    uploads_per_s: float | None = None
    server_cpu_s: float = 0.0
    proxy_cpu_s: float = 0.0
    lost: str = ""


@dataclass(frozen=True)
class Measured:
    """A server, and how to find its processes and those of the proxy before it."""

    name: str
    served: Served
    processes: Callable[[], list[psutil.Process]]
    proxies: Callable[[], list[psutil.Process]]

    @contextlib.contextmanager
    def clocked(self, row: Row) -> Iterator[None]:
        """Note what the processes spend meanwhile."""
        before = self._spent_s()
        yield
        after = self._spent_s()
        row.server_cpu_s, row.proxy_cpu_s = after[0] - before[0], after[1] - before[1]

    def _spent_s(self) -> tuple[float, float]:
        return sum(map(cpu_seconds, self.processes())), sum(map(cpu_seconds, self.proxies()))


def named(name: str) -> list[psutil.Process]:
    """Return the processes of this machine that begin with a name, or whose program has it."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.name() == name or " ".join(process.cmdline()).startswith(name):
                found.append(process)
    return found


def talk(measured: Measured, wave: Wave, n: int, seconds: float) -> Row:
    """Let so many clients talk."""
    script = Script("funasr", measured.served.url.replace("http", "ws", 1), seconds, "2pass", 15_000)
    warm_up(script, wave)
    row = Row(measured.name, f"{n} live clients, {seconds:g} s")
    with measured.clocked(row):
        point = measure(measured.served, script, wave, n, Budget())
    partial, final = point.texts["all partials"], point.texts["final"]
    row.added_p50, row.added_p95, row.seen_p50, row.seen_p95 = (
        partial[f"{clock}_ms p{q}"] for clock in ("added", "seen") for q in (50, 95)
    )
    row.final_p50, row.final_p95 = final["seen_ms p50"], final["seen_ms p95"]
    row.lost = point.why_not
    return row


def upload(measured: Measured, paths: list[Path]) -> Row:
    """Upload the recordings, some at once."""
    row = Row(measured.name, f"{len(paths)} uploads of {UPLOAD_S:g} s, {CALLERS} at once")
    with measured.clocked(row):
        done = upload_all("http", measured.served.address, paths, CALLERS)
    row.uploads_per_s = len(paths) / done.wall_s
    return row


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", required=True, metavar="URL", help="of Serve's HAProxy on this machine")
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "demo")
    parser.add_argument("--recordings", type=Path, nargs="+", default=[], metavar="FILE.wav")
    parser.add_argument("--clients", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--seconds", type=float, default=24.0)
    parser.add_argument("--uploads", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    add_output_options(parser)
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    wave, rows = source(arguments.recordings), list[Row]()
    with (
        tempfile.TemporaryDirectory() as folder,
        our_server("--bundle", arguments.bundle, "--max-live", MAX_LIVE) as plain,
    ):
        paths = write_wavs(cut(wave, arguments.uploads, UPLOAD_S, UPLOAD_S), Path(folder) / "wav")
        assert plain.process is not None
        process = plain.process
        servers = (
            Measured("plain", plain, lambda: [process], list),
            Measured("Serve", Served(arguments.serve), lambda: named(REPLICA), lambda: named(PROXY)),
        )
        for _ in range(arguments.rounds):
            rows += [talk(one, wave, n, arguments.seconds) for n in arguments.clients for one in servers]
            rows += [upload(one, paths) for one in servers]
    header = [*asdict(rows[0])]
    lines = [[*asdict(row).values()] for row in sorted(rows, key=lambda row: (row.load, row.server))]
    publish("Ray Serve", {"rows": [asdict(row) for row in rows]}, [table(header, lines)], arguments.json)


if __name__ == "__main__":
    main()
