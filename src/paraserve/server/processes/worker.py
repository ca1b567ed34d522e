"""A worker: a server process under a supervisor.

It gets listening sockets and a pipe to its supervisor. Heartbeats on the pipe say that it is ready and, later, that
its event loop turns and its models answer. When the pipe closes, the supervisor has ended, and the worker stops too.

Run as `python -m paraserve.server.processes.worker PIPE_FD LISTEN_FD...`, with the settings as JSON on stdin.
"""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable

from fastapi import FastAPI

from paraserve.errors import ParaserveError
from paraserve.runtime.engine import Engine
from paraserve.server.app import create_app, load
from paraserve.server.processes.heartbeat import INTERVAL_S, LIMPING, STUCK, WELL
from paraserve.server.processes.server import Server, handle_signals
from paraserve.server.readiness import Readiness
from paraserve.server.telemetry.logging import configure_logging
from paraserve.server.telemetry.metrics import Metrics
from paraserve.settings import Settings


class WorkerServer(Server):
    """A server that listens on sockets given by its supervisor, and sends heartbeats."""

    def __init__(self, app: FastAPI, settings: Settings, pipe: socket.socket) -> None:
        super().__init__(app, settings, lambda _: None)
        self._pipe = pipe
        self._heartbeats: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then start the heartbeats."""
        await super().startup(sockets)
        self._heartbeats = asyncio.create_task(self._send_heartbeats())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down as `Server` does, then stop the heartbeats."""
        await super().shutdown(sockets)
        if self._heartbeats is not None:
            self._heartbeats.cancel()

    async def _send_heartbeats(self) -> None:
        self._pipe.setblocking(False)  # noqa: FBT003 - the name says what is set
        asyncio.get_running_loop().add_reader(self._pipe, self._on_supervisor_end)
        readiness: Readiness = self._app.state.readiness
        while not readiness.is_stuck and await readiness.problem() is not None:  # noqa: ASYNC110
            await asyncio.sleep(INTERVAL_S)
        while True:
            health = STUCK if readiness.is_stuck else LIMPING if readiness.n_hung else WELL
            with contextlib.suppress(OSError):
                self._pipe.send(health)
            await asyncio.sleep(INTERVAL_S)

    def _on_supervisor_end(self) -> None:
        """Stop serving. The supervisor never writes, so a readable pipe means that it has ended."""
        asyncio.get_running_loop().remove_reader(self._pipe)
        self.should_exit = True


def run_worker(open_engine: Callable[[Settings, Metrics], Engine]) -> int:
    """Serve until told to stop and return the exit code."""
    # Until the server handles it. The supervisor reads files again, too, whenever a worker starts.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    pipe_fd, *listen_fds = map(int, sys.argv[1:])
    settings = Settings.model_validate_json(sys.stdin.read())
    configure_logging(settings.log_level)
    metrics = Metrics()
    try:
        app = create_app(settings, open_engine(settings, metrics), metrics)
    except ParaserveError as error:
        print(f"paraserve: {error.message}", file=sys.stderr)  # noqa: T201
        return 1
    server = WorkerServer(app, settings, socket.socket(fileno=pipe_fd))
    handle_signals(server)
    server.run([socket.socket(fileno=fd) for fd in listen_fds])
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(run_worker(load))
