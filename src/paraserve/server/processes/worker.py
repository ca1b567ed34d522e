"""One of several server processes on one port: what it does beside serving.

It gets a listening socket and a line to its supervisor, which it tells that it is ready and, as long as its models
answer, that it is well. When the line is closed the supervisor is gone, and so goes the worker.

Run as `python -m paraserve.server.processes.worker LISTEN_FD LINE_FD`, the settings as JSON on stdin.
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

WELL = b"."
BEAT_S = 10.0
"""How often a worker says that it is well; each time costs a second of audio to decode."""


class WorkerServer(Server):
    """Listens on a socket that it was given, and keeps in touch."""

    def __init__(self, app: FastAPI, settings: Settings, line: socket.socket) -> None:
        super().__init__(app, settings, lambda _: None)
        self._line = line
        self._beating: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self._beating = asyncio.create_task(self._beat())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As every server."""
        await super().shutdown(sockets)
        if self._beating is not None:
            self._beating.cancel()

    async def _beat(self) -> None:
        self._line.setblocking(False)  # noqa: FBT003 - the name says what is set
        asyncio.get_running_loop().add_reader(self._line, self._leave)
        while True:
            if await self._app.state.readiness.problem() is None:
                with contextlib.suppress(OSError):
                    self._line.send(WELL)
            await asyncio.sleep(BEAT_S)

    def _leave(self) -> None:
        """The supervisor never says anything: what is there to read is the end."""
        asyncio.get_running_loop().remove_reader(self._line)
        self.should_exit = True


def run_worker(open_engine: Callable[[Settings, Metrics], Engine]) -> int:
    """Serve until told to stop; returns the exit code."""
    listen_fd, line_fd = map(int, sys.argv[1:3])
    settings = Settings.model_validate_json(sys.stdin.read())
    configure_logging(settings.log_level)
    metrics = Metrics()
    try:
        engine = open_engine(settings, metrics)
    except ParaserveError as error:
        print(f"paraserve: {error.message}", file=sys.stderr)  # noqa: T201
        return 1
    server = WorkerServer(create_app(settings, engine, metrics), settings, socket.socket(fileno=line_fd))
    # As in `server.run_app`.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.run([socket.socket(fileno=listen_fd)])
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(run_worker(load))
