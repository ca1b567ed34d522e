"""Memory of a server with the settings for small devices, beside the defaults.

Starts `paraserve serve` with each, one after the other, first idle, then under the same crowd: so many clients upload
a recording of `--minutes` at once, and so many talk for half a minute. Whoever is refused comes back until it is
served. Prints the proportional set size of all processes of the server, and how each compares with the defaults. With
`--limit-mb` the server with the device's settings runs in a control group of that much memory (version 1, as root),
in which the kernel kills what needs more.

    python scripts/bench/edge.py --limit-mb 2000
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil

from machine import in_words, machine
from recordings import RATE, ROOT, looped, speech, write_wavs

EDGE = ROOT / "deploy" / "edge" / "paraserve.toml"
GROUP = Path("/sys/fs/cgroup/memory/paraserve-edge")
SAMPLE_S = 0.25
SETTLE_S = 5.0
AGAIN_S = 0.5
"""Wait of a client that was refused."""


@dataclass(frozen=True)
class Memory:
    """Megabytes (10^6 bytes) of all processes of a server."""

    idle_mb: float
    peak_mb: float
    processes: int
    wall_s: float


def pss_mb(process: psutil.Process) -> tuple[float, int]:
    """Proportional set size of a process and its children, and how many they are."""
    total, count = 0.0, 0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            total += one.memory_full_info().pss / 1e6
            count += 1
    return total, count


@contextlib.contextmanager
def served(settings: list[str], limit_mb: int) -> Iterator[tuple[psutil.Process, str]]:
    """A server's process and its URL."""
    command = [sys.executable, "-m", "paraserve.cli.main", "serve", "--port", "0", "--log-level", "error", *settings]
    with tempfile.TemporaryDirectory() as data, _group(limit_mb) as entering:
        arguments = [*entering, *command, "--data-dir", data]
        child = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        try:
            assert child.stdout is not None
            line = next((line for line in child.stdout if " listens on http://" in line), None)
            if line is None:
                sys.exit(f"the server ended with exit code {child.wait()}")
            yield psutil.Process(child.pid), "http://" + line.rsplit("http://", 1)[1].strip()
        finally:
            child.terminate()
            child.wait()


@contextlib.contextmanager
def _group(limit_mb: int) -> Iterator[list[str]]:
    """A command before a command, which enters a control group of so much memory. 0: no group."""
    if not limit_mb:
        yield []
        return
    GROUP.mkdir(exist_ok=True)
    (GROUP / "memory.limit_in_bytes").write_text(str(limit_mb * 10**6))
    try:
        yield ["sh", "-c", 'echo $$ >"$0" && exec "$@"', str(GROUP / "cgroup.procs")]
    finally:
        time.sleep(0.5)  # the kernel forgets ended processes a moment later
        GROUP.rmdir()


@dataclass(frozen=True)
class Crowd:
    """Clients that come at once, and what they send."""

    uploads: int
    recording: Path
    talkers: int
    talk: Path

    def served_by(self, url: str) -> None:
        """Return when everybody has a text."""
        with ThreadPoolExecutor(self.uploads + self.talkers) as pool:
            clients = [pool.submit(_upload, url, self.recording) for _ in range(self.uploads)]
            clients += [pool.submit(_talk, url, self.talk) for _ in range(self.talkers)]
            for client in clients:
                client.result()


def _upload(url: str, recording: Path) -> None:
    refused = {httpx2.codes.SERVICE_UNAVAILABLE, httpx2.codes.TOO_MANY_REQUESTS}
    while True:
        with recording.open("rb") as source:
            answer = httpx2.post(f"{url}/transcribe", content=source, timeout=None, trust_env=False)
        if answer.status_code not in refused:
            answer.raise_for_status()
            return
        time.sleep(AGAIN_S)


def _talk(url: str, talk: Path) -> None:
    server = url.replace("http", "ws")
    command = [sys.executable, "-m", "paraserve.cli.main", "stream", str(talk), "--realtime", "--server", server]
    while (child := subprocess.run(command, capture_output=True, text=True, check=False)).returncode:
        if "try again later" not in child.stderr:
            sys.exit(child.stderr)
        time.sleep(AGAIN_S)


def measured(settings: list[str], crowd: Crowd, limit_mb: int) -> Memory:
    """Memory of a server with these settings, idle and at its peak under the crowd."""
    with served(settings, limit_mb) as (process, url):
        time.sleep(SETTLE_S)
        idle_mb, _ = pss_mb(process)
        peaks, done = [(idle_mb, 1)], threading.Event()

        def sample() -> None:
            while not done.wait(SAMPLE_S):
                peaks.append(pss_mb(process))

        sampling = threading.Thread(target=sample)
        sampling.start()
        began = time.monotonic()
        try:
            crowd.served_by(url)
        finally:
            done.set()
            sampling.join()
    peak_mb, processes = max(peaks)
    return Memory(idle_mb, peak_mb, processes, time.monotonic() - began)


def main() -> None:
    """Measure both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default="demo")
    parser.add_argument("--uploads", type=int, default=16)
    parser.add_argument("--talkers", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=2.0, help="length of each recording")
    parser.add_argument("--limit-mb", type=int, default=0, help="memory of the control group; 0: no group")
    arguments = parser.parse_args()
    print(in_words(machine()))
    with tempfile.TemporaryDirectory() as folder:
        wave = speech(ROOT / "tests" / "data")
        talk, recording = write_wavs(
            [looped(wave, 0, 30 * RATE), looped(wave, 0, int(arguments.minutes * 60 * RATE))], Path(folder)
        )
        bundle = ["--bundle", arguments.bundle]
        crowd = Crowd(arguments.uploads, recording, arguments.talkers, talk)
        default = measured(bundle, crowd, 0)
        edge = measured([*bundle, "--config", str(EDGE)], crowd, arguments.limit_mb)
    print("| settings | idle, MB | peak, MB | processes at the peak | s |\n|---|--:|--:|--:|--:|")
    for name, found in (("defaults", default), ("deploy/edge/paraserve.toml", edge)):
        print(f"| {name} | {found.idle_mb:.0f} | {found.peak_mb:.0f} | {found.processes} | {found.wall_s:.0f} |")
    print(
        f"ratio to the defaults: idle {edge.idle_mb / default.idle_mb:.2f}, peak {edge.peak_mb / default.peak_mb:.2f}"
    )


if __name__ == "__main__":
    main()
