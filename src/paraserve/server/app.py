"""The web application."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from paraserve import __version__
from paraserve.runtime.engine import Engine
from paraserve.server.access.admission import ServerLimits
from paraserve.server.access.authentication import KeyCheck
from paraserve.server.error_responses import add_error_handlers
from paraserve.server.http.health import health_router
from paraserve.server.http.page import page_router
from paraserve.server.http.uploads import upload_router
from paraserve.server.live.live_limit import live_limit
from paraserve.server.live.websocket_routes import live_router
from paraserve.server.readiness import Readiness
from paraserve.server.services import SharedServices, live_service, open_access, upload_service
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.request_log import RequestLog
from paraserve.server.telemetry.sampler import monitor
from paraserve.settings import Settings
from paraserve.wiring import open_decode_pool, open_engine


def create_app(settings: Settings, engine: Engine | None = None, metrics: Metrics | None = None) -> FastAPI:
    """The application. Without an engine it opens one from the settings at start-up; it closes either at the end.

    `metrics` are those that the engine reports to, where it is given.
    """
    metrics = metrics or Metrics()
    readiness, access = Readiness(metrics), open_access(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opened = engine if engine is not None else await asyncio.to_thread(load, settings, metrics)
        max_live = await live_limit(settings, opened)
        metrics.live_limit.set(max_live)
        pool = open_decode_pool(settings)
        pool.start()
        door = ServerLimits(settings.max_per_key, settings.max_memory_bytes)
        means = SharedServices(opened, pool, metrics, access, door)
        app.state.uploads = upload_service(settings, means)
        app.state.live = live_service(settings, means, max_live)
        readiness.engine = opened
        metrics.models_loaded.set(1)
        watching = asyncio.create_task(monitor(opened, metrics))
        try:
            with _long_lived():
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
    app.include_router(upload_router(is_strict=settings.protocol == "strict"))
    app.include_router(health_router(readiness, metrics, settings))
    app.include_router(page_router())
    app.include_router(live_router())
    add_error_handlers(app)
    return app


@contextmanager
def _long_lived() -> Iterator[None]:
    """What is there now stays: the garbage collector need not look at it, which takes 20 ms and stops all threads."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def load(settings: Settings, metrics: Metrics) -> Engine:
    """An engine that reports to the metrics; blocks for a second or more.

    Raises:
        ModelLoadError: names the model file or folder at fault.
    """
    with metrics.loading():
        return open_engine(settings, metrics.batch)
