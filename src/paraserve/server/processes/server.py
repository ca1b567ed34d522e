"""The process that serves the application, and its shutdown, which loses no result."""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import structlog
import uvicorn
from fastapi import FastAPI

from paraserve.errors import ReloadError, ShuttingDownError
from paraserve.runtime.engine import Engine
from paraserve.server.access.client_addresses import UNIX, ClientAddresses
from paraserve.server.app import create_app, load
from paraserve.server.jobs.job_service import JobService
from paraserve.server.live.websocket_routes import LiveService
from paraserve.server.processes.grpc_check import check_grpc
from paraserve.server.processes.listeners import Listener, open_listeners
from paraserve.server.processes.listening import OnListening, announce, bound, bound_wyoming, say_no_more
from paraserve.server.processes.service_manager import ServiceManager
from paraserve.server.reloading import Reloader
from paraserve.server.telemetry.logging import configure_logging
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.tracing.opening import check_tracing
from paraserve.server.transport.connections import Connections
from paraserve.server.transport.descriptors import connection_limit, raise_descriptor_limit
from paraserve.server.transport.door import Door, tls_context
from paraserve.server.transport.live_transport import LiveTransport
from paraserve.server.transport.upgrades import CountedLiveTransport
from paraserve.setting_sources import SettingSources
from paraserve.settings import Settings

CLOSE_TIMEOUT_S = 2.0
"""Time for clients to answer the close frame; a process that exits earlier could cost them their last result."""
LAST_REQUEST_TIMEOUT_S = 0.2
"""Time for connections accepted just before shutdown to send a request; uvicorn closes those that have sent none."""
CANCEL_TIMEOUT_S = 1.0
"""Time for requests and sessions that did not end in time to send their errors, before they are cancelled."""
CLOSING_S, CLOSING_SHARE = 3.0, 0.1
"""The part of the drain timeout for that and for the end of the process, in seconds at most, and as a share."""

log = structlog.get_logger()


def serve(settings: Settings, sources: SettingSources, on_listening: OnListening = say_no_more) -> int:
    """Load the models, listen until SIGINT or SIGTERM, and return the exit code.

    A reload reads the settings again from `sources`. `on_listening` is called with the address.

    Raises:
        ParaserveError: the port is taken, or a model file or folder cannot be used, which the message names.
    """
    configure_logging(settings.log_level, settings.log_format, has_traces=settings.otel)
    metrics = Metrics()
    with bound(settings) as sockets, bound_wyoming(settings) as wyoming:
        check_grpc(settings)
        check_tracing(settings)
        app = create_app(settings, load(settings, metrics), metrics, sources)
        return run_app(app, settings, sockets, wyoming, on_listening)


def run_app(
    app: FastAPI,
    settings: Settings,
    sockets: list[socket.socket] | None = None,
    wyoming_sockets: Sequence[socket.socket] = (),
    on_listening: OnListening = say_no_more,
) -> int:
    """Listen until SIGINT or SIGTERM and return the exit code. Without `sockets` it binds those of the settings."""
    telling = partial(announce, on_listening=on_listening, is_tls=bool(settings.certfile))
    server = Server(app, settings, telling, wyoming_sockets)
    handle_signals(server)
    server.run(sockets)
    return 0 if server.started else 1


def handle_signals(server: "Server") -> None:
    """Let SIGHUP read files again, and make nothing of other signals that would end a process without draining.

    uvicorn handles SIGINT and SIGTERM. After its shutdown it raises the signal that stopped it once more, but a
    requested stop is no failure.
    """
    signal.signal(signal.SIGHUP, lambda *_: server.ask_to_reload())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, lambda *_: None)


class Server(uvicorn.Server):
    """A uvicorn server that reports its address once it listens, and drains live sessions before it stops.

    `on_listening` gets the listening sockets, whose port the system may have chosen.
    `wyoming_sockets` are those for clients of the Wyoming protocol.
    """

    def __init__(
        self,
        app: FastAPI,
        settings: Settings,
        on_listening: Callable[[Sequence[socket.socket]], None] = lambda _: None,
        wyoming_sockets: Sequence[socket.socket] = (),
    ) -> None:
        self.door = _door(app, settings)
        super().__init__(_config(app, settings, self.door))
        self._app = app
        self._on_listening = on_listening
        self._settings = settings
        self._wyoming_sockets = wyoming_sockets
        self._listeners: Sequence[Listener] = ()
        self._drain_timeout_s = settings.drain_timeout_s
        self._watches = settings.watch
        self._stop_watching: Callable[[], None] = lambda: None
        self._is_reload_wanted = False
        self._reloading: asyncio.Task[None] | None = None
        self._manager = ServiceManager()

    def ask_to_reload(self) -> None:
        """Read settings, models, API keys and certificate again, in a moment. May be called by a signal or thread."""
        self._is_reload_wanted = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then call `on_listening`."""
        await super().startup(sockets)
        if self.started:
            self.reloader.tls = self.door.tls
            self._listeners = await open_listeners(
                self._app, self._settings, self._wyoming_sockets, self.door.connections
            )
            if self._watches:
                self._watch_files()
            self._on_listening(self.servers[0].sockets)
            self._manager.ready("serving")

    async def on_tick(self, counter: int) -> bool:
        """Run ten times a second: reload if asked to, and report to the service manager."""
        if self._is_reload_wanted and self._reloading is None:
            self._is_reload_wanted = False
            self._reloading = asyncio.create_task(self.reload())
        if not self._app.state.readiness.is_stuck:
            self._manager.alive()
        return await super().on_tick(counter)

    def _watch_files(self) -> None:
        from paraserve.server.processes.file_watch import FileWatch  # noqa: PLC0415 - memory that few want to spend

        watch = FileWatch(lambda: self.reloader.settings, self.ask_to_reload)
        watch.start()
        self._stop_watching = watch.stop

    @property
    def reloader(self) -> Reloader:
        """What reads everything again, once the server has started."""
        reloader: Reloader = self._app.state.reloader
        return reloader

    async def reload(self, bundles: Sequence[str] = ()) -> None:
        """Read everything again. If anything cannot be used, it is logged, and all stays as it was."""
        self._manager.reloading()
        try:
            with contextlib.suppress(ReloadError):  # it has been logged, and all stays as it was
                await self.reloader.reload(bundles)
        finally:
            self._reloading = None
            self._manager.ready("serving")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, drain live sessions, then let uvicorn wait for uploads.

        Readiness and new connections are refused at once, and live sessions get their last results. uvicorn alone
        would begin by closing all WebSockets. Who still waits for a model when the time is over gets an error.
        """
        self._manager.stopping()
        await asyncio.to_thread(self._stop_watching)
        closing_s = min(CLOSING_S, self._drain_timeout_s * CLOSING_SHARE)
        deadline = time.monotonic() + self._drain_timeout_s - closing_s
        self._app.state.readiness.is_draining = True
        for server in self.servers:
            server.close()
        for listening in sockets or ():
            listening.close()
        for listener in self._listeners:
            await listener.stop_accepting()
        ending = asyncio.gather(
            self._end_live_sessions(), self._release_jobs(), asyncio.sleep(LAST_REQUEST_TIMEOUT_S)
        )
        while not ending.done() and not self.force_exit and time.monotonic() < deadline:
            await asyncio.wait({ending}, timeout=0.1)
        giving_up = asyncio.create_task(self._give_up(deadline))
        if not self.force_exit:
            await asyncio.wait({ending}, timeout=CANCEL_TIMEOUT_S)
        ending.cancel()
        # uvicorn declares an int but accepts any number.
        left_s = max(0.0, deadline - time.monotonic()) + CANCEL_TIMEOUT_S
        closing = [asyncio.create_task(listener.close(left_s)) for listener in self._listeners]
        self.config.timeout_graceful_shutdown = left_s  # type: ignore[assignment]
        await super().shutdown(sockets)
        await asyncio.gather(*closing)
        giving_up.cancel()

    async def _give_up(self, deadline: float) -> None:
        """At the deadline, answer all who wait for a model."""
        await asyncio.sleep(max(0.0, deadline - time.monotonic()))
        engine: Engine | None = self._app.state.readiness.engine
        if engine is not None:
            engine.abandon(ShuttingDownError, "the server is shutting down")

    async def _release_jobs(self) -> None:
        """Leave jobs in progress to another process. What is recognized of them is kept."""
        jobs: JobService | None = self._app.state.jobs
        if jobs is not None:
            await jobs.drain()

    async def _end_live_sessions(self) -> None:
        live: LiveService = self._app.state.live
        await live.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                # uvicorn has no event for closed connections.
                while any(isinstance(connection, LiveTransport) for connection in self.server_state.connections):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)


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
