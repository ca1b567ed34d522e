"""Messages of vosk-server's WebSocket protocol, in both directions."""

from typing import Annotated, Literal

from pydantic import MISSING, ConfigDict, Field

from paraserve.server.protocols.schemas.audio_quality import WithAudioQuality
from paraserve.server.protocols.schemas.documented import Documented
from paraserve.server.protocols.schemas.live_errors import LiveError
from paraserve.server.protocols.schemas.redactions import Masks, Profanity, Replacements, WithRedactions
from paraserve.server.protocols.schemas.warnings import WithNotice, WithWarnings

Switch = bool | Annotated[int, Field(ge=0, le=1)]


class VoskConfig(Documented):
    """Choices of the client. Null is absent. The next reply has a warning for those that are not honoured."""

    sample_rate: float | MISSING | None = Field(MISSING, ge=4000, le=192_000)
    """Sample rate of the audio in Hz, a whole number. Default 8000. A WAV header in the audio counts instead."""
    words: Switch | MISSING | None = MISSING
    """`false`: results have no `result`. Default `true`."""
    max_alternatives: int | MISSING | None = Field(MISSING, ge=0, le=1000)
    """Above 0, results have the shape with `alternatives`, always with one of them. Default 0."""
    phrase_list: list[str] | MISSING | None = MISSING
    """Words to expect. A hint: other words are recognized, too."""
    model: str | MISSING | None = Field(MISSING, max_length=64, examples=["auto", "demo"])
    """Model that answers, by a name or an alias of `/v1/models`. Default `auto`: the server chooses. Not in
    vosk-server."""
    itn: Switch | MISSING | None = MISSING
    """`true` writes numbers, dates and times as digits. Default `false`. Not in vosk-server."""
    punctuate: Switch | MISSING | None = MISSING
    """`true` writes punctuation. Default `false`. Not in vosk-server."""
    task: Literal["transcribe", "translate"] | MISSING | None = MISSING
    """`translate` writes English, whatever language is spoken. For Whisper: other models refuse it with
    `task_unavailable`. Default `transcribe`. Not in vosk-server."""

    replacements: Replacements | MISSING | None = MISSING
    """Texts to replace in what was recognized, as in FunASR's protocol. Not in vosk-server."""
    profanity: Profanity | MISSING | None = MISSING
    """Words and phrases to write as `***`. Not in vosk-server."""
    mask: Masks | MISSING | None = MISSING
    """Numbers and addresses to write as stars: `phone`, `id_number`, `card`, `email`, `all`. Not in vosk-server."""
    auto_gain: Switch | MISSING | None = MISSING
    """`true` amplifies quiet speech before it is detected. Default `false`. Not in vosk-server."""
    noise_suppression: Switch | MISSING | None = MISSING
    """`true` takes steady noise out of the audio first. Default `false`. Not in vosk-server."""
    audio_quality: Switch | MISSING | None = MISSING
    """`true` adds `audio_quality` to results. Default `false`. Not in vosk-server."""


class VoskConfiguration(Documented):
    """A text frame with choices. It has no reply."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"config": {"sample_rate": 16000.0, "words": True}},
            ]
        }
    )

    config: VoskConfig
    """The choices."""


class VoskEnd(Documented):
    """A text frame that ends the audio. It is answered with the final result, then the connection is closed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"eof": 1},
            ]
        }
    )

    eof: int = Field(ge=1)
    """Always 1."""


class VoskReset(Documented):
    """A text frame that ends the utterance. It is answered with the final result, and the connection goes on."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"reset": 1},
            ]
        }
    )

    reset: int = Field(ge=1)
    """Always 1."""


class VoskWord(Documented):
    """A recognized word. Times count from the start of the connection."""

    conf: float = Field(ge=0, le=1)
    """Probability of the word."""
    start: float = Field(ge=0)
    """Start in seconds."""
    end: float = Field(ge=0)
    """End in seconds."""
    word: str
    """Text of the word."""


class VoskReply(WithWarnings):
    """Keys of every reply. Warnings are about the last configuration."""


class VoskPartial(VoskReply):
    """All that was said of the present segment so far."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"partial": "turn on the"},
            ]
        }
    )

    partial: str
    """The words, empty if there are none."""


class VoskText(Documented):
    """Segments that ended since the reply before."""

    result: list[VoskWord] | MISSING = MISSING
    """The words with their times. Absent without words, or if `words` is `false`."""
    text: str
    """The words with spaces between them. Chinese is written without spaces."""


class VoskResult(VoskReply, VoskText, WithRedactions, WithNotice, WithAudioQuality):
    """Segments that ended since the reply before."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"result": [{"conf": 0.98, "end": 0.46, "start": 0.12, "word": "turn"}], "text": "turn"},
                {"text": ""},
            ]
        }
    )


class VoskAlternative(VoskText):
    """One reading of the segments."""

    confidence: float = Field(ge=0, le=1)
    """Mean probability of the words."""


class VoskAlternatives(VoskReply, WithRedactions, WithNotice, WithAudioQuality):
    """Segments that ended since the reply before, with `max_alternatives` above 0."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"alternatives": [{"confidence": 0.98, "text": "turn on the light"}]},
            ]
        }
    )

    alternatives: list[VoskAlternative] = Field(min_length=1, max_length=1)
    """Always one."""


class VoskError(VoskReply):
    """An error. The connection is closed after it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "text": "",
                    "error": {"code": "invalid_value", "message": "model must not be named", "request_id": "call-7"},
                },
            ]
        }
    )

    text: Literal[""]
    """Always empty."""
    error: LiveError
    """Facts about the failure."""
