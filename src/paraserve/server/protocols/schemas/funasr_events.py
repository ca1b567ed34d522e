"""What FunASR's live clients get that ask for more than FunASR's servers give: words, and events of speech."""

from typing import Literal

from pydantic import MISSING, ConfigDict, Field

from paraserve.server.protocols.schemas.channels import InChannel
from paraserve.server.protocols.schemas.documented import Documented
from paraserve.server.protocols.schemas.warnings import WithWarnings


class FunasrToken(Documented):
    """A word or character of a text."""

    text: str
    """The word. A written number is one word."""
    start_ms: int | None = Field(ge=0)
    """Start from the beginning of the utterance. Null where the model tells none."""
    end_ms: int | None = Field(ge=0)
    """End from the beginning of the utterance. Null where the model tells none."""
    confidence: float | MISSING = Field(MISSING, ge=0, le=1)
    """With `confidence`: probability of the word."""


class FunasrSpeechEvent(WithWarnings, InChannel):
    """Speech has begun or ended, with `speech_events`. It comes as soon as it is known, before the texts of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "mode": "2pass-online",
                    "text": "",
                    "wav_name": "a",
                    "is_final": False,
                    "event": "speech_started",
                    "at_ms": 310,
                },
            ]
        }
    )

    mode: Literal["2pass-online"]
    """Always `2pass-online`."""
    text: Literal[""]
    """Always empty."""
    wav_name: str
    """The client's `wav_name`."""
    is_final: Literal[False]
    """Always `false`."""
    event: Literal["speech_started", "speech_ended"]
    """Start or end of speech, as the detector finds them. A cut or a `commit` amid speech is neither."""
    at_ms: int = Field(ge=0)
    """The moment, from the beginning of the utterance."""
    due_ms: int | MISSING = Field(MISSING, ge=0)
    """With `timing`: milliseconds of audio that it took to know."""
