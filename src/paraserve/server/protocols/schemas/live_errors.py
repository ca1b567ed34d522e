"""Errors and close codes of live connections, the same in all protocols."""

from types import MappingProxyType

from pydantic import MISSING

from paraserve.server.protocols.schemas.documented import Documented

CLOSE_CODES = MappingProxyType(
    {
        1008: "refused (`missing_api_key`, `invalid_api_key`, `expired_api_key`, `missing_scope`, "
        "`too_many_wrong_keys`, `origin_not_allowed`, `host_not_allowed`, "
        "`not_served`), `session_too_long`, `idle_timeout`, `session_resumed`, `too_many_control_frames`, "
        "`too_many_fragments` or `too_many_tiny_messages`",
        1009: "`file_too_large`, or a frame over `max_frame_bytes`",
        1011: "`inference_failed`, `inference_timeout`, `internal_error`, or no answer to a ping",
        1012: "`shutting_down`",
        1013: "`overloaded`, `key_limit`, `limits_unavailable`, `not_ready`, `engine_stuck`, or `slow_client`",
    }
)
"""WebSocket close codes with their meanings. The reason of a close frame is the error code in it."""


class LiveError(Documented):
    """Facts about a failure."""

    code: str
    """Name of the case, for programs. It does not change."""
    message: str
    """Description for people. It may change."""
    param: str | MISSING = MISSING
    """Key of the client's message at fault. Absent where there is none."""
    retry_after_s: int | MISSING = MISSING
    """Seconds to wait before the next try, as in HTTP's `Retry-After`. Absent where it is not known."""
    request_id: str
    """The id of the connection in the server's log: the client's `X-Request-Id` if it is a plain word."""
