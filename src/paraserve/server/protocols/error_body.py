"""The one error body of all HTTP routes."""

from paraserve.server.protocols.json_encoding import Json


def error_json(message: str, *, status: int, code: str, request_id: str, param: str | None = None) -> Json:
    """Return OpenAI's error object with the request's id added."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code, "request_id": request_id}}
