"""The rule by which a model is unsure of a segment, so that another one is asked.

`scripts/bench/routing.py` measures it, and docs/models.md has the table. The limits were chosen on one half of that set
and are reported on the other.
"""

from collections.abc import Collection

from paraserve.types import Hypothesis

UNKNOWN_UNITS = "unknown_units"
"""Reason: of too many units the model knows only that it does not know them."""
LOW_SCORE = "low_score"
"""Reason: its units are too improbable on the whole."""
FEW_TOKENS = "few_tokens"
"""Reason: there are too few words for the speech there was."""
UNKNOWN_LANGUAGE = "unknown_language"
"""Reason: it is not for the language that was heard or asked for."""

MAX_UNKNOWN_SHARE = 0.34
"""Share of unknown units. One unknown name in a short command stays."""
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
    n_known, n_unknown = len(hypothesis.tokens), hypothesis.unknown_units
    n_units = n_known + n_unknown
    if n_unknown > MAX_UNKNOWN_SHARE * n_units:
        return UNKNOWN_UNITS
    if n_known and hypothesis.score * n_known < MIN_SCORE * n_units:
        return LOW_SCORE
    if speech_ms >= SHORTEST_MS and n_known < MIN_TOKENS_PER_S * speech_ms / 1000:
        return FEW_TOKENS
    return None
