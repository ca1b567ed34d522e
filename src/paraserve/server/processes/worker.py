"""A worker: a server process under a supervisor.

It gets listening sockets and a pipe to its supervisor. Heartbeats on the pipe say that it is ready and, later, that
its event loop turns and its models answer. Reloads of one worker reach the others by it. When the pipe closes, the
supervisor has ended, and the worker stops too.

Run as `python -m paraserve.server.processes.worker PIPE_FD HTTP_FD... -- WYOMING_FD...`, with settings and flags on
stdin, each a line of JSON.
"""

import asyncio
import atexit
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence

from fastapi import FastAPI

from paraserve.errors import ParaserveError
from paraserve.runtime.engine import Engine
from paraserve.server.app import create_app, load
from paraserve.server.processes.heartbeat import INTERVAL_S, LIMPING, STUCK, WELL, reload_line, split_lines
from paraserve.server.processes.server import Server, handle_signals
from paraserve.server.processes.worker_process import WYOMING_MARK, read_settings
from paraserve.server.readiness import Readiness
from paraserve.server.telemetry.logging import configure_logging
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.shared_figures import WORKER_FAILURES
from paraserve.settings import Settings


class WorkerServer(Server):
    """A server that listens on sockets given by its supervisor, sends heartbeats, and reloads with other workers."""

    def __init__(
        self,
        app: FastAPI,
        settings: Settings,
        pipe: socket.socket,
        wyoming_sockets: Sequence[socket.socket],
    ) -> None:
        super().__init__(app, settings, lambda _: None, wyoming_sockets)
        self._pipe = pipe
        self._watches = False  # its supervisor does
        self._heartbeats: asyncio.Task[None] | None = None
        self._unread = b""
        self._following: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then start the heartbeats."""
        await super().startup(sockets)
        if self.started:
            self.reloader.on_reload = self._tell_supervisor
        self._heartbeats = asyncio.create_task(self._send_heartbeats())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down as `Server` does, then stop the heartbeats."""
        await super().shutdown(sockets)
        if self._heartbeats is not None:
            self._heartbeats.cancel()

    async def _send_heartbeats(self) -> None:
        self._pipe.setblocking(False)  # noqa: FBT003 - the name says what is set
        asyncio.get_running_loop().add_reader(self._pipe, self._on_message)
        readiness: Readiness = self._app.state.readiness
        while not readiness.is_stuck and await readiness.fault() is not None:  # noqa: ASYNC110
            await asyncio.sleep(INTERVAL_S)
        while True:
            health = STUCK if readiness.is_stuck else LIMPING if readiness.n_hung else WELL
            with contextlib.suppress(OSError):
                self._pipe.send(health)
            await asyncio.sleep(INTERVAL_S)

    def _tell_supervisor(self, bundles: Sequence[str], is_for_all: bool) -> None:
        with contextlib.suppress(OSError):
            self._pipe.send(reload_line(bundles, is_for_all=is_for_all))

    def _on_message(self) -> None:
        """Reload as another worker has done. Without its supervisor a worker stops serving."""
        received = b""
        with contextlib.suppress(ConnectionError):
            received = self._pipe.recv(65_536)
        if not received:
            asyncio.get_running_loop().remove_reader(self._pipe)
            self.should_exit = True
            return
        _, lines, self._unread = split_lines(self._unread + received)
        for bundles, _ in lines:
            task = asyncio.create_task(self.reload(bundles))
            self._following.add(task)
            task.add_done_callback(self._following.discard)


def run_worker(open_engine: Callable[[Settings, Metrics], Engine]) -> int:
    """Serve until told to stop and return the exit code."""
    # Until the server handles it. The supervisor reads files again, too, whenever a worker starts.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    mark = sys.argv.index(WYOMING_MARK)
    pipe, *sockets = (socket.socket(fileno=int(fd)) for fd in sys.argv[1:mark])
    wyoming_sockets = [socket.socket(fileno=int(fd)) for fd in sys.argv[mark + 1 :]]
    settings, sources = read_settings(sys.stdin.read())
    configure_logging(settings.log_level, settings.log_format, has_traces=settings.otel)
    metrics = Metrics()
    metrics.worker_failures.set(int(os.environ.get(WORKER_FAILURES, "0")))
    try:
        app = create_app(settings, open_engine(settings, metrics), metrics, sources)
        server = WorkerServer(app, settings, pipe, wyoming_sockets)
        handle_signals(server)
        server.run(sockets)
    except ParaserveError as error:
        print(f"paraserve: {error.message}", file=sys.stderr)  # noqa: T201
        return 1
    return 0 if server.started else 1


if __name__ == "__main__":
    atexit.register(gc.freeze)  # see `paraserve.cli.program`
    sys.exit(run_worker(load))
