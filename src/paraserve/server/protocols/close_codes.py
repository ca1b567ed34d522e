"""WebSocket close codes of errors."""

from paraserve.errors import AccessError, InferenceError, OverloadedError, ParaserveError, UploadTooLargeError


def close_code(error: ParaserveError) -> int | None:
    """Return the code that ends a connection after this error, None where it goes on with the next utterance."""
    if isinstance(error, AccessError):
        return 1008
    if isinstance(error, OverloadedError):
        return 1012 if error.code == "shutting_down" else 1013
    if isinstance(error, UploadTooLargeError):
        return 1009
    return 1011 if isinstance(error, InferenceError) else None
