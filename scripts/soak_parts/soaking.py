"""A soak from its beginning to its end, written line by line as it goes."""

import contextlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from machine import machine
from processes import DEMO, Server, clients, server, taken

FILE = "soak.jsonl"
ROOM = {"max_live": 200, "max_uploads": 200}
"""Of the server on the fake engine: nobody is refused."""


@dataclass(frozen=True)
class Plan:
    """How much of what. Sessions and uploads of the fake engine are done within `fake_minutes`."""

    minutes: float
    fake_sessions: int
    fake_uploads: int
    fake_minutes: float
    fake_program: Path
    talkers: int
    every_s: float


class Record:
    """The file of a soak, to which threads write lines of JSON."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = threading.Lock()
        self._began_s = time.monotonic()
        self._path.write_text("", "utf-8")

    def add(self, **fields: object) -> None:
        """One line, with the minutes since the beginning."""
        line = {"minute": round((time.monotonic() - self._began_s) / 60, 2), **fields}
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def soak(plan: Plan, folder: Path) -> None:
    """Run both servers with their clients; `FILE` in the folder has the figures."""
    record = Record(folder)
    record.add(begin=machine(), plan={name: str(value) for name, value in vars(plan).items()})
    seconds = plan.minutes * 60
    with (
        server(folder / "fake", plan.fake_program, **ROOM) as fake,
        server(folder / "demo", *DEMO) as demo,
        clients(
            "fake_clients.py", fake.url, plan.fake_sessions, plan.fake_uploads, plan.fake_minutes * 60, plan.every_s
        ) as many,
        clients("demo_clients.py", demo.url, plan.talkers, seconds, plan.every_s) as people,
    ):
        followers = [
            threading.Thread(target=_follow, args=(record, "fake", fake, many), daemon=True),
            threading.Thread(target=_follow, args=(record, "demo", demo, people), daemon=True),
        ]
        for follower in followers:
            follower.start()
        for follower in followers:
            follower.join()
        for name, one in (("fake", fake), ("demo", demo)):
            record.add(server=name, after=one.sample())
    record.add(end=machine())


def _follow(record: Record, name: str, one: Server, process: psutil.Popen) -> None:
    """Write down what the clients tell, and beside each minute what their server takes."""
    for line in process.stdout:
        _take(record, name, one, process, json.loads(line))
        if one.process.poll() is not None:
            record.add(server=name, loss=f"the server ended with exit code {one.process.poll()}")
            return
    if process.wait():
        record.add(server=name, loss=f"the clients ended with exit code {process.returncode}")


def _take(record: Record, name: str, one: Server, process: psutil.Popen, told: Mapping[str, object]) -> None:
    if "loss" in told:
        print(f"{name}: lost: {told['loss']}", flush=True)
        record.add(server=name, loss=told["loss"])
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        record.add(server=name, told=told, taken=one.sample(), clients=taken(process))
