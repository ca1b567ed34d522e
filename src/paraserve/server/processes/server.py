"""The process that serves the application: start, and an end that loses nothing."""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Callable
from functools import partial

import uvicorn
from fastapi import FastAPI

from paraserve import __version__
from paraserve.server.app import create_app, load
from paraserve.server.live.uvicorn_transport import LiveTransport
from paraserve.server.live.websocket_routes import LiveService
from paraserve.server.telemetry.logging import configure_logging
from paraserve.server.telemetry.metrics import Metrics
from paraserve.settings import Settings

FAREWELL_S = 2.0
"""How long closed clients may take to answer the close frame; to leave before could cost them their last result."""
LAST_REQUESTS_S = 0.2
"""What connections that came just before the end have to send their request: uvicorn closes those that sent none."""
FORCED_STOP_S = 1.0
"""What is kept of the time to stop for cancelling what has not ended."""


def serve(settings: Settings) -> int:
    """Load the models, then listen until SIGINT or SIGTERM; returns the exit code.

    Raises:
        ModelLoadError: names the model file or folder at fault; nothing was listened on.
    """
    configure_logging(settings.log_level)
    metrics = Metrics()
    return run_app(create_app(settings, load(settings, metrics), metrics), settings)


def run_app(app: FastAPI, settings: Settings) -> int:
    """Listen until SIGINT or SIGTERM; returns the exit code."""
    server = Server(app, settings)
    # uvicorn, once it has stopped, raises again the signal that stopped it; to have been told to stop is no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.run()
    return 0 if server.started else 1


class Server(uvicorn.Server):
    """Says where it listens once it does, since the system may have chosen the port; drains before it stops."""

    def __init__(
        self, app: FastAPI, settings: Settings, on_listening: Callable[[socket.socket], None] | None = None
    ) -> None:
        super().__init__(_config(app, settings))
        self._app = app
        self._on_listening = on_listening or partial(announce, is_tls=bool(settings.certfile))
        self._drain_timeout_s = settings.drain_timeout_s

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets)
        if self.started:
            self._on_listening(self.servers[0].sockets[0])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Not ready and deaf at once; live sessions get their last results; then uvicorn waits for the uploads.

        uvicorn itself would begin by closing all WebSockets.
        """
        deadline = time.monotonic() + self._drain_timeout_s
        self._app.state.readiness.is_draining = True
        for server in self.servers:
            server.close()
        ending = asyncio.gather(self._end_live_sessions(), asyncio.sleep(LAST_REQUESTS_S))
        while not ending.done() and not self.force_exit and time.monotonic() < deadline:
            await asyncio.wait({ending}, timeout=0.1)
        ending.cancel()
        # uvicorn takes whole seconds by its types, any number by its code.
        self.config.timeout_graceful_shutdown = max(FORCED_STOP_S, deadline - time.monotonic())  # type: ignore[assignment]
        await super().shutdown(sockets)

    async def _end_live_sessions(self) -> None:
        live: LiveService = self._app.state.live
        await live.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                # uvicorn has no event for it.
                while any(isinstance(one, LiveTransport) for one in self.server_state.connections):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)


def announce(listening: socket.socket, *, is_tls: bool) -> None:
    """Say where the server is."""
    host, port = listening.getsockname()[:2]
    address = f"[{host}]" if ":" in host else host
    print(f"paraserve {__version__} listens on http{'s' * is_tls}://{address}:{port}", flush=True)  # noqa: T201


def _config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        ws=LiveTransport,
        ws_max_size=settings.max_frame_bytes,
        ws_ping_interval=settings.ping_interval_s,
        ws_ping_timeout=settings.ping_timeout_s,
        ws_per_message_deflate=False,
        ssl_certfile=settings.certfile or None,
        ssl_keyfile=settings.keyfile or None,
        log_config=None,
        access_log=False,
        server_header=False,
    )
