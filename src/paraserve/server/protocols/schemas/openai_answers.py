"""Answers of the routes under `/v1/`, in the shapes of OpenAI's API."""

from typing import Literal

from pydantic import MISSING, Field

from paraserve.server.protocols.schemas.documented import Documented
from paraserve.server.protocols.schemas.transcript_answers import SpokenProperties


class OpenAITranscription(Documented):
    """The answer with `response_format=json`."""

    text: str
    """The whole text."""


class OpenAIWord(Documented):
    """A word or a Chinese character with its times."""

    word: str
    """Text of the word."""
    start: float = Field(ge=0)
    """Start in seconds."""
    end: float = Field(ge=0)
    """End in seconds."""


class OpenAISegment(SpokenProperties):
    """A sentence in the shape of OpenAI's segments."""

    id: int = Field(ge=0)
    """Number of the segment, from 0."""
    seek: Literal[0]
    """Part of OpenAI's shape, always 0."""
    start: float = Field(ge=0)
    """Start in seconds."""
    end: float = Field(ge=0)
    """End in seconds."""
    text: str
    """Text with punctuation."""
    tokens: list[int] = Field(max_length=0)
    """Part of OpenAI's shape, always empty."""
    temperature: float = Field(ge=0, le=0)
    """Part of OpenAI's shape, always 0."""
    avg_logprob: float = Field(le=0)
    """Mean logarithm of the tokens' probabilities."""
    compression_ratio: float = Field(ge=0)
    """Bytes of the text by bytes of the compressed text."""
    no_speech_prob: float = Field(ge=0, le=0)
    """Part of OpenAI's shape, always 0: segments hold speech."""
    confidence: float = Field(ge=0, le=1)
    """Mean probability of the tokens. Not in OpenAI's API."""


class OpenAIVerboseTranscription(Documented):
    """The answer with `response_format=verbose_json`."""

    task: Literal["transcribe"]
    """Always `transcribe`."""
    language: str
    """Language code, by the text's script where neither model nor client names one, `unknown` without text."""
    duration: float = Field(ge=0)
    """Length of the recording in seconds."""
    text: str
    """The whole text."""
    segments: list[OpenAISegment] | MISSING = MISSING
    """Sentences. Absent if `timestamp_granularities[]` asks for words only."""
    words: list[OpenAIWord] | MISSING = MISSING
    """Words with times. Present if `timestamp_granularities[]` asks for them."""


class OpenAIModel(Documented):
    """A loaded bundle of models."""

    id: str
    """Name of the bundle."""
    object: Literal["model"]
    """Always `model`."""
    created: int
    """Part of OpenAI's shape, always 0."""
    owned_by: str
    """Part of OpenAI's shape, always `paraserve`."""


class OpenAIModelList(Documented):
    """The models that a request may name. Every other name means the loaded bundle, too."""

    object: Literal["list"]
    """Always `list`."""
    data: list[OpenAIModel]
    """The loaded bundle."""
