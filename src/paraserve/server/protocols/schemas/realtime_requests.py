"""Messages of the client in OpenAI's Realtime API."""

from typing import Literal

from pydantic import MISSING, ConfigDict
from pydantic.config import JsonDict

from paraserve.server.protocols.schemas.documented import Documented
from paraserve.server.protocols.schemas.realtime_sessions import RealtimeBetaSession, RealtimeSession

SESSION: JsonDict = {"type": "transcription", "audio": {"input": {"turn_detection": {"type": "server_vad"}}}}
BETA_SESSION: JsonDict = {"input_audio_format": "pcm16", "turn_detection": None}


class RealtimeClientEvent(Documented):
    """Keys of every message of the client."""

    event_id: str | MISSING | None = MISSING
    """The client's name for the message. Errors about it repeat the first 512 characters."""


class RealtimeSessionUpdate(RealtimeClientEvent):
    """Choices for the session. Keys that are absent stay as they are. `session.updated` follows."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"type": "session.update", "session": SESSION}]})

    type: Literal["session.update"]
    """Always `session.update`."""
    session: RealtimeSession
    """The choices."""


class RealtimeBetaUpdate(RealtimeClientEvent):
    """The same in beta's shape. `transcription_session.updated` follows."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"type": "transcription_session.update", "session": BETA_SESSION}]}
    )

    type: Literal["transcription_session.update"]
    """Always `transcription_session.update`."""
    session: RealtimeBetaSession
    """The choices."""


class RealtimeAppend(RealtimeClientEvent):
    """The next audio, at most 15 MiB. It has no answer."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"type": "input_audio_buffer.append", "audio": "AAAAAA=="}]}
    )

    type: Literal["input_audio_buffer.append"]
    """Always `input_audio_buffer.append`."""
    audio: str
    """Base64 of audio in the format of the session."""


class RealtimeCommit(RealtimeClientEvent):
    """The end of a turn. With turn detection it ends the turn that is being spoken."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"type": "input_audio_buffer.commit", "event_id": "commit-1"}]}
    )

    type: Literal["input_audio_buffer.commit"]
    """Always `input_audio_buffer.commit`."""


class RealtimeClear(RealtimeClientEvent):
    """Drops the audio of the turn: no text of it comes. `input_audio_buffer.cleared` follows."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"type": "input_audio_buffer.clear"}]})

    type: Literal["input_audio_buffer.clear"]
    """Always `input_audio_buffer.clear`."""
