"""Answers of whisper-asr-webservice's routes."""

from pydantic import MISSING, Field

from paraserve.server.protocols.schemas.audio_quality import WithAudioQuality
from paraserve.server.protocols.schemas.channels import WithChannels
from paraserve.server.protocols.schemas.openai_answers import OpenAISegment, OpenAIWord
from paraserve.server.protocols.schemas.redactions import WithRedactions
from paraserve.server.protocols.schemas.warnings import WithNotice, WithWarnings


class WebserviceWord(OpenAIWord):
    """A word with its times and its probability."""

    probability: float = Field(ge=0, le=1)
    """Probability of the word."""


class WebserviceSegment(OpenAISegment):
    """A sentence of `/asr` with `output=json`."""

    words: list[WebserviceWord] | MISSING = MISSING
    """Words with times. Present if `word_timestamps` asks for them."""


class WebserviceAsr(WithChannels, WithRedactions, WithNotice, WithWarnings, WithAudioQuality):
    """The answer of whisper-asr-webservice's `/asr` with `output=json`."""

    text: str
    """The whole text."""
    segments: list[WebserviceSegment]
    """The sentences in order. Empty if nothing was said."""
    language: str
    """Language code of what was heard, by the text's script where the model tells none, `unknown` without text."""


class DetectedLanguage(WithChannels, WithNotice, WithWarnings):
    """The answer of `/detect-language`."""

    detected_language: str
    """English name of the language in small letters, `unknown` without text."""
    language_code: str
    """Its code, by the text's script where the model tells none, `unknown` without text."""
    confidence: float = Field(ge=0, le=1)
    """Share of the words that are in this language. 0 without text."""
