"""The web application and the process that serves it."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from paraserve import __version__
from paraserve.compose import open_decode_pool, open_engine
from paraserve.runtime.decode_pool import DecodePool
from paraserve.runtime.engine import Engine
from paraserve.runtime.offline import FileLimits
from paraserve.server.failures import add_error_handlers
from paraserve.server.health import Readiness, health_router
from paraserve.server.http import Admission, UploadService, upload_router
from paraserve.server.observe import Metrics, RequestLog, configure_logging
from paraserve.server.uploads import UploadLimits
from paraserve.settings import Settings


def create_app(settings: Settings, engine: Engine | None = None) -> FastAPI:
    """The application. Without an engine it opens one from the settings at start-up; it closes either at the end."""
    readiness, metrics = Readiness(), Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opened = engine if engine is not None else await asyncio.to_thread(open_engine, settings)
        pool = open_decode_pool(settings)
        app.state.uploads = _upload_service(settings, opened, pool, metrics)
        readiness.engine = opened
        try:
            yield
        finally:
            readiness.engine = app.state.uploads = None
            await pool.close()
            await opened.close()

    app = FastAPI(title="paraserve", version=__version__, lifespan=lifespan, redoc_url=None)
    app.state.uploads = None
    app.add_middleware(RequestLog, metrics=metrics)
    app.include_router(upload_router())
    app.include_router(health_router(readiness, metrics, settings))
    add_error_handlers(app)
    return app


def serve(settings: Settings) -> int:
    """Load the models, then listen until SIGINT or SIGTERM; returns the exit code.

    Raises:
        ModelLoadError: names the model file or folder at fault; nothing was listened on.
    """
    configure_logging(settings.log_level)
    config = uvicorn.Config(
        create_app(settings, open_engine(settings)),
        host=settings.host,
        port=settings.port,
        ssl_certfile=settings.certfile or None,
        ssl_keyfile=settings.keyfile or None,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=round(settings.drain_timeout_s),
    )
    server = _Server(config)
    # uvicorn, once it has stopped, raises again the signal that stopped it; to have been told to stop is no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.run()
    return 0 if server.started else 1


class _Server(uvicorn.Server):
    """Says where it listens once it does, since the system may have chosen the port."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            scheme = "https" if self.config.is_ssl else "http"
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            address = f"[{host}]" if ":" in host else host
            print(f"paraserve {__version__} listens on {scheme}://{address}:{port}", flush=True)  # noqa: T201


def _upload_service(settings: Settings, engine: Engine, pool: DecodePool, metrics: Metrics) -> UploadService:
    return UploadService(
        engine=engine,
        pool=pool,
        upload_limits=UploadLimits(settings.max_upload_bytes, settings.upload_idle_timeout_s),
        file_limits=FileLimits(settings.max_duration_s * 1000, settings.merge_ms),
        admission=Admission(settings.max_uploads, metrics.uploads),
        audio_seconds=metrics.audio_seconds,
        is_strict=settings.protocol == "strict",
    )
