"""HTTP answers to exceptions, all in the one error shape."""

import errno
from collections.abc import Mapping
from types import MappingProxyType

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from paraserve.errors import ParaserveError
from paraserve.server.error_table import ErrorRow, error_row
from paraserve.server.protocols.error_body import error_json
from paraserve.server.telemetry.recent_errors import RecentErrors
from paraserve.server.telemetry.request_log import request_id

CLIENT_CLOSED_REQUEST = 499
UNAUTHORIZED = 401
METHOD_NOT_ALLOWED = 405
NO_HEADERS: Mapping[str, str] = MappingProxyType({})

log = structlog.get_logger()


def add_error_handlers(app: FastAPI) -> None:
    """Answer every exception with the true status and the request's id."""
    app.add_exception_handler(ParaserveError, _on_paraserve_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(OSError, _on_os_error)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, _on_unexpected)


def answer_error(request: Request, error: ParaserveError) -> Response:
    """Return the HTTP answer to an error of ours. Failures of the server are logged."""
    row = error_row(error)
    if row.status == 500:
        _log(request, error)
    return _answer(request, row.status, error.code, error.message, param=error.param, headers=_headers(row, error))


def answer_failure(request: Request, error: Exception) -> Response:
    """Return the HTTP answer to an error of any kind. Failures of the server are logged."""
    if isinstance(error, ParaserveError):
        return answer_error(request, error)
    _log(request, error)
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _answer(request, 507, "disk_full", "the server has no space left for the upload")
    return _answer(request, 500, "internal_error", "internal error; the server's log has the request id")


def _headers(row: ErrorRow, error: ParaserveError) -> Mapping[str, str]:
    if row.status == UNAUTHORIZED:
        return {"WWW-Authenticate": "Bearer"}
    return NO_HEADERS if row.retry_after_s is None else {"Retry-After": str(error.retry_after_s or row.retry_after_s)}


async def _on_paraserve_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ParaserveError)
    return answer_error(request, error)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", METHOD_NOT_ALLOWED: "method_not_allowed"}.get(error.status_code, "http_error")
    message = f"{error.detail}: {request.method} {request.url.path}"
    headers = _allowed(request) if error.status_code == METHOD_NOT_ALLOWED else error.headers
    return _answer(request, error.status_code, code, message, headers=headers or NO_HEADERS)


def _allowed(request: Request) -> Mapping[str, str]:
    """Name the methods of all routes of this path. The framework names those of the first one."""
    routes = [one for one in iter_route_contexts(request.app.routes) if one.methods]
    methods = {
        method for one in routes if one.path_regex.match(request.scope["path"]) for method in one.methods or ()
    }
    return {"Allow": ", ".join(sorted(methods))}


async def _on_os_error(request: Request, error: Exception) -> Response:
    return answer_failure(request, error)


async def _on_disconnect(_request: Request, _error: Exception) -> Response:
    """The client has gone and reads no answer. The status is for the log."""
    return Response(status_code=CLIENT_CLOSED_REQUEST)


async def _on_unexpected(request: Request, error: Exception) -> Response:
    return answer_failure(request, error)


def _log(request: Request, error: Exception) -> None:
    log.error("request failed", request_id=request_id(request), error=repr(error), exc_info=error)


def _answer(
    request: Request,
    status: int,
    code: str,
    message: str,
    *,
    param: str | None = None,
    headers: Mapping[str, str] = NO_HEADERS,
) -> Response:
    this_id = request_id(request)
    errors: RecentErrors = request.app.state.recent_errors
    request.state.error_code = code
    errors.note(this_id, request.scope["path"], code, message, status)
    body = error_json(message, status=status, code=code, request_id=this_id, param=param)
    # An unexpected error is answered outside of the middleware that gives all other answers their id.
    return JSONResponse(body, status_code=status, headers={**headers, "X-Request-Id": this_id})
