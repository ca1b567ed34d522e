"""The language of one stream's speech: found at its start, then checked now and then.

Finding it costs a run of the decoder, and in a short segment a model takes one language for another.
"""

from dataclasses import replace

from paraserve.options import RecognitionOptions
from paraserve.types import SAMPLE_RATE, Hypothesis

ENOUGH_SAMPLES = 2 * SAMPLE_RATE
"""Speech that tells its language. What is found in less is not kept."""
CHECK_SAMPLES = 10 * SAMPLE_RATE
"""Speech after which the next segment that is long enough tells its language anew."""


class SpokenLanguage:
    """The language that a stream is known to be in, for models that can be told of it (`heard_language`)."""

    def __init__(self) -> None:
        self._language: str | None = None
        self._unchecked_samples = 0

    def told(self, options: RecognitionOptions, n_samples: int) -> RecognitionOptions:
        """Return the options for a segment of this length, with the language unless it has to be found out.

        A language that the client names counts alone.
        """
        if options.language is not None:
            return replace(options, heard_language=None)
        is_due = self._unchecked_samples >= CHECK_SAMPLES and n_samples >= ENOUGH_SAMPLES
        return replace(options, heard_language=None if is_due else self._language)

    def hear(self, hypothesis: Hypothesis, options: RecognitionOptions, n_samples: int) -> None:
        """Take what a model heard in a segment of this length with these options."""
        self._unchecked_samples += n_samples
        is_nothing = not hypothesis.tokens and not options.draft  # a draft may be too short to be understood
        if is_nothing or hypothesis.language != options.heard_language:
            # Nothing was understood, or the model found another language by itself.
            self._language = None
        if hypothesis.tokens and n_samples >= ENOUGH_SAMPLES and options.heard_language is None:
            self._language = hypothesis.language
            self._unchecked_samples = 0
