"""Starts and ends of speech in a live utterance, as clients are told of them."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SpeechChange:
    """Speech of a live utterance has begun or ended at `at_ms`. `due_ms` is the audio that it took to know.

    `channel` is the one that it is in where channels are split.
    """

    kind: Literal["started", "ended"]
    at_ms: int
    due_ms: int
    channel: int | None = None
