"""The supervisor of several worker processes on one port: it starts them, and replaces those that die or grow old.

All workers accept from one listening socket, so connections that wait there survive the end of a worker. The
supervisor itself serves nothing and holds no models.
"""

import contextlib
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from prometheus_client.multiprocess import mark_process_dead

from paraserve.errors import ParaserveError
from paraserve.server.processes.server import announce
from paraserve.server.processes.unix_socket import bound_unix_socket
from paraserve.server.telemetry.logging import configure_logging
from paraserve.server.telemetry.metrics import MULTIPROCESS_DIR
from paraserve.server.telemetry.sampler import memory_bytes
from paraserve.settings import Settings

COMMAND = (sys.executable, "-P", "-m", "paraserve.server.processes.worker")
POLL_S = 0.2
"""Interval between two polls of the workers."""
HEARTBEAT_TIMEOUT_S = 60.0
"""A worker without a heartbeat for this long hangs and is killed."""
STOP_TIMEOUT_S = 10.0
"""Time beyond its own drain timeout after which a worker that was told to stop is killed."""
MAX_BACKOFF_S = 30.0
"""Longest wait between attempts to start a worker that does not come up."""

log = structlog.get_logger()


@dataclass(slots=True)
class Worker:
    """A server process and our end of the pipe to it.

    Times are `time.monotonic()`. `is_old`: it is to be replaced. `stop_by_s`: it was told to stop and is killed then.
    """

    process: "subprocess.Popen[bytes]"
    pipe: socket.socket
    started_s: float = field(default_factory=time.monotonic)
    heartbeat_s: float = 0.0
    is_ready: bool = False
    disconnected: bool = False
    is_old: bool = False
    stop_by_s: float | None = None

    def read_heartbeats(self) -> None:
        """Note whether a heartbeat has come, or the end of the pipe."""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            if self.pipe.recv(4096):
                self.is_ready, self.heartbeat_s = True, time.monotonic()
            else:
                self.disconnected = True

    def stop(self, within_s: float) -> None:
        """Tell the process to stop within this time; later calls change nothing."""
        if self.stop_by_s is None:
            self.stop_by_s = time.monotonic() + within_s + STOP_TIMEOUT_S
            self.process.terminate()


class Supervisor:
    """Runs `settings.workers` processes until SIGINT or SIGTERM.

    The first worker starts alone: if it does not come up, the others would not either.

    Args:
        settings: passed on to each worker.
        command: starts a worker; gets the descriptors of the listening socket and of the worker's pipe as arguments.
        heartbeat_timeout_s: see `HEARTBEAT_TIMEOUT_S`.
    """

    def __init__(
        self,
        settings: Settings,
        command: Sequence[str] = COMMAND,
        heartbeat_timeout_s: float = HEARTBEAT_TIMEOUT_S,
    ) -> None:
        self._settings = settings
        self._command = command
        self._heartbeat_timeout_s = heartbeat_timeout_s
        self._workers: list[Worker] = []
        self._has_served = False
        self._failures = 0
        self._next_start_s = 0.0
        self._signals = 0

    def run(self) -> int:
        """Start all workers and keep them running; return the exit code: 1 if one of the first did not come up.

        Raises:
            ParaserveError: the server cannot listen on the address.
        """
        configure_logging(self._settings.log_level)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._count_signal)
        with _bound(self._settings) as listening, _metrics_folder() as metrics_folder:
            try:
                return self._supervise(listening, metrics_folder)
            finally:
                self._end(metrics_folder)

    def _supervise(self, listening: socket.socket, metrics_folder: str) -> int:
        while not self._signals:
            self._poll(metrics_folder)
            if not self._has_served and self._failures:
                return 1
            self._start_missing(listening, metrics_folder)
            if not self._has_served and self._n_ready() == self._settings.workers:
                self._has_served = True
                announce(listening, is_tls=bool(self._settings.certfile))
            self._recycle()
            self._wait()
        return 0

    def _n_ready(self) -> int:
        return sum(worker.is_ready and worker.stop_by_s is None for worker in self._workers)

    def _count_signal(self, *_: object) -> None:
        self._signals += 1

    def _wait(self) -> None:
        with selectors.DefaultSelector() as selector:
            for worker in self._workers:
                if not worker.disconnected:
                    selector.register(worker.pipe, selectors.EVENT_READ)
            selector.select(POLL_S)
        for worker in self._workers:
            worker.read_heartbeats()

    def _start_missing(self, listening: socket.socket, metrics_folder: str) -> None:
        n_wanted = self._settings.workers if self._has_served or self._n_ready() else 1
        n_missing = n_wanted - sum(not worker.is_old and worker.stop_by_s is None for worker in self._workers)
        if time.monotonic() >= self._next_start_s:
            self._workers.extend(self._start(listening, metrics_folder) for _ in range(n_missing))

    def _start(self, listening: socket.socket, metrics_folder: str) -> Worker:
        pipe, theirs = socket.socketpair()
        pipe.setblocking(False)  # noqa: FBT003 - the name says what is set
        with theirs:
            descriptors = (listening.fileno(), theirs.fileno())
            process = subprocess.Popen(  # noqa: S603 - our own module
                [*self._command, *map(str, descriptors)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=descriptors,
                env={**os.environ, MULTIPROCESS_DIR: metrics_folder},
                process_group=0,  # Ctrl-C is for the supervisor
            )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError), process.stdin:
            # They include the configuration file's settings, so the worker need not read it.
            process.stdin.write(self._settings.model_copy(update={"config": ""}).model_dump_json().encode())
        log.info("worker started", pid=process.pid)
        return Worker(process, pipe)

    def _poll(self, metrics_folder: str) -> None:
        """Reap workers that have ended and kill those that hang."""
        now_s = time.monotonic()
        for worker in list(self._workers):
            status = worker.process.poll()
            if status is not None:
                self._reap(worker, status, metrics_folder)
            elif worker.stop_by_s is not None:
                if now_s > worker.stop_by_s:
                    worker.process.kill()
            elif worker.is_ready and now_s - worker.heartbeat_s > self._heartbeat_timeout_s:
                log.error("worker hangs", pid=worker.process.pid)
                worker.stop_by_s = now_s
                worker.process.kill()

    def _reap(self, worker: Worker, status: int, metrics_folder: str) -> None:
        self._workers.remove(worker)
        worker.pipe.close()
        mark_process_dead(worker.process.pid, metrics_folder)  # type: ignore[no-untyped-call]
        if worker.stop_by_s is not None:
            log.info("worker stopped", pid=worker.process.pid, status=status)
            return
        log.error("worker died", pid=worker.process.pid, status=status)
        self._failures = 0 if worker.is_ready else self._failures + 1
        wait_s = 0.0 if worker.is_ready else min(MAX_BACKOFF_S, 2.0**self._failures)
        self._next_start_s = time.monotonic() + wait_s

    def _recycle(self) -> None:
        """Replace old workers one at a time: each is told to stop once another serves in its place."""
        staying = [worker for worker in self._workers if worker.stop_by_s is None]
        old = [worker for worker in staying if worker.is_old]
        if not old:
            due = next((worker for worker in staying if worker.is_ready and self._is_due(worker)), None)
            if due is not None:
                due.is_old = True
                log.info("worker is being replaced", pid=due.process.pid)
        elif self._n_ready() > self._settings.workers:
            old[0].stop(self._settings.drain_timeout_s)

    def _is_due(self, worker: Worker) -> bool:
        max_age_s, max_bytes = self._settings.worker_max_age_s, self._settings.worker_max_memory_bytes
        if max_age_s and time.monotonic() - worker.started_s > max_age_s:
            return True
        try:
            return bool(max_bytes) and memory_bytes(worker.process.pid) > max_bytes
        except OSError:  # the process has just died
            return False

    def _end(self, metrics_folder: str) -> None:
        """Stop all workers and wait until they have drained; a second signal kills them."""
        for worker in self._workers:
            worker.stop(self._settings.drain_timeout_s)
        while self._workers:
            if self._signals > 1:
                for worker in self._workers:
                    worker.process.kill()
            self._poll(metrics_folder)
            self._wait()


@contextlib.contextmanager
def _bound(settings: Settings) -> Iterator[socket.socket]:
    """Bind a socket to the address of the settings; the workers listen on it once they can serve."""
    if settings.uds:
        with bound_unix_socket(Path(settings.uds).expanduser()) as bound:
            yield bound
        return
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((settings.host, settings.port))
        except OSError as error:
            raise ParaserveError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from None
        yield bound


@contextlib.contextmanager
def _metrics_folder() -> Iterator[str]:
    """Make a folder where all workers keep their metrics, so that each can report the sum of all."""
    folder = tempfile.mkdtemp(prefix="paraserve-metrics-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
