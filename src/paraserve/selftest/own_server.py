"""Servers of the self-test: the real `paraserve serve` in a process of its own, with folders of its own."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2

from paraserve.environment import PREFIX
from paraserve.selftest.process_facts import children_of, memory_bytes, open_files, session_members
from paraserve.selftest.verdicts import CheckFailedError

PROGRAM = "paraserve.cli.main"
ANNOUNCEMENT = re.compile(r" listens on (http://\S+)")
TIMEOUT_S = 60.0
START_TIMEOUT_S = 300.0
STOP_TIMEOUT_S = 45.0


class NotStartedError(CheckFailedError):
    """A server has ended before it listened. The message has its exit code and its last line."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server that is tested. A port of 0 is one that it does not have."""

    url: str
    api_key: str = ""
    grpc_port: int = 0
    wyoming_port: int = 0

    @property
    def headers(self) -> dict[str, str]:
        """The header with the key."""
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        url = httpx2.URL(self.url)
        return url.host, url.port or 80

    def http(self) -> httpx2.Client:
        """Return a client for HTTP."""
        return httpx2.Client(base_url=self.url, headers=self.headers, timeout=TIMEOUT_S, trust_env=False)


@dataclass(frozen=True, slots=True)
class OwnServer:
    """A running server. `started_s` is the time that it took to listen, in seconds."""

    target: Target
    process: "subprocess.Popen[bytes]" = field(repr=False)
    folder: Path
    started_s: float

    @property
    def log(self) -> str:
        """What it has written to stderr."""
        return (self.folder / "log").read_text("utf-8", errors="replace")

    def worker_pids(self) -> list[int]:
        """Return the server processes under the supervisor."""
        return children_of(self.process.pid)

    def descriptors(self) -> int:
        """Return how many files and connections all its processes have open, without those to the database of jobs.

        The latter are kept, and their number depends on how many requests have met.
        """
        database = str(self.folder / "data")
        pids = (self.process.pid, *self.worker_pids())
        return sum(not name.startswith(database) for pid in pids for name in open_files(pid))

    def memory_bytes(self) -> int:
        """Return the resident memory of all its processes, without those that decode recordings."""
        return sum(map(memory_bytes, (self.process.pid, *self.worker_pids())))

    def temporary_files(self) -> list[str]:
        """Return the names in its folder for temporary files."""
        return sorted(path.name for path in (self.folder / "tmp").iterdir())

    def status(self) -> dict[str, Any]:
        """Return what `/v1/admin/status` tells."""
        with self.target.http() as http:
            told: dict[str, Any] = http.get("/v1/admin/status").raise_for_status().json()
        return told

    def is_ready(self) -> bool:
        """Return whether it says that it can recognize speech."""
        try:
            with self.target.http() as http:
                return http.get("/readyz").is_success
        except httpx2.TransportError:
            return False


@dataclass(frozen=True, slots=True)
class OwnServers:
    """How servers are started.

    Args:
        folder: for their folders.
        python: how a module is run: the interpreter and its flags, to which `-m MODULE` is added.
        flags: of `paraserve serve`, for all of them.
        bundle_root: the folder of the bundle, of several the first.
        expected_text: of the recording; None for a bundle whose text is not known.
    """

    folder: Path
    python: Sequence[str]
    flags: Sequence[str]
    bundle_root: Path
    expected_text: str | None

    def command(self, *flags: str, module: Sequence[str] = (PROGRAM,)) -> list[str]:
        """Return the command that serves."""
        common = ("--host", "127.0.0.1", "--port", "0", "--log-format", "json", "--decode-workers", "1")
        return [*self.python, "-m", *module, "serve", *self.flags, *common, *flags]

    def new_folder(self) -> Path:
        """Make the folders of a server: for temporary files, and for jobs."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        for name in ("tmp", "data"):
            (folder / name).mkdir()
        return folder

    @contextlib.contextmanager
    def start(
        self, *flags: str, module: Sequence[str] = (PROGRAM,), within: Sequence[str] = (), folder: Path | None = None
    ) -> Iterator[OwnServer]:
        """Start a server, and end it when the block ends.

        Args:
            flags: of `paraserve serve`.
            module: is run in place of the command.
            within: a program and its arguments, which starts the server as its last act.
            folder: of `new_folder`; None makes one.

        Raises:
            NotStartedError: it does not start.
        """
        folder = folder or self.new_folder()
        started_s = time.monotonic()
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [*within, *self.command(*flags, module=module)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(folder),
                start_new_session=True,  # Ctrl-C is for the self-test, which ends what it has started
            )
        try:
            url = _announced(process, folder)
            target = Target(url, "", *_ports(flags))
            yield OwnServer(target, process, folder, time.monotonic() - started_s)
        finally:
            _end(process)


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a server whose files are in `folder`, without settings of the user."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    own = {"TMPDIR": str(folder / "tmp"), "PARASERVE_DATA_DIR": str(folder / "data")}
    return kept | own


def free_port() -> int:
    """Return a port of the loopback that was free a moment ago."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _ports(flags: Sequence[str]) -> tuple[int, int]:
    given = dict(pairwise(flags))
    return int(given.get("--grpc-port", 0)), int(given.get("--wyoming", "0").rpartition(":")[2])


def _announced(process: "subprocess.Popen[bytes]", folder: Path) -> str:
    assert process.stdout is not None
    deadline = threading.Timer(START_TIMEOUT_S, process.kill)
    deadline.start()
    try:
        for line in process.stdout:
            if found := ANNOUNCEMENT.search(line.decode(errors="replace")):
                return found[1]
    finally:
        deadline.cancel()
    last = (folder / "log").read_text("utf-8", errors="replace").strip().rpartition("\n")[2]
    raise NotStartedError("a server that starts", f"exit code {process.wait()}: {last}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a server and all that it has started."""
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        # What a server that was killed, or has a fault, has left behind.
        for left in session_members(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)
        assert process.stdout is not None
        process.stdout.close()
