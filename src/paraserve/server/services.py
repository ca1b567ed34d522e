"""From settings to what the routes work with."""

from dataclasses import dataclass
from pathlib import Path

from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.engine import Engine
from paraserve.runtime.offline import FileLimits
from paraserve.server.access.admission import ConcurrencyLimit, ServerLimits
from paraserve.server.access.api_keys import KeyRing
from paraserve.server.access.authentication import Access
from paraserve.server.http.uploads import UploadLimits, UploadService
from paraserve.server.live.connection import LiveLimits
from paraserve.server.live.recording import LiveContext
from paraserve.server.live.websocket_routes import LiveService
from paraserve.server.protocols.funasr.live import FunasrDialect
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.slow_log import SlowLog
from paraserve.settings import Settings


@dataclass(frozen=True, slots=True)
class SharedServices:
    """What uploads and live connections share."""

    engine: Engine
    pool: DecodePool
    metrics: Metrics
    access: Access
    door: ServerLimits


def open_access(settings: Settings) -> Access:
    """Who may use the server.

    Raises:
        ParaserveError: the file of keys cannot be used.
    """
    keys = KeyRing(Path(settings.api_keys_file).expanduser()) if settings.api_keys_file else None
    return Access(keys, settings.ws_origins)


def upload_service(settings: Settings, means: SharedServices) -> UploadService:
    """For the upload routes."""
    return UploadService(
        engine=means.engine,
        pool=means.pool,
        upload_limits=UploadLimits(settings.max_upload_bytes, settings.upload_idle_timeout_s),
        file_limits=_file_limits(settings),
        admission=ConcurrencyLimit(settings.max_uploads, "uploads", means.metrics.uploads, means.door),
        metrics=means.metrics,
        slow_log=_slow_log(settings),
    )


def live_service(settings: Settings, means: SharedServices, max_live: int) -> LiveService:
    """For the WebSocket, with so many connections at most."""
    return LiveService(
        context=LiveContext(
            engine=means.engine,
            pool=means.pool,
            file_limits=_file_limits(settings),
            max_upload_bytes=settings.max_upload_bytes,
            metrics=means.metrics,
        ),
        dialect=FunasrDialect(is_offline=settings.mode == "offline", is_strict=settings.protocol == "strict"),
        admission=ConcurrencyLimit(max_live, "live sessions", means.metrics.live, means.door),
        limits=LiveLimits(settings.max_session_s, settings.send_timeout_s),
        access=means.access,
        slow_log=_slow_log(settings),
    )


def _slow_log(settings: Settings) -> SlowLog:
    return SlowLog(settings.slow_request_s, settings.slow_result_s, settings.log_transcripts)


def _file_limits(settings: Settings) -> FileLimits:
    return FileLimits(settings.max_duration_s * 1000, settings.merge_ms)
