"""Several server processes on one port, and the supervisor that keeps them: starts, replaces and recycles.

All accept from one listening socket: what waits there is served by whoever is left when one goes. The supervisor
itself serves nothing and holds no models.
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

import structlog
from prometheus_client.multiprocess import mark_process_dead

from paraserve.errors import ParaserveError
from paraserve.server.processes.server import announce
from paraserve.server.telemetry.logging import configure_logging
from paraserve.server.telemetry.metrics import MULTIPROCESS_DIR
from paraserve.server.telemetry.sampler import memory_bytes
from paraserve.settings import Settings

COMMAND = (sys.executable, "-P", "-m", "paraserve.server.processes.worker")
LOOK_S = 0.2
"""How often the supervisor looks after its workers."""
SILENCE_S = 60.0
"""A worker that was not well for so long hangs, and is killed."""
KILL_AFTER_S = 10.0
"""What a worker that was told to stop gets beyond its own time to drain."""
LONGEST_WAIT_S = 30.0
"""Between attempts to start a worker that does not come up."""

log = structlog.get_logger()


@dataclass(slots=True)
class Worker:
    """A server process and our end of its line. `is_old`: to be replaced; `leave_by_s`: was told to stop by then."""

    process: "subprocess.Popen[bytes]"
    line: socket.socket
    started_s: float = field(default_factory=time.monotonic)
    well_s: float = 0.0
    is_ready: bool = False
    is_mute: bool = False
    is_old: bool = False
    leave_by_s: float | None = None

    def listen(self) -> None:
        """Note what it says of itself."""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            if self.line.recv(4096):
                self.is_ready, self.well_s = True, time.monotonic()
            else:
                self.is_mute = True

    def stop(self, within_s: float) -> None:
        """Tell it to stop, once."""
        if self.leave_by_s is None:
            self.leave_by_s = time.monotonic() + within_s + KILL_AFTER_S
            self.process.terminate()


class Supervisor:
    """Runs `settings.workers` processes until SIGINT or SIGTERM. `command` is what a worker is.

    The first starts alone: where it does not come up, the others would not either.
    """

    def __init__(self, settings: Settings, command: Sequence[str] = COMMAND, silence_s: float = SILENCE_S) -> None:
        self._settings = settings
        self._command = command
        self._silence_s = silence_s
        self._workers: list[Worker] = []
        self._has_served = False
        self._failures = 0
        self._next_start_s = 0.0
        self._signals = 0

    def run(self) -> int:
        """Start all workers, then look after them; returns the exit code: 1 if one of the first did not come up.

        Raises:
            ParaserveError: the address cannot be listened on.
        """
        configure_logging(self._settings.log_level)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._count_signal)
        with _bound(self._settings) as listening, _figures_folder() as figures:
            try:
                return self._supervise(listening, figures)
            finally:
                self._end(figures)

    def _supervise(self, listening: socket.socket, figures: str) -> int:
        while not self._signals:
            self._look(figures)
            if not self._has_served and self._failures:
                return 1
            self._start_missing(listening, figures)
            if not self._has_served and self._n_ready() == self._settings.workers:
                self._has_served = True
                announce(listening, is_tls=bool(self._settings.certfile))
            self._recycle()
            self._wait()
        return 0

    def _n_ready(self) -> int:
        return sum(worker.is_ready and worker.leave_by_s is None for worker in self._workers)

    def _count_signal(self, *_: object) -> None:
        self._signals += 1

    def _wait(self) -> None:
        with selectors.DefaultSelector() as selector:
            for worker in self._workers:
                if not worker.is_mute:
                    selector.register(worker.line, selectors.EVENT_READ)
            selector.select(LOOK_S)
        for worker in self._workers:
            worker.listen()

    def _start_missing(self, listening: socket.socket, figures: str) -> None:
        n_wanted = self._settings.workers if self._has_served or self._n_ready() else 1
        n_missing = n_wanted - sum(not worker.is_old and worker.leave_by_s is None for worker in self._workers)
        if time.monotonic() >= self._next_start_s:
            self._workers.extend(self._start(listening, figures) for _ in range(n_missing))

    def _start(self, listening: socket.socket, figures: str) -> Worker:
        line, theirs = socket.socketpair()
        line.setblocking(False)  # noqa: FBT003 - the name says what is set
        with theirs:
            descriptors = (listening.fileno(), theirs.fileno())
            process = subprocess.Popen(  # noqa: S603 - our own module
                [*self._command, *map(str, descriptors)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=descriptors,
                env={**os.environ, MULTIPROCESS_DIR: figures},
                process_group=0,  # Ctrl-C is for the supervisor
            )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError), process.stdin:
            # The file's settings are among them.
            process.stdin.write(self._settings.model_copy(update={"config": ""}).model_dump_json().encode())
        log.info("worker started", pid=process.pid)
        return Worker(process, line)

    def _look(self, figures: str) -> None:
        """Bury the dead, kill those that hang."""
        now_s = time.monotonic()
        for worker in list(self._workers):
            status = worker.process.poll()
            if status is not None:
                self._bury(worker, status, figures)
            elif worker.leave_by_s is not None:
                if now_s > worker.leave_by_s:
                    worker.process.kill()
            elif worker.is_ready and now_s - worker.well_s > self._silence_s:
                log.error("worker hangs", pid=worker.process.pid)
                worker.leave_by_s = now_s
                worker.process.kill()

    def _bury(self, worker: Worker, status: int, figures: str) -> None:
        self._workers.remove(worker)
        worker.line.close()
        mark_process_dead(worker.process.pid, figures)  # type: ignore[no-untyped-call]
        if worker.leave_by_s is not None:
            log.info("worker stopped", pid=worker.process.pid, status=status)
            return
        log.error("worker died", pid=worker.process.pid, status=status)
        self._failures = 0 if worker.is_ready else self._failures + 1
        wait_s = 0.0 if worker.is_ready else min(LONGEST_WAIT_S, 2.0**self._failures)
        self._next_start_s = time.monotonic() + wait_s

    def _recycle(self) -> None:
        """One at a time: an old worker is told to stop once another serves in its place."""
        staying = [worker for worker in self._workers if worker.leave_by_s is None]
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
        except OSError:  # it has just died
            return False

    def _end(self, figures: str) -> None:
        """All workers drain and end; a second signal does not wait for it."""
        for worker in self._workers:
            worker.stop(self._settings.drain_timeout_s)
        while self._workers:
            if self._signals > 1:
                for worker in self._workers:
                    worker.process.kill()
            self._look(figures)
            self._wait()


@contextlib.contextmanager
def _bound(settings: Settings) -> Iterator[socket.socket]:
    """A socket at the address of the settings; the workers listen on it once they can serve."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((settings.host, settings.port))
        except OSError as error:
            raise ParaserveError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from None
        yield bound


@contextlib.contextmanager
def _figures_folder() -> Iterator[str]:
    """Where the workers keep their figures, so that any of them can add up all."""
    folder = tempfile.mkdtemp(prefix="paraserve-metrics-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
