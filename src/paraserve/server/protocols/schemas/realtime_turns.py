"""Messages of the server about turns in OpenAI's Realtime API."""

from typing import Literal

from pydantic import MISSING, ConfigDict, Field
from pydantic.config import JsonDict

from paraserve.server.protocols.schemas.documented import Documented
from paraserve.server.protocols.schemas.openai_answers import OpenAILogprob
from paraserve.server.protocols.schemas.realtime_messages import FAILURE, RealtimeFailure, RealtimeServerEvent
from paraserve.server.protocols.schemas.redactions import WithRedactions
from paraserve.server.protocols.schemas.warnings import WithNotice, WithWarnings

ITEM: JsonDict = {
    "id": "item_call-7_1",
    "object": "realtime.item",
    "type": "message",
    "status": "completed",
    "role": "user",
    "content": [{"type": "input_audio", "transcript": None}],
}
TEXT: JsonDict = {"item_id": "item_call-7_1", "content_index": 0}
COMPLETED: JsonDict = {
    "type": "conversation.item.input_audio_transcription.completed",
    "event_id": "event_call-7_2",
    "transcript": "Turn on the light.",
    "usage": {"type": "duration", "seconds": 3.01},
    **TEXT,
}


class RealtimeItemEvent(RealtimeServerEvent):
    """Keys of every message about a turn."""

    item_id: str
    """Id of the turn."""


class RealtimeSpeechStarted(RealtimeItemEvent):
    """Somebody began to speak: a turn begins. With turn detection only."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "input_audio_buffer.speech_started",
                    "event_id": "event_call-7_2",
                    "item_id": "item_call-7_1",
                    "audio_start_ms": 370,
                }
            ]
        }
    )

    type: Literal["input_audio_buffer.speech_started"]
    """Always `input_audio_buffer.speech_started`."""
    audio_start_ms: int = Field(ge=0)
    """Where the speech begins, in ms of all audio of the connection."""


class RealtimeSpeechStopped(RealtimeItemEvent):
    """The speech of the turn has ended."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "input_audio_buffer.speech_stopped",
                    "event_id": "event_call-7_2",
                    "item_id": "item_call-7_1",
                    "audio_end_ms": 3380,
                }
            ]
        }
    )

    type: Literal["input_audio_buffer.speech_stopped"]
    """Always `input_audio_buffer.speech_stopped`."""
    audio_end_ms: int = Field(ge=0)
    """Where the speech ends, in ms of all audio of the connection."""


class RealtimeCommitted(RealtimeItemEvent):
    """The turn is complete, by its silence or by a commit."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "input_audio_buffer.committed",
                    "event_id": "event_call-7_2",
                    "item_id": "item_call-7_1",
                    "previous_item_id": None,
                }
            ]
        }
    )

    type: Literal["input_audio_buffer.committed"]
    """Always `input_audio_buffer.committed`."""
    previous_item_id: str | None
    """Id of the turn before, null for the first one."""


class RealtimeContent(Documented):
    """The audio of a turn."""

    type: Literal["input_audio"]
    """Always `input_audio`."""
    transcript: None
    """Always null: the text comes with events of its own."""


class RealtimeItem(Documented):
    """A turn as a message of the conversation."""

    id: str
    """Id of the turn."""
    object: Literal["realtime.item"]
    """Always `realtime.item`."""
    type: Literal["message"]
    """Always `message`."""
    status: Literal["completed"]
    """Always `completed`."""
    role: Literal["user"]
    """Always `user`."""
    content: list[RealtimeContent]
    """Always one."""


class RealtimeItemAdded(RealtimeServerEvent):
    """The turn has become a message: `added` and `done` in GA's shape, `created` in beta's."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "conversation.item.added",
                    "event_id": "event_call-7_2",
                    "previous_item_id": None,
                    "item": ITEM,
                }
            ]
        }
    )

    type: Literal["conversation.item.created", "conversation.item.added", "conversation.item.done"]
    """Name of the event."""
    item: RealtimeItem
    """The message."""
    previous_item_id: str | None
    """Id of the turn before, null for the first one."""


class RealtimeUsage(Documented):
    """What the text cost."""

    type: Literal["duration"]
    """Always `duration`."""
    seconds: float = Field(ge=0)
    """Length of the turn in seconds."""


class RealtimeTextEvent(RealtimeItemEvent):
    """Keys of every message about the text of a turn."""

    content_index: Literal[0]
    """Always 0."""


class RealtimeDelta(RealtimeTextEvent):
    """Text that is new in the turn, as it was spoken. It comes while the turn is spoken."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "conversation.item.input_audio_transcription.delta",
                    "event_id": "event_call-7_2",
                    "delta": "turn on",
                    **TEXT,
                }
            ]
        }
    )

    type: Literal["conversation.item.input_audio_transcription.delta"]
    """Always `conversation.item.input_audio_transcription.delta`."""
    delta: str
    """The text. Deltas joined are a draft, which the complete text replaces."""
    logprobs: list[OpenAILogprob] | MISSING = MISSING
    """Probabilities of its words, where they are included."""


class RealtimeLanguage(Documented):
    """A language."""

    code: str
    """Its code."""


class RealtimeCompleted(RealtimeTextEvent, WithRedactions, WithNotice, WithWarnings):
    """The text of the turn, with marks and written numbers, empty where no words were heard."""

    model_config = ConfigDict(json_schema_extra={"examples": [COMPLETED]})

    type: Literal["conversation.item.input_audio_transcription.completed"]
    """Always `conversation.item.input_audio_transcription.completed`."""
    transcript: str
    """The text."""
    usage: RealtimeUsage
    """What it cost."""
    languages: list[RealtimeLanguage] | MISSING = MISSING
    """Languages that were heard, where the model tells."""
    logprobs: list[OpenAILogprob] | MISSING = MISSING
    """Probabilities of its words, where they are included."""


class RealtimeFailed(RealtimeTextEvent):
    """The turn has no text. The connection goes on."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "conversation.item.input_audio_transcription.failed",
                    "event_id": "event_call-7_2",
                    "error": FAILURE,
                    **TEXT,
                }
            ]
        }
    )

    type: Literal["conversation.item.input_audio_transcription.failed"]
    """Always `conversation.item.input_audio_transcription.failed`."""
    error: RealtimeFailure
    """Facts about the failure."""
