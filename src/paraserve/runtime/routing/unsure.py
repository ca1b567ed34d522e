"""The rule by which a model is unsure of a segment, so that another one is asked.

The reasons are `UNKNOWN_UNITS` (it knows too few of the units, though it is sure of those) and those below.

`scripts/bench/routing.py` measures it, and docs/models.md has the table. The limits were chosen on one half of that
set and are reported on the other.
"""

from collections.abc import Collection

from paraserve.inference.text.units import UNKNOWN_UNITS
from paraserve.types import Hypothesis

LOW_SCORE = "low_score"
"""Reason: the units that it knows are too improbable on the whole."""
FEW_TOKENS = "few_tokens"
"""Reason: there are too few words for the speech there was."""
UNKNOWN_LANGUAGE = "unknown_language"
"""Reason: it is not for the language that was heard or asked for."""

MIN_SCORE = 0.7
"""Mean probability of the units, where unknown ones count as 0."""
MIN_TOKENS_PER_S = 0.5
"""Words or characters in a second of a segment. The slowest clear speech of the set has 1."""
SHORTEST_MS = 1_000
"""Segments below this length may be a cough or a breath: no words are too few."""


def unsure_reason(hypothesis: Hypothesis, speech_ms: int, languages: Collection[str]) -> str | None:
    """Return the reason why a model is unsure of a segment, None if it is sure.

    Args:
        hypothesis: what it recognized.
        speech_ms: length of the segment.
        languages: codes of the languages that it is for. Empty: nobody says, and no language is a reason.
    """
    if hypothesis.language is not None and languages and hypothesis.language not in languages:
        return UNKNOWN_LANGUAGE
    n_known = len(hypothesis.tokens)
    n_units = n_known + hypothesis.unknown_units
    if hypothesis.score * n_known < MIN_SCORE * n_units:
        return LOW_SCORE if n_known and hypothesis.score < MIN_SCORE else UNKNOWN_UNITS
    if speech_ms >= SHORTEST_MS and n_known < MIN_TOKENS_PER_S * speech_ms / 1000:
        return FEW_TOKENS
    return None
