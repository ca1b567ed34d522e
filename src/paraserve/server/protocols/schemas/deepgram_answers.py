"""Deepgram's call about a recording: parameters and answer."""

from typing import Annotated, Literal

from pydantic import MISSING, Field

from paraserve.server.protocols.schemas.documented import Documented
from paraserve.server.protocols.schemas.redactions import WithRedactions
from paraserve.server.protocols.schemas.transcript_answers import HotwordFacts
from paraserve.server.protocols.schemas.warnings import WithNotice, WithWarnings

Redaction = Literal[
    "false",
    "true",
    "pii",
    "pci",
    "credit_card",
    "ssn",
    "phone_number",
    "email_address",
    "numbers",
    "aggressive_numbers",
]
Seconds = Annotated[float, Field(ge=0)]


class DeepgramQuery(Documented):
    """Parameters of the call that have an effect."""

    model: str = Field("auto", examples=["auto", "nova-3"])
    """Model that answers, by a name or an alias of `/v1/models`. With `auto` and the names of Deepgram's models, the
    server chooses."""
    language: str = Field("multi", examples=["multi", "en", "zh-CN"])
    """Language of the recording. With `multi` the model finds out. For SenseVoice and Whisper."""
    detect_language: bool = False
    """`true` lets the model find out, and adds `detected_language` to the answer."""
    smart_format: bool = False
    """`true` writes punctuation, and numbers, dates and times as digits."""
    punctuate: bool | MISSING = MISSING
    """Punctuation marks. Without it as `smart_format` says."""
    numerals: bool | MISSING = MISSING
    """Numbers, dates and times as digits. Without it as `smart_format` says."""
    keyterm: list[str] | MISSING = MISSING
    """Words or phrases to expect. For Paraformers and Whisper."""
    keywords: list[str] | MISSING = Field(MISSING, examples=[["paraserve:2"]])
    """The same with a boost, 1 if none is given."""
    replace: list[str] | MISSING = Field(MISSING, examples=[["teh:the"]])
    """Texts to replace: `wrong:right`. Without a colon they are left out."""
    redact: list[Redaction] | MISSING = MISSING
    """Numbers and addresses to write as stars. Kinds that are not masked here are refused."""
    multichannel: bool = False
    """`true` transcribes each of up to 8 channels for itself."""
    utterances: bool = False
    """`true` adds the list `utterances` to the answer."""
    utt_split: float = Field(0.8, ge=0, le=3600)
    """Least pause in seconds between two utterances. They are not split within a sentence."""
    paragraphs: bool = False
    """`true` adds paragraphs to the answer, and punctuation unless `punctuate` is `false`."""
    encoding: str | MISSING = Field(MISSING, examples=["linear16", "mulaw"])
    """The recording is raw audio without a header, as on every upload route."""
    sample_rate: int | MISSING = Field(MISSING, ge=1_000, le=1_000_000)
    """Rate of raw audio in Hz."""
    channels: int | MISSING = Field(MISSING, ge=1, le=64)
    """Channels of raw audio, interleaved."""
    timeout: float | MISSING = Field(MISSING, gt=0, examples=[10])
    """Seconds after which the request is given up. Not in Deepgram's API."""
    store: bool = True
    """`false` neither takes the text from the result cache nor keeps it there. Not in Deepgram's API."""
    no_cache: bool = False
    """`true` does as `store` false. Not in Deepgram's API."""


class DeepgramWord(Documented):
    """A word or a Chinese character."""

    word: str
    """Text of the word, without marks and in small letters."""
    start: Seconds
    """Start in seconds."""
    end: Seconds
    """End in seconds."""
    confidence: float = Field(ge=0, le=1)
    """Probability of the word."""
    punctuated_word: str
    """The word as it stands in the text, with the marks behind it."""


class DeepgramModelInfo(Documented):
    """Facts about a model."""

    name: str
    """Name of the model, `auto` where the server has only one and none was named."""
    version: str
    """Version of the server."""
    arch: Literal["paraserve"]
    """Always `paraserve`."""


class DeepgramFacts(Documented):
    """Facts about the audio and the request."""

    transaction_key: Literal["deprecated"]
    """Part of Deepgram's shape, always `deprecated`."""
    request_id: str
    """The id in the header `X-Request-Id` and in the server's log."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """SHA-256 of the audio as it came."""
    created: str
    """When the answer was made, or the connection was opened, in UTC."""
    duration: Seconds
    """Length of the audio in seconds."""
    channels: int = Field(ge=1)
    """Channels that are told apart, on a live connection channels of the audio."""
    models: list[str]
    """Ids of the models."""
    model_info: dict[str, DeepgramModelInfo]
    """The models by their ids."""


class DeepgramSentence(Documented):
    """A sentence of a paragraph."""

    text: str
    """Text of the sentence."""
    start: Seconds
    """Start in seconds."""
    end: Seconds
    """End in seconds."""


class DeepgramParagraph(Documented):
    """Sentences between two long pauses, at most five."""

    sentences: list[DeepgramSentence]
    """The sentences."""
    num_words: int = Field(ge=0)
    """Number of words."""
    start: Seconds
    """Start in seconds."""
    end: Seconds
    """End in seconds."""


class DeepgramParagraphs(Documented):
    """The text of a channel in paragraphs."""

    transcript: str
    """The text, with an empty line between paragraphs."""
    paragraphs: list[DeepgramParagraph]
    """The paragraphs."""


class DeepgramAlternative(Documented):
    """What was said in a channel."""

    transcript: str
    """The text."""
    confidence: float = Field(ge=0, le=1)
    """Mean probability of the words, 0 without any."""
    words: list[DeepgramWord]
    """The words with their times. Empty where the model gives no times."""
    languages: list[str] | MISSING = MISSING
    """Codes of the languages that the model heard. Absent where it tells none."""
    paragraphs: DeepgramParagraphs | MISSING = MISSING
    """Present if `paragraphs` asks for them."""


class DeepgramChannel(Documented):
    """The text of a channel, or of all channels together."""

    alternatives: list[DeepgramAlternative] = Field(min_length=1, max_length=1)
    """Always one."""
    detected_language: str | MISSING = MISSING
    """Language code of what was heard, by the text's script where the model tells none. Present if `detect_language`
    asks for it."""


class DeepgramUtterance(Documented):
    """Sentences of one channel without a longer pause between them."""

    start: Seconds
    """Start in seconds."""
    end: Seconds
    """End in seconds."""
    confidence: float = Field(ge=0, le=1)
    """Mean probability of the words."""
    channel: int = Field(ge=0)
    """Channel, from 0."""
    transcript: str
    """The text."""
    words: list[DeepgramWord]
    """The words with their times."""
    id: str
    """Id of the utterance."""


class DeepgramResults(Documented):
    """The texts."""

    channels: list[DeepgramChannel]
    """The text of each channel with `multichannel`, else one text."""
    utterances: list[DeepgramUtterance] | MISSING = MISSING
    """Utterances of all channels in the order of their starts. Present if `utterances` asks for them."""


class DeepgramRecording(HotwordFacts, WithRedactions, WithWarnings, WithNotice):
    """The answer about a recording."""

    metadata: DeepgramFacts
    """Facts about the recording."""
    results: DeepgramResults
    """The texts."""
