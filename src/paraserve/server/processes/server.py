"""The process that serves the application, and its shutdown, which loses no result."""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import structlog
import uvicorn
from fastapi import FastAPI

from paraserve import __version__
from paraserve.server.access.client_addresses import UNIX, ClientAddresses
from paraserve.server.app import create_app, load
from paraserve.server.live.websocket_routes import LiveService
from paraserve.server.processes.unix_socket import bound_unix_socket
from paraserve.server.telemetry.logging import configure_logging
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.transport.connections import Connections
from paraserve.server.transport.descriptors import connection_limit, raise_descriptor_limit
from paraserve.server.transport.door import Door, tls_context
from paraserve.server.transport.live_transport import LiveTransport
from paraserve.server.transport.upgrades import CountedLiveTransport
from paraserve.settings import Settings

CLOSE_TIMEOUT_S = 2.0
"""Time for clients to answer the close frame; a process that exits earlier could cost them their last result."""
LAST_REQUEST_TIMEOUT_S = 0.2
"""Time for connections accepted just before shutdown to send a request; uvicorn closes those that have sent none."""
CANCEL_TIMEOUT_S = 1.0
"""Least time left to uvicorn for requests that have not ended, before it cancels them."""

log = structlog.get_logger()


def serve(settings: Settings) -> int:
    """Load the models, listen until SIGINT or SIGTERM, and return the exit code.

    Raises:
        ModelLoadError: names the model file or folder at fault; the port was not opened.
    """
    configure_logging(settings.log_level)
    metrics = Metrics()
    return run_app(create_app(settings, load(settings, metrics), metrics), settings)


def run_app(app: FastAPI, settings: Settings) -> int:
    """Listen until SIGINT or SIGTERM and return the exit code."""
    server = Server(app, settings)
    # After its shutdown uvicorn raises the signal that stopped it once more, but a requested stop is no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    with contextlib.ExitStack() as stack:
        path = Path(settings.uds).expanduser()
        server.run([stack.enter_context(bound_unix_socket(path))] if settings.uds else None)
    return 0 if server.started else 1


class Server(uvicorn.Server):
    """A uvicorn server that reports its address once it listens, and drains live sessions before it stops.

    `on_listening` gets the listening socket, whose port the system may have chosen; the default prints the address.
    """

    def __init__(
        self, app: FastAPI, settings: Settings, on_listening: Callable[[socket.socket], None] | None = None
    ) -> None:
        self.door = _door(app, settings)
        super().__init__(_config(app, settings, self.door))
        self._app = app
        self._on_listening = on_listening or partial(announce, is_tls=bool(settings.certfile))
        self._drain_timeout_s = settings.drain_timeout_s

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then call `on_listening`."""
        await super().startup(sockets)
        if self.started:
            self._on_listening(self.servers[0].sockets[0])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, drain live sessions, then let uvicorn wait for uploads.

        Readiness and new connections are refused at once, and live sessions get their last results. uvicorn alone
        would begin by closing all WebSockets.
        """
        deadline = time.monotonic() + self._drain_timeout_s
        self._app.state.readiness.is_draining = True
        for server in self.servers:
            server.close()
        ending = asyncio.gather(self._end_live_sessions(), asyncio.sleep(LAST_REQUEST_TIMEOUT_S))
        while not ending.done() and not self.force_exit and time.monotonic() < deadline:
            await asyncio.wait({ending}, timeout=0.1)
        ending.cancel()
        # uvicorn declares an int but accepts any number.
        self.config.timeout_graceful_shutdown = max(CANCEL_TIMEOUT_S, deadline - time.monotonic())  # type: ignore[assignment]
        await super().shutdown(sockets)

    async def _end_live_sessions(self) -> None:
        live: LiveService = self._app.state.live
        await live.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                # uvicorn has no event for closed connections.
                while any(isinstance(connection, LiveTransport) for connection in self.server_state.connections):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)


def announce(listening: socket.socket, *, is_tls: bool) -> None:
    """Print the address of the server."""
    name = listening.getsockname()
    if isinstance(name, str):
        print(f"paraserve {__version__} listens on unix:{name}", flush=True)  # noqa: T201
        return
    host, port = name[:2]
    address = f"[{host}]" if ":" in host else host
    print(f"paraserve {__version__} listens on http{'s' * is_tls}://{address}:{port}", flush=True)  # noqa: T201


def _config(app: FastAPI, settings: Settings, door: Door) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=cast("Any", door.protocol),
        ws=cast("Any", partial(CountedLiveTransport, refusals=app.state.refusals)),
        ws_max_size=settings.max_frame_bytes,
        ws_ping_interval=settings.ping_interval_s,
        ws_ping_timeout=settings.ping_timeout_s,
        ws_per_message_deflate=False,
        forwarded_allow_ips=[*settings.trusted_proxies, UNIX],
        log_config=None,
        access_log=False,
        server_header=False,
    )


def _door(app: FastAPI, settings: Settings) -> Door:
    """Make the rules for connections. Descriptors come first: they say how many there may be."""
    n_descriptors = raise_descriptor_limit()
    most = connection_limit(n_descriptors, settings)
    per_address = min(settings.max_connections_per_address, max(1, most // 2))
    log.info("connection limits", descriptors=n_descriptors, connections=most, per_address=per_address)
    return Door(
        connections=Connections(most, per_address, ClientAddresses.of(settings.trusted_proxies)),
        refusals=app.state.refusals,
        head_timeout_s=settings.head_timeout_s,
        tls=tls_context(settings.certfile, settings.keyfile) if settings.certfile else None,
        wants_proxy_header=settings.proxy_protocol,
    )
