"""Our own JSON transcript (`/transcribe`, `--format json`)."""

from typing import Literal, TypeAlias

from pydantic import MISSING, Field

from paraserve.server.protocols.schemas.audio_quality import WithAudioQuality
from paraserve.server.protocols.schemas.channels import InChannel, WithChannels
from paraserve.server.protocols.schemas.documented import Documented
from paraserve.server.protocols.schemas.redactions import WithRedactions
from paraserve.server.protocols.schemas.warnings import Understanding, WithNotice, WithWarnings


class TokenJson(Documented):
    """A Chinese character, a word, or what replaced several words when numbers were written as digits."""

    text: str
    """Text of the token, without punctuation."""
    start_ms: int | None
    """Start from the beginning of the recording in ms, null where the model gives no times."""
    end_ms: int | None
    """End in ms, null where the model gives no times."""
    confidence: float = Field(ge=0, le=1)
    """Probability that the model gives to this token."""


ModelReason: TypeAlias = Literal[
    "requested",
    "fallback",
    "sure",
    "no_better",
    "overloaded",
    "unknown_units",
    "low_score",
    "few_tokens",
    "unknown_language",
]


class SpokenProperties(Documented):
    """Properties of the speech that some models name beside the words, and the model that named them."""

    language: str | MISSING = MISSING
    """Language code such as `zh`. Absent where the model names none."""
    emotion: str | MISSING = MISSING
    """Emotion such as `NEUTRAL` or `HAPPY` (SenseVoice). Absent where the model names none."""
    events: list[str] | MISSING = MISSING
    """Sounds such as `Speech`, `BGM` or `Laughter` (SenseVoice). Absent where the model names none."""
    model: str | MISSING = MISSING
    """Name of the model that wrote the text. Absent where the server has only one."""
    model_reason: ModelReason | MISSING = MISSING
    """Reason why this model wrote it. `requested`: the client named it. `fallback`: it stands in for the one that was
    named. `sure`: the first model is sure of it. `no_better`: the first model is unsure, and no other one had a text.
    `overloaded`: the first model is unsure, and too much waits for another one to be asked. The others are reasons
    why the first model was unsure, and this is another one. Absent where the server has only one."""


class WithSpoken(Documented):
    """Text as it was said beside the written one."""

    spoken: str | MISSING = MISSING
    """The text as it was said, with its punctuation. Absent where nothing is written otherwise."""


class HotwordJson(Documented):
    """A hotword in the text."""

    text: str
    """The word as the client wrote it."""
    start_ms: int | None
    """Start in ms, null where the model gives no times."""
    end_ms: int | None
    """End in ms, null where the model gives no times."""
    changed: bool | None
    """`true` if something else would stand there without hotwords. null where the model does not tell."""


class IgnoredHotwordJson(Documented):
    """A hotword without effect."""

    text: str
    """The word as the client wrote it."""
    reason: str
    """`unknown unit` and the part that the model cannot write, `too long`, or `weight 0`."""


class HotwordFacts(Documented):
    """What became of the client's hotwords."""

    hotwords: list[HotwordJson] | MISSING = MISSING
    """Hotwords in the text, in their order. Absent where the client sent none."""
    hotwords_ignored: list[IgnoredHotwordJson] | MISSING = MISSING
    """Hotwords of the client that have no effect. Absent without any. Live clients are told once an utterance."""


class SentenceJson(SpokenProperties, WithSpoken, InChannel):
    """A punctuated part of the text."""

    text: str
    """Text with punctuation."""
    start_ms: int | None
    """Start of the first token in ms, null without times."""
    end_ms: int | None
    """End of the last token in ms, null without times."""
    tokens: list[TokenJson]
    """The tokens of the sentence in order."""
    spoken_tokens: list[TokenJson] | MISSING = MISSING
    """The words of `spoken` with their own times, in order. Absent where `spoken` is."""


class TimingJson(Documented):
    """Time spent on the recording in ms, summed over its parts. The parts overlap."""

    queue_ms: int = Field(ge=0)
    """Waiting for a free worker."""
    decode_ms: int = Field(ge=0)
    """Decoding the file to samples."""
    inference_ms: int = Field(ge=0)
    """Running models."""


class PeaksJson(Documented):
    """What a waveform is drawn from."""

    per_s: int
    """Number of peaks in a second."""
    values: str
    """Base64 of a byte for each peak, 255 for full scale. With `channel=split` the loudest channel counts."""


class TranscriptJson(
    WithSpoken, Understanding, HotwordFacts, WithChannels, WithRedactions, WithNotice, WithWarnings, WithAudioQuality
):
    """The transcript of a recording, with times and confidences."""

    text: str
    """The whole text."""
    language: str | None
    """Language code that the model heard, null where it tells none."""
    duration_ms: int = Field(ge=0)
    """Length of the recording in ms."""
    sentences: list[SentenceJson]
    """The sentences in order. Empty if nothing was said."""
    audio_received_ms: int = Field(ge=0)
    """Audio that was decoded, in ms."""
    audio_processed_ms: int = Field(ge=0)
    """Audio that was judged silent or recognized, in ms. Equal to `audio_received_ms` unless something is wrong."""
    damaged_packets: int = Field(ge=0)
    """Packets of the file that could not be decoded."""
    task: Literal["translate"] | MISSING = MISSING
    """Present where the text is an English translation. `language` is the one that was spoken."""
    timing: TimingJson
    """Time that the parts of the work took."""
    peaks: PeaksJson | MISSING = MISSING
    """The loudest sample of each 100 ms of the recording. Present with `peaks=true`."""
    cached: Literal[True] | MISSING = MISSING
    """Present where the text was not made for this request, but is that of an earlier or an equal one."""
