"""The tracer of a server process, by the settings."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from paraserve.errors import ParaserveError
from paraserve.settings import Settings

if TYPE_CHECKING:
    from paraserve.server.telemetry.tracing.tracer import Tracer

MODULES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def check_tracing(settings: Settings) -> None:
    """Check that the packages for traces are installed, where they are asked for.

    Raises:
        ParaserveError: one is missing.
    """
    if settings.otel and not all(map(_is_installed, MODULES)):
        raise ParaserveError("otel needs the extra otel: pip install 'paraserve[otel]'")


def open_tracer(settings: Settings) -> "Tracer | None":
    """Return what makes traces, None where none are asked for.

    Raises:
        ParaserveError: a package is missing, or an environment variable of OpenTelemetry cannot be used.
    """
    check_tracing(settings)
    if not settings.otel:
        return None
    from paraserve.server.telemetry.tracing.tracer import Tracer  # noqa: PLC0415 - memory that few want to spend

    try:
        return Tracer()
    except ValueError as error:
        raise ParaserveError(f"a variable of OpenTelemetry cannot be used: {error}") from error


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # of the package that it is in
        return False
