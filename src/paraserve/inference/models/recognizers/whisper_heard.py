"""A text that Whisper made of a window, and the signs by which it is silence, lost or doubtful.

Source of the limits: the model's reference implementation.
"""

from dataclasses import dataclass
from typing import Any

from paraserve.inference.models.recognizers.whisper_windows import repeats_itself

NO_SPEECH, LEAST_LOG_PROBABILITY = 0.6, -1.0
"""Silence: the probability of no speech is above the first, the mean log probability of a unit below the second. A
text below the second is doubtful in any case."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A text that the model made of a window. `is_cut_off`: it took all the units that there was room for."""

    encoded: Any
    tokenizer: Any
    language: str
    prompt: str
    ids: tuple[int, ...]
    text: str
    is_cut_off: bool
    log_probability: float
    no_speech: float

    @property
    def is_silence(self) -> bool:
        """True if the model heard no speech, and its text is improbable as well."""
        return self.no_speech > NO_SPEECH and self.log_probability < LEAST_LOG_PROBABILITY

    @property
    def is_lost(self) -> bool:
        """True if the decoder has lost its place: a text without an end, or one thing over and over."""
        return self.is_cut_off or repeats_itself(self.text, self.ids)

    @property
    def is_doubtful(self) -> bool:
        """True if the window may have been too short, or the language another one."""
        return self.is_lost or (self.log_probability < LEAST_LOG_PROBABILITY and not self.is_silence)

    def is_no_draft(self, *, is_language_known: bool) -> bool:
        """Return whether nothing is told of a draft. A short one is often unlikely, and right all the same.

        An unlikely one may be in a wrong language, unless that is known.
        """
        return self.is_lost or (self.is_doubtful and not is_language_known)
