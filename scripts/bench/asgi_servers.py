"""What ASGI servers stand: the same least application behind each, under the same attacks and under live load.

    python scripts/bench/asgi_servers.py --work FOLDER [--json FILE]

The servers are installed into FOLDER (requirements-servers.txt) when they are first needed. Attacks come from
tests/support/attacks. Slow ones (silence, half and trickled heads, trickled bodies) run together, and the table says
after how long the server ended their connections. The live load is 200 sockets that send a frame of 60 ms each.
"""

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from machine import cpu_seconds
from peer_envs import environment
from recordings import ROOT
from report import add_output_options, publish, table

sys.path.insert(0, str(ROOT / "tests"))
from support.attacks.frames import BINARY, FIN, HANDSHAKE, frame
from support.attacks.honest import Prober, Target
from support.attacks.measured import MAX_GROWTH_MB, Waits
from support.attacks.processes import running
from support.attacks.served import Served
from support.attacks.tallies import Pace, Tally
from support.attacks.wire import Attacker
from support.nginx import free_ports

HERE = Path(__file__).parent
SERVERS = {
    "uvicorn, httptools": ["-m", "uvicorn", "echo_app:app", "--http", "httptools", "--ws", "websockets-sansio",
                           "--no-access-log", "--port"],
    "uvicorn, h11": ["-m", "uvicorn", "echo_app:app", "--http", "h11", "--ws", "websockets-sansio",
                     "--no-access-log", "--port"],
    "hypercorn": ["-m", "hypercorn", "echo_app:app", "--bind"],
    "granian": ["-m", "granian", "--interface", "asgi", "echo_app:app", "--port"],
}  # fmt: skip
FLOODS = (
    "header lines without end", "header value without end", "empty pings", "pings of 125 bytes, pongs unread",
    "2-byte fragments",
)  # fmt: skip
SLOW = ("silent connections", "half heads", "trickled heads", "trickled bodies")
START_TIMEOUT_S = 30
N_SOCKETS, FRAME_S, FRAME_BYTES = 200, 0.06, 1920


@dataclass
class LiveLoad:
    """A role: sockets that send frames at the pace of speech and read what comes."""

    target: Target
    tally: Tally = field(default_factory=Tally)

    async def run(self) -> None:
        """Send without end."""
        await asyncio.gather(*(self._speak(n) for n in range(N_SOCKETS)))

    async def _speak(self, n: int) -> None:
        sound = frame(FIN | BINARY, bytes(FRAME_BYTES))
        attacker = Attacker(self.target.host, self.target.port, (), tally=self.tally, connect_pace=Pace(0.0))

        async def say(connection: Any) -> None:
            await connection.shake_hands(HANDSHAKE)
            first_s = time.monotonic() + 1 + n * FRAME_S / N_SOCKETS
            for k in range(1 << 30):
                await asyncio.sleep(first_s + k * FRAME_S - time.monotonic())
                await connection.send(sound)

        await attacker.once(say)


@contextlib.contextmanager
def serving(name: str, python: Path) -> Iterator[Served]:
    """Start one of the servers on the least application."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}" if name == "hypercorn" else str(port)
    with tempfile.TemporaryDirectory() as folder:
        log_path = Path(folder) / "log"
        with log_path.open("w") as log:
            process = subprocess.Popen(
                [str(python), *SERVERS[name], address], cwd=HERE, stdout=log, stderr=log, text=True
            )
        server = Served(Target("127.0.0.1", port), process, log_path)
        try:
            deadline = time.monotonic() + START_TIMEOUT_S
            while asyncio.run(server.target.request("GET /livez HTTP/1.1")) != 200:
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{name} does not answer:\n{server.log}")
            yield server
        finally:
            server.kill()
            process.wait()


def flooded(server: Served, attack_name: str, seconds: float) -> dict[str, Any]:
    """One attack beside a prober; cut off when it takes too much memory."""
    target = server.target
    server.forget_peaks()
    before_mb = peak_mb = server.resident_mb()
    with running(Prober(target)) as probing:
        time.sleep(0.5)
        attacked_s = time.monotonic()
        with running(Attacker(target.host, target.port, (attack_name,))) as attacking:
            while time.monotonic() < attacked_s + seconds and peak_mb - before_mb < MAX_GROWTH_MB:
                time.sleep(0.1)
                peak_mb = max(peak_mb, server.peak_mb())
            tally = attacking.stop().tally
        prober = probing.stop()
    waits = Waits.of([ms for at_s, ms in prober.waits if at_s >= attacked_s])
    return {"p99": waits.p99, "max": waits.max, "mb": round(peak_mb - before_mb), "got": tally.answers()}


def held(server: Served, seconds: float) -> dict[str, str]:
    """How long the slow attacks could hold a connection."""
    target = server.target
    with contextlib.ExitStack() as stack:
        attackers = {name: stack.enter_context(running(Attacker(target.host, target.port, (name,)))) for name in SLOW}
        time.sleep(seconds)
        tallies = {name: attacking.stop().tally for name, attacking in attackers.items()}
    return {
        name: f"{tally.longest_s:.0f} s" if tally.ended else f"over {tally.longest_s:.0f} s"
        for name, tally in tallies.items()
    }


def loaded(server: Served, seconds: float) -> float:
    """CPU seconds a minute of the server under live load."""
    process = psutil.Process(server.process.pid)
    with running(LiveLoad(server.target)) as talking:
        time.sleep(3)
        before_s, started_s = cpu_seconds(process), time.monotonic()
        time.sleep(seconds)
        spent_s, took_s = cpu_seconds(process) - before_s, time.monotonic() - started_s
        tally = talking.stop().tally
    assert (tally.held, tally.ended) == (N_SOCKETS, 0), tally
    return round(spent_s * 60 / took_s, 2)


def measure(name: str, python: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures of one server."""
    figures: dict[str, Any] = {"server": name}
    with serving(name, python) as server:
        figures["cpu_s"] = loaded(server, arguments.load_seconds)
    for attack in FLOODS:
        with serving(name, python) as server:
            figures[attack] = flooded(server, attack, arguments.seconds)
        print(name, attack, figures[attack], flush=True)
    with serving(name, python) as server:
        figures["held"] = held(server, arguments.patience)
    print(name, figures["held"], figures["cpu_s"], flush=True)
    return figures


def tables(results: list[dict[str, Any]]) -> list[str]:
    """Attacks down, servers across."""
    names = [one["server"] for one in results]
    rows: list[list[object]] = []
    for attack in FLOODS:
        cells = [f"{one[attack]['p99']:.0f} / {one[attack]['max']:.0f} ms, {one[attack]['mb']} MB" for one in results]
        rows.append([attack, *cells])
    rows += [[f"{attack}: held", *(one["held"][attack] for one in results)] for attack in SLOW]
    rows.append(["200 live sockets: CPU s a minute", *(f"{one['cpu_s']:.1f}" for one in results)])
    return [table(["`/livez` p99 / max, memory taken", *names], rows)]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the servers' virtual environment")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each flood")
    parser.add_argument("--patience", type=float, default=90.0, help="seconds of the slow attacks")
    parser.add_argument("--load-seconds", type=float, default=60.0, help="of live load")
    parser.add_argument("--only", nargs="+", choices=SERVERS, default=list(SERVERS))
    add_output_options(parser)
    arguments = parser.parse_args()
    os.environ.pop("PYTHONPATH", None)
    python = environment(arguments.work, "servers") / "python"
    results = [measure(name, python, arguments) for name in arguments.only]
    publish("ASGI servers", {"servers": results}, tables(results), arguments.json)


if __name__ == "__main__":
    main()
