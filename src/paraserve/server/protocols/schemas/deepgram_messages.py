"""Messages of Deepgram's live API, in both directions."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import MISSING, ConfigDict, Field

from paraserve.server.protocols.schemas.audio_quality import WithAudioQuality
from paraserve.server.protocols.schemas.deepgram_answers import (
    DeepgramFacts,
    DeepgramModelInfo,
    DeepgramWord,
    Seconds,
)
from paraserve.server.protocols.schemas.documented import Documented
from paraserve.server.protocols.schemas.live_errors import LiveError
from paraserve.server.protocols.schemas.redactions import WithRedactions
from paraserve.server.protocols.schemas.warnings import WithNotice, WithWarnings

Index: TypeAlias = Annotated[list[int], Field(min_length=2, max_length=2)]
WORD = {"word": "turn", "start": 0.12, "end": 0.46, "confidence": 0.98, "punctuated_word": "Turn"}
MODEL = {"name": "auto", "version": "0.1.0", "arch": "paraserve"}


def _examples(*bodies: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": list(bodies)})


class DeepgramKeepAlive(Documented):
    """Has no effect: silence is told by the audio, and the connection is kept without it."""

    model_config = _examples({"type": "KeepAlive"})

    type: Literal["KeepAlive"]
    """Always `KeepAlive`."""


class DeepgramFinalize(Documented):
    """Ends the open segments of all channels: a result of each comes with `from_finalize`."""

    model_config = _examples({"type": "Finalize"})

    type: Literal["Finalize"]
    """Always `Finalize`."""
    channel: int | MISSING | None = MISSING
    """Not honoured: all channels are finalized together."""


class DeepgramCloseStream(Documented):
    """Ends the audio. The last results and `Metadata` follow, then the connection is closed with 1000."""

    model_config = _examples({"type": "CloseStream"})

    type: Literal["CloseStream"]
    """Always `CloseStream`."""


class DeepgramConfigure(Documented):
    """Changes settings from the next segment on. `ConfigureSuccess` follows."""

    model_config = _examples({"type": "Configure", "keyterms": ["paraserve"], "features": {"numerals": True}})

    type: Literal["Configure"]
    """Always `Configure`."""
    keyterms: list[str] | MISSING | None = MISSING
    """Words or phrases to expect, in place of those before."""
    features: dict[str, bool] | MISSING | None = MISSING
    """`numerals`, `punctuate` and `smart_format`, on or off."""


class DeepgramLiveAlternative(Documented):
    """What was said."""

    transcript: str
    """The text, empty where nothing was said."""
    confidence: float = Field(ge=0, le=1)
    """Mean probability of the words, 0 without any."""
    words: list[DeepgramWord]
    """The words with their times. Empty where the model gives no times."""
    languages: list[str] | MISSING = MISSING
    """Codes of the languages that the model heard. Absent where it tells none."""


class DeepgramLiveChannel(Documented):
    """The text of a channel, or of all channels together."""

    alternatives: list[DeepgramLiveAlternative] = Field(min_length=1, max_length=1)
    """Always one."""


class DeepgramLiveFacts(Documented):
    """Facts about the connection."""

    request_id: str
    """The id of the connection in the server's log."""
    model_info: DeepgramModelInfo
    """The model."""
    model_uuid: str
    """Id of the model."""


class DeepgramResult(WithRedactions, WithNotice, WithAudioQuality, WithWarnings):
    """The text of a segment. Times count from the start of the connection."""

    model_config = _examples(
        {
            "type": "Results",
            "channel_index": [0, 1],
            "duration": 0.62,
            "start": 0.0,
            "is_final": True,
            "speech_final": True,
            "channel": {"alternatives": [{"transcript": "Turn", "confidence": 0.98, "words": [WORD]}]},
            "metadata": {"request_id": "call-7", "model_info": MODEL, "model_uuid": "7e690bc8"},
            "from_finalize": False,
        }
    )

    type: Literal["Results"]
    """Always `Results`."""
    channel_index: Index
    """Channel, from 0, and number of channels that are told apart."""
    duration: Seconds
    """Audio that the text is about, in seconds."""
    start: Seconds
    """Where that audio begins: at the end of the final result before."""
    is_final: bool
    """`false`: the text may still change. Such results come with `interim_results=true` only."""
    speech_final: bool
    """A pause has ended the segment."""
    channel: DeepgramLiveChannel
    """The text."""
    metadata: DeepgramLiveFacts
    """Facts about the connection."""
    from_finalize: bool
    """`Finalize` has ended the segment, or there was none to end."""


class DeepgramSpeechStarted(Documented):
    """Speech has begun. Comes with `vad_events=true` only."""

    model_config = _examples({"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.37})

    type: Literal["SpeechStarted"]
    """Always `SpeechStarted`."""
    channel: Index
    """Channel, from 0, and number of channels that are told apart."""
    timestamp: Seconds
    """Start of the speech in seconds."""


class DeepgramUtteranceEnd(Documented):
    """Nothing was said for `utterance_end_ms` behind a word. Comes if that is asked for, behind the final result."""

    model_config = _examples({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": 2.4})

    type: Literal["UtteranceEnd"]
    """Always `UtteranceEnd`."""
    channel: Index
    """Channel, from 0, and number of channels that are told apart."""
    last_word_end: Seconds
    """End of the word in seconds."""


class DeepgramConfigured(Documented):
    """The settings of a `Configure` count from here on."""

    model_config = _examples({"type": "ConfigureSuccess", "request_id": "call-7", "keyterms": ["paraserve"]})

    type: Literal["ConfigureSuccess"]
    """Always `ConfigureSuccess`."""
    request_id: str
    """The id of the connection."""
    keyterms: list[str] | MISSING = MISSING
    """The words to expect, if they were changed."""


class DeepgramMetadata(DeepgramFacts, WithWarnings):
    """The last message, behind all results."""

    model_config = _examples(
        {
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": "call-7",
            "sha256": 64 * "0",
            "created": "2026-11-30T11:22:16.281Z",
            "duration": 2.4,
            "channels": 1,
            "models": ["7e690bc8"],
            "model_info": {"7e690bc8": MODEL},
        }
    )

    type: Literal["Metadata"]
    """Always `Metadata`."""


class DeepgramError(LiveError):
    """An error. The connection is closed after it, unless it is about a text message (`SchemaError`)."""

    model_config = _examples(
        {
            "type": "Error",
            "variant": "SchemaError",
            "description": "the text frame is not JSON",
            "code": "invalid_json",
            "message": "the text frame is not JSON",
            "request_id": "call-7",
        }
    )

    type: Literal["Error"]
    """Always `Error`."""
    variant: str
    """`SchemaError`, or the error's code."""
    description: str
    """The same as `message`."""
