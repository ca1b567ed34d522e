"""Services of the routes, made from the settings."""

from dataclasses import dataclass

from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.engine import Engine
from paraserve.runtime.offline import FileLimits
from paraserve.server.access.admission import ConcurrencyLimit, ServerLimits
from paraserve.server.access.api_keys import KeyRing
from paraserve.server.access.authentication import Access
from paraserve.server.http.uploads import UploadLimits, UploadService
from paraserve.server.live.connection import LiveLimits
from paraserve.server.live.recorded_utterance import LiveContext
from paraserve.server.live.websocket_routes import LiveService
from paraserve.server.protocols.funasr.live_protocol import FunasrDialect
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.slow_log import SlowLog
from paraserve.settings import Settings
from paraserve.user_folders import expanded


@dataclass(frozen=True, slots=True)
class SharedServices:
    """Everything that uploads and live connections share."""

    engine: Engine
    pool: DecodePool
    metrics: Metrics
    access: Access
    limits: ServerLimits


def open_access(settings: Settings) -> Access:
    """Read the API keys and the allowed origins.

    Raises:
        ParaserveError: the file of keys cannot be used.
    """
    keys = KeyRing(expanded(settings.api_keys_file)) if settings.api_keys_file else None
    return Access(keys, settings.ws_origins)


def upload_service(settings: Settings, shared: SharedServices) -> UploadService:
    """Make the service of the upload routes."""
    return UploadService(
        engine=shared.engine,
        pool=shared.pool,
        upload_limits=UploadLimits(
            settings.max_upload_bytes, settings.upload_idle_timeout_s, settings.request_timeout_s
        ),
        file_limits=_file_limits(settings),
        admission=ConcurrencyLimit(settings.max_uploads, "uploads", shared.metrics.uploads, shared.limits),
        metrics=shared.metrics,
        slow_log=_slow_log(settings),
    )


def live_service(settings: Settings, shared: SharedServices, max_live: int) -> LiveService:
    """Make the service of the WebSocket route, for at most `max_live` connections."""
    return LiveService(
        context=LiveContext(
            engine=shared.engine,
            pool=shared.pool,
            file_limits=_file_limits(settings),
            max_upload_bytes=settings.max_upload_bytes,
            metrics=shared.metrics,
        ),
        dialect=FunasrDialect(is_offline=settings.mode == "offline", is_strict=settings.protocol == "strict"),
        admission=ConcurrencyLimit(max_live, "live sessions", shared.metrics.live, shared.limits),
        limits=LiveLimits(settings.max_session_s, settings.send_timeout_s),
        access=shared.access,
        slow_log=_slow_log(settings),
    )


def _slow_log(settings: Settings) -> SlowLog:
    return SlowLog(settings.slow_request_s, settings.slow_result_s, settings.log_transcripts)


def _file_limits(settings: Settings) -> FileLimits:
    return FileLimits(settings.max_duration_s * 1000, settings.merge_ms)
