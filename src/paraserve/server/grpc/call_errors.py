"""Errors as the status of a call."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from grpc import StatusCode

from paraserve.errors import ParaserveError
from paraserve.server.error_table import error_row
from paraserve.server.http.warnings_header import WARNINGS_HEADER, warnings_header
from paraserve.types import FieldWarning

STATUS_OF_CODE: Mapping[str, StatusCode] = MappingProxyType(
    {
        "overloaded": StatusCode.RESOURCE_EXHAUSTED,
        "slow_client": StatusCode.RESOURCE_EXHAUSTED,
        "shutting_down": StatusCode.UNAVAILABLE,
        "idle_timeout": StatusCode.DEADLINE_EXCEEDED,
        "session_too_long": StatusCode.DEADLINE_EXCEEDED,
    }
)
"""Codes that say more than the status of HTTP does."""
STATUS_OF_HTTP: Mapping[int, StatusCode] = MappingProxyType(
    {
        HTTPStatus.UNAUTHORIZED: StatusCode.UNAUTHENTICATED,
        HTTPStatus.FORBIDDEN: StatusCode.PERMISSION_DENIED,
        HTTPStatus.NOT_FOUND: StatusCode.NOT_FOUND,
        HTTPStatus.REQUEST_TIMEOUT: StatusCode.DEADLINE_EXCEEDED,
        HTTPStatus.CONFLICT: StatusCode.FAILED_PRECONDITION,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: StatusCode.RESOURCE_EXHAUSTED,
        HTTPStatus.MISDIRECTED_REQUEST: StatusCode.PERMISSION_DENIED,
        HTTPStatus.TOO_MANY_REQUESTS: StatusCode.RESOURCE_EXHAUSTED,
        HTTPStatus.SERVICE_UNAVAILABLE: StatusCode.UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT: StatusCode.DEADLINE_EXCEEDED,
        HTTPStatus.INSUFFICIENT_STORAGE: StatusCode.RESOURCE_EXHAUSTED,
    }
)
"""Of those that `error_table.py` has. Other errors of the client are INVALID_ARGUMENT, of the server INTERNAL."""

Metadata = tuple[tuple[str, str], ...]


class CallError(Exception):
    """The reason why a call fails."""

    def __init__(self, status: StatusCode, message: str, metadata: Metadata) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.metadata = metadata


def call_error(error: ParaserveError, warnings: Sequence[FieldWarning] = ()) -> CallError:
    """Return the status of a call that fails with this error, after these warnings."""
    row = error_row(error)
    wait_s = error.retry_after_s or row.retry_after_s
    facts = (*_facts(error.code, error.param, wait_s), *warning_metadata(warnings))
    return CallError(_status(row.status, error.code), error.message, facts)


def answer_error(status: int, headers: Mapping[str, str], body: Mapping[str, Any]) -> CallError:
    """Return the status of a call whose request got this answer over HTTP."""
    about = body["error"]
    facts = _facts(about["code"], about["param"], headers.get("retry-after"))
    return CallError(_status(status, about["code"]), about["message"], facts)


def warning_metadata(warnings: Sequence[FieldWarning]) -> Metadata:
    """Return the warnings of a call whose messages have no place for them."""
    return ((WARNINGS_HEADER.lower(), warnings_header(warnings)),) if warnings else ()


def _status(http: int, code: str) -> StatusCode:
    other = StatusCode.INVALID_ARGUMENT if http < HTTPStatus.INTERNAL_SERVER_ERROR else StatusCode.INTERNAL
    return STATUS_OF_CODE.get(code) or STATUS_OF_HTTP.get(http, other)


def _facts(code: str, param: str | None, retry_after: object) -> Metadata:
    found = {"error-code": code, "error-param": param, "retry-after": retry_after}
    return tuple((name, str(value)) for name, value in found.items() if value)
