"""The web application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from paraserve import __version__
from paraserve.compose import available_cpus, open_decode_pool, open_engine
from paraserve.runtime.decode_pool import DecodePool
from paraserve.runtime.engine import Engine
from paraserve.runtime.offline import FileLimits
from paraserve.server.access import Access, KeyCheck
from paraserve.server.admission import Admission
from paraserve.server.conversation import Recognition
from paraserve.server.failures import add_error_handlers
from paraserve.server.health import health_router
from paraserve.server.http import UploadService, upload_router
from paraserve.server.keys import KeyRing
from paraserve.server.live_connection import LiveLimits
from paraserve.server.metrics import Metrics
from paraserve.server.monitor import monitor
from paraserve.server.observe import RequestLog
from paraserve.server.page import page_router
from paraserve.server.readiness import Readiness
from paraserve.server.traces import Tracing
from paraserve.server.uploads import UploadLimits
from paraserve.server.websocket import LiveService, live_router
from paraserve.server.wire_live import Flavour
from paraserve.settings import Settings

LIVE_PER_CPU = 8
"""Live connections that are let in for each CPU where the operator does not say: twice those that it can serve while
all of them speak, since people also listen."""


def create_app(settings: Settings, engine: Engine | None = None, metrics: Metrics | None = None) -> FastAPI:
    """The application. Without an engine it opens one from the settings at start-up; it closes either at the end.

    `metrics` are those that the engine reports to, where it is given.
    """
    metrics = metrics or Metrics()
    readiness, access = Readiness(metrics), _access(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opened = engine if engine is not None else await asyncio.to_thread(load, settings, metrics)
        pool = open_decode_pool(settings)
        app.state.uploads = _upload_service(settings, opened, pool, metrics)
        app.state.live = _live_service(settings, opened, pool, metrics, access)
        readiness.engine = opened
        metrics.models_loaded.set(1)
        watching = asyncio.create_task(monitor(opened, metrics))
        try:
            yield
        finally:
            app.state.uploads = app.state.live = None
            watching.cancel()
            await asyncio.wait({watching})
            metrics.models_loaded.set(0)
            await readiness.close()
            await pool.close()
            await opened.close()

    app = FastAPI(title="paraserve", version=__version__, lifespan=lifespan, redoc_url=None)
    app.state.readiness = readiness
    app.state.uploads = app.state.live = None
    # The last one added is the first to see a request.
    app.add_middleware(KeyCheck, access=access)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["X-Request-Id", "Retry-After"],
        )
    app.add_middleware(RequestLog, metrics=metrics)
    app.include_router(upload_router())
    app.include_router(health_router(readiness, metrics, settings))
    app.include_router(page_router())
    app.include_router(live_router())
    add_error_handlers(app)
    return app


def load(settings: Settings, metrics: Metrics) -> Engine:
    """An engine that reports to the metrics; blocks for a second or more.

    Raises:
        ModelLoadError: names the model file or folder at fault.
    """
    with metrics.loading():
        return open_engine(settings, metrics.batch)


def _access(settings: Settings) -> Access:
    keys = KeyRing(Path(settings.api_keys_file).expanduser()) if settings.api_keys_file else None
    return Access(keys, settings.ws_origins)


def _upload_service(settings: Settings, engine: Engine, pool: DecodePool, metrics: Metrics) -> UploadService:
    return UploadService(
        engine=engine,
        pool=pool,
        upload_limits=UploadLimits(settings.max_upload_bytes, settings.upload_idle_timeout_s),
        file_limits=_file_limits(settings),
        admission=Admission(settings.max_uploads, "uploads", metrics.uploads),
        metrics=metrics,
        tracing=_tracing(settings),
        is_strict=settings.protocol == "strict",
    )


def _live_service(
    settings: Settings, engine: Engine, pool: DecodePool, metrics: Metrics, access: Access
) -> LiveService:
    recognition = Recognition(
        engine=engine,
        pool=pool,
        flavour=Flavour(is_offline=settings.mode == "offline", is_strict=settings.protocol == "strict"),
        file_limits=_file_limits(settings),
        max_upload_bytes=settings.max_upload_bytes,
        metrics=metrics,
    )
    return LiveService(
        recognition=recognition,
        admission=Admission(settings.max_live or LIVE_PER_CPU * available_cpus(), "live sessions", metrics.live),
        limits=LiveLimits(settings.max_session_s, settings.send_timeout_s),
        metrics=metrics,
        access=access,
        tracing=_tracing(settings),
    )


def _tracing(settings: Settings) -> Tracing:
    return Tracing(settings.slow_request_s, settings.slow_result_s, settings.log_transcripts)


def _file_limits(settings: Settings) -> FileLimits:
    return FileLimits(settings.max_duration_s * 1000, settings.merge_ms)
