"""From exceptions to HTTP answers: the only place that knows both."""

import errno
from collections.abc import Mapping
from types import MappingProxyType

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from paraserve.errors import (
    AccessError,
    AudioTooLongError,
    DecoderError,
    InferenceError,
    KeyLimitError,
    ModelLoadError,
    OverloadedError,
    ParaserveError,
    SlowUploadError,
    UnsupportedFormatError,
    UploadTooLargeError,
)
from paraserve.server.protocols.error_body import error_json
from paraserve.server.telemetry.request_log import request_id

STATUS: tuple[tuple[type[ParaserveError], int], ...] = (
    (UnsupportedFormatError, 415),
    (UploadTooLargeError, 413),
    (AudioTooLongError, 422),
    (DecoderError, 422),
    (SlowUploadError, 408),
    (AccessError, 401),
    (KeyLimitError, 429),
    (OverloadedError, 503),
    (InferenceError, 500),
    (ModelLoadError, 500),
)
"""First match wins; every other error of ours is the client's: 400."""
CLIENT_CLOSED_REQUEST = 499
EXTRA_HEADERS = MappingProxyType(
    {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "1"}, 503: {"Retry-After": "1"}}
)

log = structlog.get_logger()


def add_error_handlers(app: FastAPI) -> None:
    """Answer every exception in the one error shape, with the true status and the request's id."""
    app.add_exception_handler(ParaserveError, _ours)
    app.add_exception_handler(HTTPException, _routing)
    app.add_exception_handler(OSError, _storage)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, ParaserveError)
    return answer_error(request, error)


def answer_error(request: Request, error: ParaserveError) -> Response:
    """The answer to a request that failed so."""
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 400)
    if status == 500:
        _log(request, error)
    headers = EXTRA_HEADERS.get(status, {})
    return _answer(request, status, error.code, error.message, param=error.param, headers=headers)


async def _routing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    message = f"{error.detail}: {request.method} {request.url.path}"
    return _answer(request, error.status_code, code, message, headers=error.headers or {})


async def _storage(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    _log(request, error)
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _answer(request, 507, "disk_full", "the server has no space left for the upload")
    return _answer(request, 500, "internal_error", "internal error; the server's log has the request id")


async def _gone(_request: Request, _error: Exception) -> Response:
    """Nobody reads this answer; the status is for the log."""
    return Response(status_code=CLIENT_CLOSED_REQUEST)


async def _unexpected(request: Request, error: Exception) -> Response:
    _log(request, error)
    return _answer(request, 500, "internal_error", "internal error; the server's log has the request id")


def _log(request: Request, error: Exception) -> None:
    log.error("request failed", request_id=request_id(request), error=repr(error), exc_info=error)


def _answer(
    request: Request,
    status: int,
    code: str,
    message: str,
    *,
    param: str | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    this_id = request_id(request)
    body = error_json(message, status=status, code=code, request_id=this_id, param=param)
    # An unexpected error is answered outside of the middleware that gives all other answers their id.
    return JSONResponse(body, status_code=status, headers={**headers, "X-Request-Id": this_id})
