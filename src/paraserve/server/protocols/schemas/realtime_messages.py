"""Message of `/v1/realtime`."""

from typing import Literal

from pydantic import ConfigDict

from paraserve.server.protocols.schemas.documented import Documented


class RealtimeErrorDetail(Documented):
    """OpenAI's error object of the Realtime API."""

    type: Literal["invalid_request_error"]
    """Always `invalid_request_error`."""
    code: Literal["not_served"]
    """Always `not_served`."""
    message: str
    """Description for people. It may change."""
    param: None
    """Always null: no parameter is at fault."""
    event_id: None
    """Always null: no event of the client is at fault."""


class RealtimeError(Documented):
    """The only event: the Realtime API is not served. The connection is closed after it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "event_id": "event_call-7",
                    "type": "error",
                    "error": {
                        "type": "invalid_request_error",
                        "code": "not_served",
                        "message": "this server does not serve the Realtime API",
                        "param": None,
                        "event_id": None,
                    },
                }
            ]
        }
    )

    event_id: str
    """Id of the event, with the request's id in it."""
    type: Literal["error"]
    """Always `error`."""
    error: RealtimeErrorDetail
    """Facts about the failure."""
