"""Services of the routes, made from the settings."""

import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from paraserve.catalog.store import models_folder
from paraserve.errors import ParaserveError
from paraserve.job_folders import job_folder
from paraserve.job_wiring import Jobs, JobWork
from paraserve.operator_redaction import OperatorRedaction
from paraserve.options import SemanticEndpoint
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.recorded_file import FileLimits
from paraserve.runtime.result_cache.cached_recording import SharedResults
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.server.access.address_limit import AddressLimit, PerAddress, places_of_address
from paraserve.server.access.admission import ConcurrencyLimit, ServerLimits
from paraserve.server.access.authentication import Access
from paraserve.server.access.client_addresses import ClientAddresses, is_loopback
from paraserve.server.access.client_secrets import ClientSecrets, signing_key
from paraserve.server.access.hosts import HostRules
from paraserve.server.access.job_quotas import quotas_of
from paraserve.server.access.key_ring import KeyRing
from paraserve.server.access.usage import UsageStore
from paraserve.server.access.wrong_keys import WrongKeys
from paraserve.server.http.parsing.upload_pace import UploadLimits
from paraserve.server.http.upload_progress import UploadsInProgress
from paraserve.server.http.uploads import UploadService
from paraserve.server.jobs.job_plan import JobPlanner
from paraserve.server.jobs.job_service import JobService
from paraserve.server.live.final_deadline import FinalLimits
from paraserve.server.live.key_watch import KeyWatch
from paraserve.server.live.recorded_utterance import LiveContext
from paraserve.server.live.sessions.kept_sessions import KeptSessions
from paraserve.server.live.sessions.shared import LiveLimits, LiveShared
from paraserve.server.live.websocket_routes import LiveService
from paraserve.server.protocols.funasr.live_messages import FunasrDialect
from paraserve.server.pulling.loading import load_beside
from paraserve.server.pulling.pull_service import PullService
from paraserve.server.readiness import Readiness
from paraserve.server.reloading import Reloader
from paraserve.server.status.drain_switch import DrainSwitch
from paraserve.server.status.job_status import JobStatus
from paraserve.server.status.process_status import ProcessStatus
from paraserve.server.status.whole_status import WholeStatus
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.recent_errors import RecentErrors
from paraserve.server.telemetry.refusals import Refusals
from paraserve.server.telemetry.shared_figures import shared_folder
from paraserve.server.telemetry.slow_log import SlowLog
from paraserve.server.telemetry.timelines import Timelines
from paraserve.server.telemetry.tracing.job_traces import JobTraces
from paraserve.settings import Settings
from paraserve.user_folders import expanded

if TYPE_CHECKING:
    from paraserve.server.telemetry.tracing.tracer import Tracer


@dataclass(frozen=True, slots=True)
class SharedServices:
    """Everything that uploads and live connections share."""

    engine: RoutedEngine
    pool: DecodePool
    metrics: Metrics
    access: Access
    limits: ServerLimits
    addresses: ClientAddresses
    refusals: Refusals
    redaction: OperatorRedaction
    errors: RecentErrors
    timelines: Timelines
    results: SharedResults | None = None


def open_access(settings: Settings, refusals: Refusals) -> Access:
    """Read the API keys, and the key that signs client secrets.

    Raises:
        ParaserveError: one of the files cannot be used.
    """
    keys = KeyRing(expanded(settings.api_keys_file)) if settings.api_keys_file else None
    secrets = ClientSecrets(signing_key(settings), settings.client_secret_ttl_s)
    return Access(keys, WrongKeys(settings.max_wrong_keys), refusals, secrets)


def host_rules(settings: Settings) -> HostRules:
    """Return the names that the server answers to, and the pages that may open WebSockets."""
    is_guarded = is_loopback(settings.host) and not (settings.api_keys_file or settings.uds)
    names = tuple(name.lower() for name in settings.allowed_hosts)
    return HostRules(is_guarded, names, settings.ws_origins, settings.cors_origins)


def upload_service(settings: Settings, shared: SharedServices) -> UploadService:
    """Make the service of the upload routes."""
    return UploadService(
        engine=shared.engine,
        pool=shared.pool,
        upload_limits=UploadLimits(
            settings.max_upload_bytes,
            settings.upload_idle_timeout_s,
            settings.upload_min_bytes_per_s,
            settings.upload_timeout_s,
            settings.request_timeout_s,
        ),
        file_limits=_file_limits(settings),
        subtitles=settings.subtitles,
        admission=ConcurrencyLimit(settings.max_uploads, "uploads", shared.metrics.uploads, shared.limits),
        address_limit=_address_limit(settings.max_uploads_per_address, settings.max_uploads, "uploads", shared),
        metrics=shared.metrics,
        slow_log=_slow_log(settings),
        redaction=shared.redaction,
        results=shared.results,
        in_progress=UploadsInProgress(shared.timelines),
    )


def live_service(settings: Settings, shared: SharedServices, max_live: int) -> LiveService:
    """Make the service of the WebSocket route, for at most `max_live` connections."""
    return LiveService(
        shared=LiveShared(
            LiveContext(
                engine=shared.engine,
                pool=shared.pool,
                file_limits=_file_limits(settings),
                max_upload_bytes=settings.max_upload_bytes,
                metrics=shared.metrics,
                redaction=shared.redaction,
                final_limits=FinalLimits(settings.final_timeout_s, settings.request_timeout_s),
                endpoint=SemanticEndpoint(settings.endpoint_complete_ms, settings.endpoint_incomplete_ms),
                timelines=shared.timelines,
            ),
            LiveLimits(settings.max_session_s, settings.send_timeout_s, settings.live_idle_timeout_s),
            _slow_log(settings),
            KeptSessions(settings.resume_window_s, max_live, shared.metrics),
            shared.errors,
        ),
        choice_of=shared.engine.choice_of,
        dialect=FunasrDialect(is_offline=settings.mode == "offline", is_strict=settings.protocol == "strict"),
        admission=ConcurrencyLimit(max_live, "live sessions", shared.metrics.live, shared.limits),
        address_limit=_address_limit(settings.max_live_per_address, max_live, "live sessions", shared),
        access=shared.access,
        hosts=host_rules(settings),
        key_watch=KeyWatch(shared.access),
    )


def job_service(
    settings: Settings, shared: SharedServices, uploads: UploadService, tracer: "Tracer | None" = None
) -> JobService:
    """Make the service of the routes of jobs, whose submissions have the limits of uploads.

    Raises:
        ParaserveError: a setting of jobs cannot be used.
    """
    planner = JobPlanner(shared.redaction, settings.subtitles)
    figures = shared.metrics.jobs
    work = JobWork(shared.engine, planner, planner.model_of, uploads.file_limits, figures, shared.results)
    if tracer is not None:
        work = replace(work, following=JobTraces(tracer).following)
    return JobService(
        jobs=Jobs(settings, work),
        engine=shared.engine,
        planner=planner,
        upload_limits=uploads.upload_limits,
        admission=ConcurrencyLimit(settings.max_uploads, "jobs", figures.submissions, shared.limits),
        address_limit=uploads.address_limit,
        max_timeout_s=settings.jobs_timeout_s,
        quotas_of=partial(quotas_of, settings=settings),
        metrics=figures,
    )


def status_service(
    shared: SharedServices, readiness: Readiness, uploads: UploadService, live: LiveService, jobs: JobService
) -> WholeStatus:
    """Make the service of the routes of the status."""
    guard = shared.limits.memory
    own = ProcessStatus(
        engine=shared.engine,
        readiness=readiness,
        metrics=shared.metrics,
        live=live,
        uploads=uploads.in_progress,
        errors=shared.errors,
        timelines=shared.timelines,
        memory_limit_bytes=guard.limit_bytes,
        decode_memory_bytes=guard.decoding_bytes,
        jobs_in_progress=lambda: jobs.jobs.in_progress,
    )
    return WholeStatus(own, JobStatus(jobs), DrainSwitch(readiness, live, jobs), shared_folder())


async def usage_store(jobs: JobService, *, opens: bool) -> UsageStore | None:
    """Return where the usage of API keys is kept: where jobs are. `opens` makes it where there is none yet.

    Raises:
        StorageError: it cannot be opened now.
    """
    return (await jobs.jobs.open()).store if opens else jobs.store()


def written_folders(settings: Settings) -> dict[str, Path]:
    """Return the folders that clients can fill, by their names in the figures. That of jobs may not be there yet."""
    folders = {"spool": Path(tempfile.gettempdir())}
    with suppress(ParaserveError):  # no home folder, so there can be no jobs
        folders["data"] = job_folder(settings)
    return folders


def pull_service(settings: Settings, engine: RoutedEngine, reloader: Reloader) -> PullService:
    """Make the service of the routes that pull models."""
    return PullService(
        models_folder(settings.models_dir),
        for_gpu=not settings.is_cpu,
        load=partial(load_beside, reloader),
        loaded=lambda: {status.bundle for status in engine.statuses if status.state == "loaded"},
    )


def _address_limit(setting: PerAddress, places: int, what: str, shared: SharedServices) -> AddressLimit:
    return AddressLimit(places_of_address(setting, places), what, shared.addresses, shared.refusals)


def _slow_log(settings: Settings) -> SlowLog:
    return SlowLog(settings.slow_request_s, settings.slow_result_s, settings.log_transcripts)


def _file_limits(settings: Settings) -> FileLimits:
    return FileLimits(settings.max_duration_s * 1000, settings.merge_vad, settings.merge_length_ms)
