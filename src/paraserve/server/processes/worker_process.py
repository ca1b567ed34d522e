"""A worker as its supervisor sees it: a process, and our end of the pipe to it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from paraserve.server.processes.heartbeat import LIMPING, STUCK, reload_line, split_lines
from paraserve.setting_sources import SettingSources
from paraserve.settings import Settings

WYOMING_MARK = "--"
"""Stands between the descriptors of HTTP and those of the Wyoming protocol among a worker's arguments."""
MIN_STOP_S = 2.0
"""Least time for a process to stop before it is killed."""


@dataclass(frozen=True, slots=True)
class ListeningSockets:
    """Sockets that all workers accept from: those of HTTP, and those for clients of the Wyoming protocol."""

    http: Sequence[socket.socket]
    wyoming: Sequence[socket.socket] = ()


@dataclass(slots=True)
class Worker:
    """A server process and our end of the pipe to it.

    Times are `time.monotonic()`. `ready_s`: when its first heartbeat came. `is_old`: it is to be replaced.
    `stop_by_s`: it was told to stop and is killed then. `reloads` are those that it has told of, as `split_lines`
    returns them.
    """

    process: "subprocess.Popen[bytes]"
    pipe: socket.socket
    started_s: float = field(default_factory=time.monotonic)
    ready_s: float | None = None
    heartbeat_s: float = 0.0
    is_stuck: bool = False
    is_limping: bool = False
    is_old: bool = False
    is_disconnected: bool = False
    stop_by_s: float | None = None
    reloads: list[tuple[list[str], bool]] = field(default_factory=list)
    unread: bytes = b""

    @property
    def is_serving(self) -> bool:
        """True if it has become ready and was not told to stop."""
        return self.ready_s is not None and self.stop_by_s is None

    def read_heartbeats(self) -> None:
        """Note the heartbeats that have come, or the end of the pipe."""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            received = self.pipe.recv(65_536)
            if not received:
                self.is_disconnected = True
                return
            beats, reloads, self.unread = split_lines(self.unread + received)
            self.reloads += reloads
            if not beats:
                return
            self.heartbeat_s = time.monotonic()
            self.is_stuck, self.is_limping = STUCK in beats, LIMPING in beats
            if not self.is_stuck and self.ready_s is None:
                self.ready_s = self.heartbeat_s

    def reload(self, bundles: Sequence[str]) -> None:
        """Let it read everything again, with these bundles."""
        with contextlib.suppress(OSError):
            self.pipe.send(reload_line(bundles))

    def stop(self, within_s: float) -> None:
        """Tell the process to stop within this time; later calls change nothing."""
        if self.stop_by_s is None:
            self.stop_by_s = time.monotonic() + max(MIN_STOP_S, within_s)
            self.process.terminate()

    def kill(self) -> None:
        """End the process at once."""
        self.stop_by_s = self.stop_by_s or time.monotonic()
        self.process.kill()


def start_worker(
    command: Sequence[str],
    settings: Settings,
    sources: SettingSources,
    listening: ListeningSockets,
    environment: Mapping[str, str],
) -> Worker:
    """Start a worker.

    Args:
        command: gets the descriptors of the worker's pipe and of the listening sockets as arguments.
        settings: passed on; they include the configuration file's, so the worker need not read it at first.
        sources: where it reads them again.
        listening: the sockets that all workers share.
        environment: more variables for it.
    """
    pipe, theirs = socket.socketpair()
    pipe.setblocking(False)  # noqa: FBT003 - the name says what is set
    with theirs:
        http, wyoming = ([one.fileno() for one in some] for some in (listening.http, listening.wyoming))
        arguments = (theirs.fileno(), *http, WYOMING_MARK, *wyoming)
        process = subprocess.Popen(  # noqa: S603 - our own module
            [*command, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(), *http, *wyoming),
            env={**os.environ, **environment},
            process_group=0,  # Ctrl-C is for the supervisor
        )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin:
        passed_on = settings.model_copy(update={"config": ""}).model_dump_json()
        process.stdin.write(f"{passed_on}\n{json.dumps(sources.flags)}".encode())
    return Worker(process, pipe)


def read_settings(text: str) -> tuple[Settings, SettingSources]:
    """Return what `start_worker` has written for the worker."""
    settings, _, flags = text.partition("\n")
    return Settings.model_validate_json(settings), SettingSources(json.loads(flags))


def cause_of_death(status: int) -> str:
    """Return why a process ended, in words, by the status that `subprocess` gives."""
    if status >= 0:
        return f"exit code {status}"
    name = signal.Signals(-status).name
    return f"{name}, as the kernel does when memory is short" if name == "SIGKILL" else name
