"""The one error body of all HTTP routes."""

from typing import Literal

from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.schemas.documented import Documented


class ErrorDetail(Documented):
    """OpenAI's error object with the request's id added."""

    message: str
    """Description for people. It may change."""
    type: Literal["invalid_request_error", "server_error"]
    """`server_error` from status 500 on, else `invalid_request_error`."""
    param: str | None
    """Field of the request at fault, null where there is none."""
    code: str
    """Name of the case, for programs. It does not change."""
    request_id: str
    """The id in the header `X-Request-Id` and in the server's log."""


class ErrorBody(Documented):
    """The answer to every request that failed."""

    error: ErrorDetail
    """Facts about the failure."""


def error_json(message: str, *, status: int, code: str, request_id: str, param: str | None = None) -> Json:
    """Return the body of `ErrorBody`."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code, "request_id": request_id}}
