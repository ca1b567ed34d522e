"""HTTP answers of FunASR's servers."""

from typing import Annotated, Literal

from pydantic import MISSING, Field

from paraserve.server.protocols.schemas.audio_quality import WithAudioQuality
from paraserve.server.protocols.schemas.channels import InChannel, WithChannels
from paraserve.server.protocols.schemas.documented import Documented
from paraserve.server.protocols.schemas.openai_answers import OpenAIWord
from paraserve.server.protocols.schemas.redactions import WithRedactions
from paraserve.server.protocols.schemas.transcript_answers import HotwordFacts, SpokenProperties, WithSpoken
from paraserve.server.protocols.schemas.warnings import Shortfall, WithNotice, WithWarnings


class FunasrSentence(InChannel):
    """A sentence of `/recognition`."""

    text: str
    """Text with punctuation."""
    start: int | None
    """Start in ms, null without times."""
    end: int | None
    """End in ms, null without times."""


class FunasrRecognition(WithChannels, WithRedactions, WithNotice, WithWarnings, WithAudioQuality):
    """The answer of FunASR's Python HTTP server."""

    text: str
    """The whole text."""
    sentences: list[FunasrSentence]
    """The sentences in order. Empty if nothing was said."""
    code: Literal[0]
    """Always 0. Failures have a status and a body of their own."""


class FunasrSegment(InChannel):
    """A sentence of `/asr`."""

    text: str
    """Text with punctuation."""
    start: float = Field(ge=0)
    """Start in seconds."""
    end: float = Field(ge=0)
    """End in seconds."""
    words: list[OpenAIWord]
    """Words with times. Empty where the model gives none."""


class FunasrAsr(WithChannels, WithRedactions, WithNotice, WithWarnings, WithAudioQuality):
    """The answer of `funasr-server`."""

    text: str
    """The whole text."""
    segments: list[FunasrSegment]
    """The sentences in order. Empty if nothing was said."""
    duration: float = Field(ge=0)
    """Length of the recording in seconds."""
    language: str
    """Language code of what was heard, by the text's script where the model tells none, `unknown` without text."""
    processing_time: float = Field(ge=0)
    """Seconds from the request to the text."""
    rtf: float = Field(ge=0)
    """Real-time factor: `processing_time` by `duration`, 0 for an empty recording."""


class FunasrClause(InChannel):
    """The units up to a punctuation mark. A unit is a Chinese character, a digit or a Latin word."""

    text_seg: str
    """The units with spaces between them."""
    punc: str
    """The mark, empty at an end without one."""
    start: int
    """Start of the first unit in ms, -1 without units."""
    end: int
    """End of the last unit in ms, -1 without units."""
    ts_list: list[Annotated[list[int], Field(min_length=2, max_length=2)]]
    """Start and end of each unit in ms."""


class FunasrTimes(Documented):
    """Times of a text as FunASR's servers give them."""

    timestamp: str | MISSING = Field(MISSING, examples=["[[430,670],[670,810]]"])
    """A JSON text: a list of `[start, end]` in ms, one for each unit. Absent without times."""
    stamp_sents: list[FunasrClause] | MISSING = MISSING
    """The same times, cut at each mark. Absent without times."""


class FunasrOffline(
    FunasrTimes,
    SpokenProperties,
    WithSpoken,
    HotwordFacts,
    WithChannels,
    WithRedactions,
    Shortfall,
    WithWarnings,
    WithAudioQuality,
):
    """The result of FunASR's offline servers. Language, emotion and events are those of the first sentence."""

    mode: Literal["offline"]
    """Always `offline`."""
    text: str
    """The whole text. With `--protocol strict` a SenseVoice's tags stand in it."""
    wav_name: str
    """Name of the file that was sent. Empty with `--protocol strict`."""
    is_final: bool
    """`true`, with `--protocol strict` `false`."""
