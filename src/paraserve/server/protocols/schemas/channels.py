"""Channels that are transcribed each for itself, in all answers."""

from pydantic import MISSING, Field

from paraserve.server.protocols.schemas.audio_quality import WithAudioQuality
from paraserve.server.protocols.schemas.documented import Documented
from paraserve.server.protocols.schemas.warnings import Understanding, WithNotice


class InChannel(Documented):
    """A part of the text that was said in one channel."""

    channel: int | MISSING = Field(MISSING, ge=0)
    """Channel that it was said in, from 0. Present with `channel=split` only."""


class ChannelJson(Understanding, WithNotice, WithAudioQuality):
    """What was said in one channel."""

    channel: int = Field(ge=0)
    """Number of the channel, from 0."""
    text: str
    """Its whole text."""
    spoken: str | MISSING = MISSING
    """The text as it was said, with its punctuation. Absent where nothing is written otherwise."""
    language: str | None
    """Language code that the model heard, null where it tells none."""


class WithChannels(Documented):
    """An answer about channels that are transcribed each for itself, or about all as one."""

    channels: list[ChannelJson] | MISSING = MISSING
    """The text of each channel. Present with `channel=split` only: `text` then has a line for each turn, which begins
    with the number of the channel in brackets, and sentences are in the order of their starts."""
