"""A worker: one of several server processes on one port, under a supervisor.

It gets a listening socket and a pipe to its supervisor. Heartbeats on the pipe say that it is ready and, later, that
its models still answer. When the pipe closes, the supervisor has ended, and the worker stops too.

Run as `python -m paraserve.server.processes.worker LISTEN_FD PIPE_FD`, with the settings as JSON on stdin.
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
from paraserve.server.processes.server import Server
from paraserve.server.telemetry.logging import configure_logging
from paraserve.server.telemetry.metrics import Metrics
from paraserve.settings import Settings

HEARTBEAT = b"."
HEARTBEAT_S = 10.0
"""Interval between two heartbeats; each costs the recognition of a second of audio."""


class WorkerServer(Server):
    """A server that listens on a socket given by its supervisor, and sends heartbeats."""

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
        while True:
            if await self._app.state.readiness.problem() is None:
                with contextlib.suppress(OSError):
                    self._pipe.send(HEARTBEAT)
            await asyncio.sleep(HEARTBEAT_S)

    def _on_supervisor_end(self) -> None:
        """Stop serving. The supervisor never writes, so a readable pipe means that it has ended."""
        asyncio.get_running_loop().remove_reader(self._pipe)
        self.should_exit = True


def run_worker(open_engine: Callable[[Settings, Metrics], Engine]) -> int:
    """Serve until told to stop and return the exit code."""
    listen_fd, pipe_fd = map(int, sys.argv[1:3])
    settings = Settings.model_validate_json(sys.stdin.read())
    configure_logging(settings.log_level)
    metrics = Metrics()
    try:
        engine = open_engine(settings, metrics)
    except ParaserveError as error:
        print(f"paraserve: {error.message}", file=sys.stderr)  # noqa: T201
        return 1
    server = WorkerServer(create_app(settings, engine, metrics), settings, socket.socket(fileno=pipe_fd))
    # As in `server.run_app`.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.run([socket.socket(fileno=listen_fd)])
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(run_worker(load))
