"""Form and query fields of the upload routes, for the description of the API. `form_fields.py` reads them."""

from typing import Literal

from pydantic import MISSING, Field

from paraserve.server.protocols.schemas.documented import Documented


class UploadForm(Documented):
    """Fields of every upload route. The recording comes in the field `file` or `audio`, or as the raw body."""

    file: bytes
    """The recording: audio, or video with sound, of any common format. The field may also be called `audio`."""
    language: str = Field("auto", examples=["zh", "en"])
    """Language of the recording. With `auto` the model finds out. For SenseVoice and Whisper."""
    hotwords: str = Field("", examples=["阿里巴巴 魔搭"])
    """Words to expect, separated by spaces. For contextual models, others leave them alone."""
    itn: bool = True
    """`false` leaves numbers, dates and times as spoken."""
    punctuate: bool = True
    """`false` leaves out punctuation."""
    deterministic: bool = False
    """`true`: the text does not depend on what else the server is doing. Slower."""
    channel: int | MISSING = Field(MISSING, ge=0, le=99_999)
    """Channel of the file to take, from 0. Without it all channels are mixed."""
    track: int | MISSING = Field(MISSING, ge=0, le=99_999)
    """Audio track of the file to take, from 0. Without it the default track is taken, or the first with sound."""
    prompt: str | MISSING = MISSING
    """Text that stands before the recording's. For Whisper."""


class TranscribeForm(UploadForm):
    """Fields of `/transcribe` and `/recognize`."""

    format: Literal["json", "text", "srt", "vtt", "tsv"] = "json"
    """Format of the answer."""
    response_format: Literal["json", "text", "srt", "vtt", "tsv"] | MISSING = MISSING
    """Another name of `format`, which counts if both are given."""


class OpenAIForm(UploadForm):
    """Fields of OpenAI's transcription call."""

    model: str | MISSING = Field(MISSING, examples=["whisper-1"])
    """Any name means the loaded bundle."""
    temperature: float = Field(0, ge=0, le=1)
    """Accepted and without effect: recognition takes the most probable text."""
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] = "json"
    """Format of the answer."""
    granularities: list[Literal["segment", "word"]] | MISSING = Field(MISSING, alias="timestamp_granularities[]")
    """Times of `verbose_json`: `segment` (also without this field), `word`, or both."""
    stream: Literal[False] = False
    """Answers in parts are not given: `true` is refused."""
