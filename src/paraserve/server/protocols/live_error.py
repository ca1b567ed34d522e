"""The error object of live messages, the same in all protocols (`schemas/live_errors.py`)."""

from paraserve.errors import ParaserveError
from paraserve.server.protocols.json_encoding import Json


def live_error(error: ParaserveError, request_id: str) -> Json:
    """Return the object of `LiveError`."""
    about: Json = {"code": error.code, "message": error.message, "request_id": request_id}
    if error.param:
        about["param"] = error.param
    if error.retry_after_s is not None:
        about["retry_after_s"] = error.retry_after_s
    return about
