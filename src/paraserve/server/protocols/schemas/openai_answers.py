"""Answers of the routes under `/v1/`, in the shapes of OpenAI's API."""

from typing import Literal

from pydantic import MISSING, Field

from paraserve.server.protocols.schemas.audio_quality import WithAudioQuality
from paraserve.server.protocols.schemas.channels import InChannel, WithChannels
from paraserve.server.protocols.schemas.documented import Documented
from paraserve.server.protocols.schemas.health_answers import ModelFacts
from paraserve.server.protocols.schemas.redactions import WithRedactions
from paraserve.server.protocols.schemas.transcript_answers import HotwordFacts, SpokenProperties, WithSpoken
from paraserve.server.protocols.schemas.warnings import Understanding, WithNotice, WithWarnings


class OpenAIUsage(Documented):
    """The audio of the request, as OpenAI counts it."""

    type: Literal["duration"]
    """Always `duration`."""
    seconds: int = Field(ge=0)
    """Length of the recording in seconds, rounded up."""


class OpenAILogprob(Documented):
    """The probability of a word or a Chinese character."""

    token: str
    """Text of the word, without marks and spaces."""
    bytes: list[int]
    """The text in UTF-8."""
    logprob: float = Field(le=0)
    """Natural logarithm of the probability."""


class OpenAILanguage(Documented):
    """A language that was heard."""

    code: str
    """Its code: that of the model, else `zh` or `en` by the script of the text."""


class OpenAITranscription(WithChannels, WithRedactions, WithNotice, WithWarnings, WithAudioQuality):
    """The answer with `response_format=json`."""

    text: str
    """The whole text."""
    languages: list[OpenAILanguage]
    """Languages that were heard. Empty where nothing tells them."""
    usage: OpenAIUsage
    """The audio of the request."""
    logprobs: list[OpenAILogprob] | MISSING = MISSING
    """Present if `include[]` asks for them."""


class OpenAIWord(InChannel):
    """A word or a Chinese character with its times."""

    word: str
    """Text of the word."""
    start: float = Field(ge=0)
    """Start in seconds."""
    end: float = Field(ge=0)
    """End in seconds."""


class OpenAISegment(SpokenProperties, WithSpoken, InChannel):
    """A sentence in the shape of OpenAI's segments."""

    id: int = Field(ge=0)
    """Number of the segment, from 0."""
    seek: int = Field(ge=0)
    """Start in frames of 10 ms."""
    start: float = Field(ge=0)
    """Start in seconds."""
    end: float = Field(ge=0)
    """End in seconds."""
    text: str
    """Text with punctuation."""
    tokens: list[int]
    """Ids of the units of the model's vocabulary that were recognized, without those of marks."""
    temperature: float = Field(ge=0, le=0)
    """Always 0: recognition takes the most probable text."""
    avg_logprob: float = Field(le=0)
    """Mean logarithm of the tokens' probabilities."""
    compression_ratio: float = Field(ge=0)
    """Bytes of the text by bytes of the compressed text."""
    no_speech_prob: float = Field(ge=0, le=1)
    """Probability that none of the words was said: the product of (1 - probability) of each."""
    confidence: float = Field(ge=0, le=1)
    """Mean probability of the tokens. Not in OpenAI's API."""


class OpenAIVerboseTranscription(
    Understanding, HotwordFacts, WithChannels, WithRedactions, WithNotice, WithWarnings, WithAudioQuality
):
    """The answer with `response_format=verbose_json`."""

    task: Literal["transcribe", "translate"]
    """What was asked for."""
    language: str
    """Language code of what was heard, by the text's script where the model tells none, `unknown` without text.
    `english` of a translation, as OpenAI's API has it."""
    duration: float = Field(ge=0)
    """Length of the recording in seconds."""
    text: str
    """The whole text."""
    segments: list[OpenAISegment] | MISSING = MISSING
    """Sentences. Absent if `timestamp_granularities[]` asks for words only."""
    usage: OpenAIUsage
    """The audio of the request."""
    words: list[OpenAIWord] | MISSING = MISSING
    """Words with times. Present if `timestamp_granularities[]` asks for them."""


class OpenAISpeakerSegment(Documented):
    """A sentence with its speaker."""

    type: Literal["transcript.text.segment"]
    """Always `transcript.text.segment`."""
    id: str
    """Name of the segment by its place: `seg_0`."""
    start: float = Field(ge=0)
    """Start in seconds."""
    end: float = Field(ge=0)
    """End in seconds."""
    text: str
    """Text with punctuation."""
    speaker: str
    """`A` for the first channel, `B` for the second one, and so on."""


class OpenAIDiarizedTranscription(WithChannels, WithRedactions, WithNotice, WithWarnings, WithAudioQuality):
    """The answer with `response_format=diarized_json`, in which each channel is a speaker."""

    task: Literal["transcribe", "translate"]
    """What was asked for."""
    duration: float = Field(ge=0)
    """Length of the recording in seconds."""
    text: str
    """A line for each turn, behind its speaker: `A: text`."""
    segments: list[OpenAISpeakerSegment]
    """Sentences in the order of their starts."""
    usage: OpenAIUsage
    """The audio of the request."""


class OpenAIModel(ModelFacts):
    """A model: a bundle with a name."""

    id: str
    """Name of the model."""
    object: Literal["model"]
    """Always `model`."""
    created: int
    """Part of OpenAI's shape, always 0."""
    owned_by: str
    """Part of OpenAI's shape, always `paraserve`."""
    aliases: list[str]
    """More names of the model."""
    knows: str
    """The speech that it understands, in English words. Empty where its bundle does not tell."""
    is_embedded: bool
    """It is the model that is part of the installation."""


class OpenAIModelList(Documented):
    """The models that a request may name."""

    object: Literal["list"]
    """Always `list`."""
    data: list[OpenAIModel]
    """The models. The first one that is loaded answers requests that name none."""
