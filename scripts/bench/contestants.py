"""Engines at work on recordings, each in a process of its own interpreter (`peer_offline.py`)."""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

OURS = "paraserve"
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Setup:
    """An engine and how it is driven."""

    engine: str
    callers: int
    threads: int
    batch: int = 1

    def __str__(self) -> str:
        if self.engine == OURS:
            return OURS
        batch = f", batches of {self.batch}" if self.batch > 1 else ""
        return f"{self.engine}, {self.callers} x {self.threads} threads{batch}"


def peer_setups(engines: Sequence[str], n_cpus: int) -> list[Setup]:
    """Both ways to use all CPUs."""
    shapes = sorted({(1, n_cpus), (n_cpus, 1)})
    return [Setup(engine, callers, threads) for engine in engines for callers, threads in shapes]


class Contestant:
    """`peer_offline.py` in a process of its own."""

    def __init__(self, setup: Setup, python: Path, bundle: Path, audio: Path, cpus: list[int]) -> None:
        numbers = (setup.threads, setup.callers, ",".join(map(str, cpus)))
        command = [python, HERE / "peer_offline.py", setup.engine, bundle, audio, *numbers]
        self.setup = setup
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by close
        self._child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
        )  # fmt: skip

    def wait_ready(self) -> None:
        """Models are loaded."""
        self._expect("ready")

    def seconds(self, task: str) -> float:
        """Time of the task, once."""
        assert self._child.stdin is not None
        self._child.stdin.write(f"{task}\n")
        self._child.stdin.flush()
        answer = json.loads(self._expect("{"))
        if not answer["characters"]:
            sys.exit(f"{self.setup} heard nothing: its speed would mean nothing")
        return float(answer["seconds"])

    def close(self) -> None:
        """End it."""
        self._child.terminate()
        self._child.wait()
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.close()
        self._child.stdout.close()
        self._errors.close()

    def _expect(self, beginning: str) -> str:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            if line.startswith(beginning):
                return line
        self._child.wait()
        self._errors.seek(0)
        sys.exit(f"{self.setup} ended with {self._child.returncode}:\n{''.join(self._errors.readlines()[-5:])}")


@contextlib.contextmanager
def contestants(
    setups: Sequence[Setup], pythons: Mapping[str, Path], bundle: Path, audio: Path, cpus: list[int]
) -> Iterator[list[Contestant]]:
    """All of them, loaded one after the other."""
    with contextlib.ExitStack() as stack:
        started = []
        for setup in setups:
            one = Contestant(setup, pythons[setup.engine], bundle, audio, cpus)
            stack.callback(one.close)
            one.wait_ready()
            started.append(one)
        yield started
