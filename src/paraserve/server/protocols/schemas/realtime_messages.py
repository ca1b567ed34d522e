"""Messages of the server about sessions and errors in OpenAI's Realtime API."""

from typing import Literal

from pydantic import ConfigDict
from pydantic.config import JsonDict

from paraserve.server.protocols.schemas.documented import Documented
from paraserve.server.protocols.schemas.realtime_requests import BETA_SESSION, SESSION
from paraserve.server.protocols.schemas.realtime_sessions import RealtimeBetaSession, RealtimeSession
from paraserve.server.protocols.schemas.warnings import WithWarnings

FAILURE: JsonDict = {
    "type": "invalid_request_error",
    "code": "invalid_value",
    "message": "audio must be base64, not '?'",
    "param": "audio",
}


class RealtimeServerEvent(Documented):
    """Keys of every message of the server."""

    event_id: str
    """Id of the message, with the request's id in it."""


class RealtimeSessionEvent(RealtimeServerEvent, WithWarnings):
    """The session, at first and after each update."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"type": "session.created", "event_id": "event_call-7_2", "session": SESSION}]
        }
    )

    type: Literal["session.created", "session.updated"]
    """Name of the event."""
    session: RealtimeSession
    """All choices that count."""


class RealtimeBetaSessionEvent(RealtimeServerEvent, WithWarnings):
    """The same in beta's shape. The first one is `session.created` without `intent=transcription`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"type": "transcription_session.created", "event_id": "event_call-7_2", "session": BETA_SESSION}
            ]
        }
    )

    type: Literal[
        "session.created", "session.updated", "transcription_session.created", "transcription_session.updated"
    ]
    """Name of the event."""
    session: RealtimeBetaSession
    """All choices that count."""


class RealtimeCleared(RealtimeServerEvent):
    """A clear has been obeyed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"type": "input_audio_buffer.cleared", "event_id": "event_call-7_2"}]}
    )

    type: Literal["input_audio_buffer.cleared"]
    """Always `input_audio_buffer.cleared`."""


class RealtimeFailure(Documented):
    """Facts about a failure."""

    type: Literal["invalid_request_error", "server_error"]
    """Who can cure it: the client, or the server."""
    code: str
    """Name of the case, for programs. It does not change."""
    message: str
    """Description for people. It may change."""
    param: str | None
    """Path of the key at fault, null where there is none."""


class RealtimeErrorDetail(RealtimeFailure):
    """Facts about the failure of a message or of the connection."""

    event_id: str | None
    """The client's name for the message at fault, null where it has none."""


class RealtimeError(RealtimeServerEvent):
    """An error. The connection goes on, unless it is closed with one of the codes above."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"type": "error", "event_id": "event_call-7_2", "error": FAILURE | {"event_id": None}}]
        }
    )

    type: Literal["error"]
    """Always `error`."""
    error: RealtimeErrorDetail
    """Facts about the failure."""
