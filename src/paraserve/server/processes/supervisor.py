"""The supervisor of the worker processes on one port: it starts them, and replaces those that die, hang or grow old.

All workers accept from the same listening sockets, so connections that wait there survive the end of a worker. The
supervisor itself serves nothing and holds no models.
"""

import contextlib
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from paraserve.errors import ParaserveError
from paraserve.server.access.client_secrets import SIGNING_KEY, new_signing_key
from paraserve.server.processes.grpc_check import check_grpc
from paraserve.server.processes.listening import OnListening, announce, bound, bound_wyoming, say_no_more
from paraserve.server.processes.service_manager import ServiceManager
from paraserve.server.processes.worker_process import ListeningSockets, Worker, cause_of_death, start_worker
from paraserve.server.telemetry.logging import configure_logging
from paraserve.server.telemetry.process_memory import memory_bytes
from paraserve.server.telemetry.shared_figures import MULTIPROCESS_DIR, WORKER_FAILURES, figures_folder, forget_gauges
from paraserve.server.telemetry.tracing.opening import check_tracing
from paraserve.setting_sources import SettingSources, reloaded_settings
from paraserve.settings import Settings

COMMAND = (sys.executable, "-P", "-m", "paraserve.server.processes.worker")
POLL_S = 0.2
"""Interval between two polls of the workers."""
HEARTBEAT_TIMEOUT_S = 30.0
"""A worker without a heartbeat for this long is stopped, or its event loop stands. It is killed."""
STUCK_STOP_S = 8.0
"""Time for a worker whose models do not answer to close its connections."""
PAUSE_S = 5.0
"""A poll that comes so late shows that the supervisor itself stood still, and the workers perhaps with it."""
STEADY_S = 1.0
"""A worker that ends sooner after it became ready has failed to start."""
FREE_RESTARTS = 3
"""Failures in a row after which the next start waits: first a second, then twice as long each time."""
MAX_BACKOFF_S = 30.0

log = structlog.get_logger()


class Supervisor:
    """Runs `settings.workers` processes until SIGINT or SIGTERM. SIGHUP lets them read files again.

    The first worker starts alone: if it does not come up, the others would not either.

    Args:
        settings: passed on to each worker.
        command: starts a worker; gets the descriptors of its pipe and of the listening sockets as arguments.
        heartbeat_timeout_s: see `HEARTBEAT_TIMEOUT_S`.
        sources: where the settings are read again after SIGHUP.
        on_listening: is called with the address when all workers serve for the first time.
    """

    def __init__(
        self,
        settings: Settings,
        command: Sequence[str] = COMMAND,
        heartbeat_timeout_s: float = HEARTBEAT_TIMEOUT_S,
        sources: SettingSources | None = None,
        on_listening: OnListening = say_no_more,
    ) -> None:
        self._settings = settings
        self._on_listening = on_listening
        self._sources = sources or SettingSources.of(settings)
        self._command = command
        self._heartbeat_timeout_s = heartbeat_timeout_s
        self._manager = ServiceManager()
        self._figures: Path | None = None
        self._signing_key = new_signing_key()
        self._wyoming_sockets: Sequence[socket.socket] = ()
        self._workers: list[Worker] = []
        self._has_served = False
        self._failures = 0
        self._n_failed = 0
        self._next_start_s = 0.0
        self._polled_s = time.monotonic()
        self._signals = 0
        self._is_reload_wanted = False
        self._reloaded_s = 0.0

    def run(self) -> int:
        """Start all workers and keep them running; return the exit code: 1 if one of the first did not come up.

        Raises:
            ParaserveError: the server cannot listen on the address.
        """
        configure_logging(self._settings.log_level, self._settings.log_format)
        with contextlib.ExitStack() as stack:
            for number, handler in self._handlers().items():
                signal.signal(number, handler)
            listening = stack.enter_context(bound(self._settings))
            self._wyoming_sockets = stack.enter_context(bound_wyoming(self._settings))
            check_grpc(self._settings)
            check_tracing(self._settings)
            if self._settings.watch:
                stack.callback(self._watch_files())
            if self._settings.is_recycled:
                # One process alone keeps its figures to itself.
                self._figures = stack.enter_context(figures_folder())
            try:
                return self._supervise(listening)
            finally:
                for one in (*listening, *self._wyoming_sockets):
                    one.close()  # so that nobody connects to processes that drain
                self._end()

    def _watch_files(self) -> Callable[[], None]:
        """Begin to watch; return what ends it."""
        from paraserve.server.processes.file_watch import FileWatch  # noqa: PLC0415 - memory that few want to spend

        watch = FileWatch(lambda: self._settings, self._ask_to_reload)
        watch.start()
        return watch.stop

    def _handlers(self) -> dict[signal.Signals, Callable[..., None]]:
        return {
            signal.SIGINT: self._count_signal,
            signal.SIGTERM: self._count_signal,
            signal.SIGHUP: self._ask_to_reload,
            signal.SIGUSR1: lambda *_: None,
            signal.SIGUSR2: lambda *_: None,
        }

    def _supervise(self, listening: Sequence[socket.socket]) -> int:
        while not self._signals:
            self._poll()
            if not self._has_served and self._failures:
                return 1
            self._start_missing(listening)
            if not self._has_served and self._n_serving() == self._settings.workers:
                self._has_served = True
                announce(listening, self._on_listening, is_tls=bool(self._settings.certfile))
                self._manager.ready(self._status())
            self._recycle()
            self._reload()
            self._pass_on_reloads()
            if self._n_serving():
                self._manager.alive()
            self._wait()
        return 0

    def _n_serving(self) -> int:
        return sum(worker.is_serving for worker in self._workers)

    def _status(self) -> str:
        return f"{self._n_serving()} of {self._settings.workers} server processes ready"

    def _count_signal(self, *_: object) -> None:
        self._signals += 1

    def _ask_to_reload(self, *_: object) -> None:
        self._is_reload_wanted = True

    def _reload(self) -> None:
        if not self._is_reload_wanted:
            return
        self._is_reload_wanted = False
        self._manager.reloading()
        for worker in self._workers:
            if worker.is_serving:  # one that starts reads the files of now anyway
                worker.process.send_signal(signal.SIGHUP)
        if self._has_served:
            self._manager.ready(self._status())

    def _pass_on_reloads(self) -> None:
        """Let all workers follow one that an operator has reloaded, and start later ones as it is now."""
        for worker in self._workers:
            for bundles, is_for_all in worker.reloads:
                self._sources = self._sources.with_bundles(bundles)
                self._reloaded_s = time.monotonic()
                with contextlib.suppress(ParaserveError):  # the settings file has changed again since
                    self._settings = reloaded_settings(self._settings, self._sources.read())
                for other in self._workers if is_for_all else ():
                    if other is not worker and other.is_serving:
                        other.reload(bundles)
            worker.reloads.clear()

    def _wait(self) -> None:
        with selectors.DefaultSelector() as selector:
            for worker in self._workers:
                if not worker.is_disconnected:
                    selector.register(worker.pipe, selectors.EVENT_READ)
            selector.select(POLL_S)

    def _start_missing(self, listening: Sequence[socket.socket]) -> None:
        n_wanted = self._settings.workers if self._has_served or self._n_serving() else 1
        n_missing = n_wanted - sum(not worker.is_old and worker.stop_by_s is None for worker in self._workers)
        if time.monotonic() < self._next_start_s:
            return
        environment = {SIGNING_KEY: self._signing_key, WORKER_FAILURES: str(self._n_failed)}
        if self._figures is not None:
            environment[MULTIPROCESS_DIR] = str(self._figures)
        for _ in range(n_missing):
            sockets = ListeningSockets(listening, self._wyoming_sockets)
            self._workers.append(start_worker(self._command, self._settings, self._sources, sockets, environment))

    def _poll(self) -> None:
        """Read heartbeats, reap workers that have ended, and end those that hang."""
        now_s, pause_s = time.monotonic(), time.monotonic() - self._polled_s
        self._polled_s = now_s
        for worker in list(self._workers):
            was_ready = worker.is_serving
            worker.read_heartbeats()
            if worker.is_serving and not was_ready:
                log.info("worker started", pid=worker.process.pid, took_s=round(now_s - worker.started_s, 1))
                if worker.started_s < self._reloaded_s:
                    worker.reload(())
            if pause_s > PAUSE_S:
                worker.heartbeat_s = now_s
            status = worker.process.poll()
            if status is not None:
                self._reap(worker, status)
            elif worker.stop_by_s is not None:
                if now_s > worker.stop_by_s:
                    worker.kill()
            else:
                self._check(worker, now_s)
        _reap_orphans({worker.process.pid for worker in self._workers})

    def _check(self, worker: Worker, now_s: float) -> None:
        pid = worker.process.pid
        if worker.ready_s is not None and now_s - worker.heartbeat_s > self._heartbeat_timeout_s:
            log.error("worker hangs", pid=pid, silent_s=round(now_s - worker.heartbeat_s, 1))
            self._n_failed += 1
            worker.kill()
        elif worker.is_stuck:
            log.error("worker is stuck", pid=pid)
            self._n_failed += not worker.is_old
            self._failures += worker.ready_s is None
            worker.stop(STUCK_STOP_S)
        elif worker.is_limping and not worker.is_old:
            log.error("worker has a model run that hangs, and is being replaced", pid=pid)
            self._n_failed += 1
            worker.is_old = True

    def _reap(self, worker: Worker, status: int) -> None:
        self._workers.remove(worker)
        worker.pipe.close()
        if self._figures is not None:
            forget_gauges(self._figures, worker.process.pid)
        if worker.stop_by_s is not None:
            log.info("worker stopped", pid=worker.process.pid, status=status)
            return
        self._n_failed += 1
        is_steady = worker.ready_s is not None and time.monotonic() - worker.ready_s > STEADY_S
        self._failures = 0 if is_steady else self._failures + 1
        wait_s = min(MAX_BACKOFF_S, 2.0 ** (self._failures - FREE_RESTARTS - 1))
        wait_s = wait_s if self._failures > FREE_RESTARTS else 0.0
        self._next_start_s = time.monotonic() + wait_s
        if status > 0 and not self._has_served:
            return  # it has said why
        facts = {"reason": cause_of_death(status), "failures": self._failures, "next_start_in_s": wait_s}
        log.error("worker died", pid=worker.process.pid, status=status, **facts)

    def _recycle(self) -> None:
        """Replace old workers one at a time: each is told to stop once another serves in its place."""
        staying = [worker for worker in self._workers if worker.stop_by_s is None]
        old = [worker for worker in staying if worker.is_old]
        if not old:
            due = next((worker for worker in staying if worker.is_serving and self._is_due(worker)), None)
            if due is not None:
                due.is_old = True
                log.info("worker is being replaced", pid=due.process.pid)
        elif self._n_serving() > self._settings.workers:
            old[0].stop(self._settings.drain_timeout_s)

    def _is_due(self, worker: Worker) -> bool:
        max_age_s, max_bytes = self._settings.worker_max_age_s, self._settings.worker_max_memory_bytes
        if max_age_s and time.monotonic() - worker.started_s > max_age_s:
            return True
        try:
            return bool(max_bytes) and memory_bytes(worker.process.pid) > max_bytes
        except OSError:  # the process has just died
            return False

    def _end(self) -> None:
        """Stop all workers and wait until they have drained; a second signal kills them."""
        self._manager.stopping()
        for worker in self._workers:
            worker.stop(self._settings.drain_timeout_s)
        while self._workers:
            if self._signals > 1:
                for worker in self._workers:
                    worker.kill()
            self._poll()
            self._wait()


def _reap_orphans(workers: set[int]) -> None:
    """As the first process of a container, bury what workers that were killed have left behind."""
    if os.getpid() != 1:
        return
    with contextlib.suppress(ChildProcessError):
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is not None and ended.si_pid not in workers:
            os.waitpid(ended.si_pid, 0)
