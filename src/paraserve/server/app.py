"""The web application: routes and middleware around an engine."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

import structlog
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from paraserve import __version__
from paraserve.job_setting_checks import check_job_settings
from paraserve.operator_redaction import OperatorRedaction, read_redaction
from paraserve.runtime.engine import Engine
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.server.access.admission import ServerLimits
from paraserve.server.access.authentication import Access, KeyCheck
from paraserve.server.access.client_addresses import ClientAddresses
from paraserve.server.access.hosts import HostCheck
from paraserve.server.access.memory_guard import MemoryGuard
from paraserve.server.access.security_headers import SecurityHeaders
from paraserve.server.access.usage import UsageWriter
from paraserve.server.admin.model_routes import admin_models_router
from paraserve.server.admin.reload_route import admin_router
from paraserve.server.error_responses import add_error_handlers
from paraserve.server.http.api_description import DESCRIPTION, TAGS, description_router
from paraserve.server.http.health import health_router
from paraserve.server.http.page import page_router
from paraserve.server.http.plain_paths import PlainPaths
from paraserve.server.http.realtime_routes import realtime_router
from paraserve.server.http.uploads import upload_router
from paraserve.server.http.warnings_header import CACHE_HEADER, NOTICE_HEADER, QUALITY_HEADER, WARNINGS_HEADER
from paraserve.server.jobs.event_routes import event_router
from paraserve.server.jobs.job_routes import job_router
from paraserve.server.jobs.result_routes import result_router
from paraserve.server.jobs.submit_route import REPLAYED, submit_router
from paraserve.server.jobs.tus.tus_descriptions import TUS_HEADERS
from paraserve.server.jobs.tus.tus_routes import tus_router
from paraserve.server.jobs.tus.upload_sweep import sweep_uploads
from paraserve.server.live.live_limit import live_limit, live_rating
from paraserve.server.live.websocket_routes import live_route
from paraserve.server.readiness import Readiness
from paraserve.server.reloading import Reloader
from paraserve.server.services import (
    SharedServices,
    host_rules,
    job_service,
    live_service,
    open_access,
    pull_service,
    status_service,
    upload_service,
    usage_store,
    written_folders,
)
from paraserve.server.shared_stores import SharedStores, check_stores, open_stores
from paraserve.server.status.status_routes import status_router
from paraserve.server.status.worker_sockets import answering
from paraserve.server.telemetry.gpu_metrics import sample_gpus
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.recent_errors import RecentErrors
from paraserve.server.telemetry.refusals import Refusals
from paraserve.server.telemetry.request_log import RequestLog
from paraserve.server.telemetry.sampler import sample, sample_disks, sample_history, sample_jobs
from paraserve.server.telemetry.timelines import Timelines
from paraserve.server.telemetry.tracing.opening import open_tracer
from paraserve.server.watchdog import Watchdog
from paraserve.setting_sources import SettingSources
from paraserve.settings import Settings
from paraserve.wiring import model_workers, open_decode_pool, open_engine

log = structlog.get_logger()

EXPOSED_HEADERS = (
    "X-Request-Id",
    "Retry-After",
    "Location",
    WARNINGS_HEADER,
    NOTICE_HEADER,
    QUALITY_HEADER,
    CACHE_HEADER,
    REPLAYED,
    *TUS_HEADERS,
)
"""Headers of answers that pages of allowed origins may read."""
TRACES_TIMEOUT_S = 2.0
"""Time for the last spans to be exported at the end, at most."""


def create_app(
    settings: Settings,
    engine: Engine | None = None,
    metrics: Metrics | None = None,
    sources: SettingSources | None = None,
) -> FastAPI:
    """Make the application. It closes its engine at the end.

    Args:
        settings: all choices of the operator.
        engine: where the models are. Without one, an engine is opened from the settings at start-up.
        metrics: the figures that `engine` reports to.
        sources: where a reload reads the settings again.

    Raises:
        ParaserveError: the file of API keys, a list of words or the setting of a store or of traces cannot be used.
    """
    metrics = metrics or Metrics()
    check_stores(settings)
    check_job_settings(settings)
    readiness, refusals = Readiness(metrics), Refusals(metrics.refusals)
    tracer = open_tracer(settings)
    access, redaction = open_access(settings, refusals), OperatorRedaction(read_redaction(settings))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_stores(settings, metrics) as stores:
            opened = engine if engine is not None else await asyncio.to_thread(load, settings, metrics)
            routed = _routed(settings, opened)
            read_again = sources or SettingSources.of(settings)
            app.state.reloader = Reloader(settings, read_again, routed, access, redaction)
            app.state.stores = stores
            async with _services(app, settings, routed, metrics, access, redaction):
                yield
            if tracer is not None:
                await asyncio.to_thread(tracer.close, min(TRACES_TIMEOUT_S, settings.drain_timeout_s / 10))

    app = FastAPI(
        title="paraserve",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.readiness, app.state.refusals, app.state.access = readiness, refusals, access
    app.state.uploads = app.state.live = app.state.pulls = app.state.jobs = app.state.reloader = None
    app.state.status, app.state.recent_errors, app.state.tracer = None, RecentErrors(), tracer
    _add_middleware(app, settings, metrics, access)
    _add_routes(app, settings, metrics)
    add_error_handlers(app)
    return app


@asynccontextmanager
async def _services(
    app: FastAPI,
    settings: Settings,
    engine: RoutedEngine,
    metrics: Metrics,
    access: Access,
    redaction: OperatorRedaction,
) -> AsyncIterator[None]:
    """Give the routes what they work with while the server runs, then close all of it."""
    stores: SharedStores = app.state.stores
    readiness: Readiness = app.state.readiness
    rating = await live_rating(settings, engine)
    max_live = live_limit(settings, rating)
    metrics.live_rating.set(rating)
    metrics.live_limit.set(max_live)
    metrics.live_load.begin(model_workers(settings))
    pool = open_decode_pool(settings, metrics.decode_wait.observe)
    pool.start()

    def decode_memory_bytes() -> int:
        return pool.memory_bytes + jobs.jobs.pool.memory_bytes

    guard = MemoryGuard.of(settings, decode_memory_bytes)
    log.info("memory guard", limit_bytes=guard.limit_bytes)
    limits = ServerLimits(stores.keys, guard)
    addresses = ClientAddresses.of(settings.trusted_proxies)
    shared = SharedServices(
        engine,
        pool,
        metrics,
        access,
        limits,
        addresses,
        app.state.refusals,
        redaction,
        app.state.recent_errors,
        Timelines(),
        stores.results,
    )
    app.state.uploads = uploads = upload_service(settings, shared)
    app.state.jobs = jobs = job_service(settings, shared, uploads, app.state.tracer)
    app.state.live = live = live_service(settings, shared, max_live)
    app.state.status = status = status_service(shared, readiness, uploads, live, jobs)
    app.state.pulls = pulls = pull_service(settings, engine, app.state.reloader)
    readiness.engine = engine
    metrics.models_loaded.set(1)
    watchdog = Watchdog(engine, readiness, settings.inference_timeout_s)
    usage = UsageWriter(limits.usage, partial(usage_store, jobs, opens=bool(settings.data_dir)))
    watching = [
        asyncio.create_task(sample(engine, metrics, decode_memory_bytes)),
        asyncio.create_task(watchdog.run()),
        asyncio.create_task(sweep_uploads(jobs)),
        asyncio.create_task(sample_jobs(jobs.store, lambda: jobs.jobs.in_progress, metrics.jobs)),
        asyncio.create_task(sample_disks(written_folders(settings), metrics)),
        asyncio.create_task(sample_history(metrics.history, status.own.load)),
    ]
    if not settings.is_cpu:
        watching.append(asyncio.create_task(sample_gpus(settings.devices, metrics.gpus)))
    try:
        async with answering(status.folder, status.answer):
            await status.follow_others()
            with _frozen_objects():
                yield
    finally:
        app.state.uploads = app.state.live = app.state.pulls = app.state.jobs = app.state.status = None
        await pulls.close()
        await usage.close()
        for task in watching:
            task.cancel()
        await asyncio.wait(watching)
        await jobs.close()
        metrics.models_loaded.set(0)
        await readiness.close()
        await pool.close()
        await engine.close()


def _routed(settings: Settings, engine: Engine) -> RoutedEngine:
    """Return an engine that stands alone as the model that the settings name first."""
    if isinstance(engine, RoutedEngine):
        return engine
    name, entry = next(iter(settings.model_entries.items()))
    return RoutedEngine.of_one(name, entry.bundle, engine)


def _add_routes(app: FastAPI, settings: Settings, metrics: Metrics) -> None:
    app.include_router(upload_router(is_strict=settings.protocol == "strict"))
    for router in (submit_router(), job_router(), result_router(), event_router(), tus_router()):
        app.include_router(router)
    app.include_router(realtime_router())
    app.include_router(health_router(app.state.readiness, metrics, settings))
    app.include_router(admin_router())
    app.include_router(admin_models_router())
    app.include_router(status_router())
    if settings.web_pages:
        app.include_router(page_router())
    app.include_router(description_router())
    app.router.routes.append(live_route())


def _add_middleware(app: FastAPI, settings: Settings, metrics: Metrics, access: Access) -> None:
    """Add what every request passes. The last one added is the first to see a request."""
    app.add_middleware(KeyCheck, access=access)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST", "PATCH", "DELETE"],
            allow_headers=["*"],
            expose_headers=EXPOSED_HEADERS,
        )
    app.add_middleware(HostCheck, rules=host_rules(settings), refusals=app.state.refusals)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestLog, metrics=metrics, tracer=app.state.tracer)
    app.add_middleware(PlainPaths)


@contextmanager
def _frozen_objects() -> Iterator[None]:
    """Freeze all objects alive at start-up (`gc.freeze`): a full collection takes 20 ms and stops every thread."""
    gc.collect()
    if gc.get_freeze_count():  # another application of this process has frozen what it found, and will undo that
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def load(settings: Settings, metrics: Metrics) -> RoutedEngine:
    """Open an engine that reports to the metrics. Blocks for a second or more.

    Raises:
        ModelLoadError: names the model file or folder at fault.
    """
    with metrics.loading():
        return open_engine(settings, metrics.batch, metrics.lm_fallbacks.inc)
