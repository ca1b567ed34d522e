"""The servers and the clients of a soak, and what they take of the machine."""

import contextlib
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parent
READY = " listens on "
START_TIMEOUT_S, STOP_TIMEOUT_S, ANSWER_TIMEOUT_S = 120.0, 60.0, 20.0
GAUGES = {"tasks": "paraserve_event_loop_tasks", "live": "paraserve_live_sessions"}
DEMO = ("-m", "paraserve.cli.main", "serve", "--bundle", "demo")


@dataclass(frozen=True)
class Server:
    """A server in a process group of its own, with folders of its own for temporary files and for data."""

    url: str
    process: psutil.Popen
    folder: Path

    def sample(self) -> dict[str, object]:
        """What it takes now; RSS of all its processes together, in 10^6 bytes."""
        files = [path for name in ("tmp", "data") for path in (self.folder / name).rglob("*") if path.is_file()]
        data_mb = sum(path.stat().st_size for path in files if path.exists()) / 1e6
        return {**taken(self.process), "files": len(files), "files_mb": round(data_mb, 2), **self._gauges()}

    def _gauges(self) -> dict[str, float | None]:
        try:
            with urllib.request.urlopen(f"{self.url}/metrics", timeout=ANSWER_TIMEOUT_S) as answer:
                text = answer.read().decode()
        except OSError:
            return dict.fromkeys(GAUGES)
        found = {key: re.search(rf"^{name} (\S+)$", text, re.M) for key, name in GAUGES.items()}
        return {key: float(match[1]) if match else None for key, match in found.items()}


def taken(process: psutil.Process) -> dict[str, object]:
    """Memory, descriptors, threads, number and CPU time of a process and those below it."""
    each_mb: list[float] = []
    pss = descriptors = threads = 0
    cpu_s = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                memory = one.memory_full_info()
                each_mb.append(round(memory.rss / 1e6, 2))
                pss, descriptors, threads = pss + memory.pss, descriptors + one.num_fds(), threads + one.num_threads()
                cpu_s += sum(one.cpu_times())
    return {
        "rss_mb": round(sum(each_mb), 2), "rss_of_each_mb": each_mb, "pss_mb": round(pss / 1e6, 2),
        "descriptors": descriptors, "threads": threads, "processes": len(each_mb), "cpu_s": round(cpu_s, 1),
    }  # fmt: skip


@contextlib.contextmanager
def server(folder: Path, *words: object, **settings: object) -> Iterator[Server]:
    """A Python program that serves on a free port; with its log, `tmp` and `data` in the folder."""
    for name in ("tmp", "data"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PARASERVE_")}
    environment = kept | {
        "TMPDIR": str(folder / "tmp"), "PARASERVE_DATA_DIR": str(folder / "data"), "PARASERVE_PORT": "0",
        "PARASERVE_LOG_LEVEL": "warning", "PYTHONUNBUFFERED": "1",
        **{f"PARASERVE_{name.upper()}": str(value) for name, value in settings.items()},
    }  # fmt: skip
    log = folder / "log.txt"
    with log.open("w", encoding="utf-8") as file:
        process = psutil.Popen(
            [sys.executable, *map(str, words)], env=environment, stdout=file, stderr=file, start_new_session=True
        )
    try:
        yield Server(_announced(process, log), process, folder)
    finally:
        _end(process)


def _announced(process: psutil.Popen, log: Path) -> str:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        lines = [line for line in log.read_text("utf-8").splitlines(keepends=True) if READY in line]
        if lines and lines[0].endswith("\n"):
            return lines[0].rsplit(READY, 1)[1].strip()
        time.sleep(0.1)
    sys.exit(f"a server did not start:\n{log.read_text('utf-8')}")


def _end(process: psutil.Popen) -> None:
    below = process.children(recursive=True) if process.is_running() else []
    process.terminate()
    with contextlib.suppress(psutil.TimeoutExpired):
        process.wait(STOP_TIMEOUT_S)
    for one in (process, *below):
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait(STOP_TIMEOUT_S)


@contextlib.contextmanager
def clients(program: str, *words: object) -> Iterator[psutil.Popen]:
    """One of the programs beside this one, whose output is read line by line."""
    process = psutil.Popen(
        [sys.executable, str(HERE / program), *map(str, words)], stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
