"""The choice of one unit for each position of a Paraformer's output: the best ones, or what hotwords change."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from paraserve.hotword_types import Hotword
from paraserve.inference.boosts import Boosts, Span, compile_boosts, find_spans
from paraserve.inference.spelling import Spelling
from paraserve.options import HotwordRule
from paraserve.types import Int

CACHED_LISTS = 64
"""Lists of hotwords that are kept in units, since a client sends its list with every recording."""


@dataclass(frozen=True, slots=True)
class WrittenHotword:
    """A hotword among the chosen units: rows `start` to `end`, below 0 for units that were given before.

    `changed`: at least one of its rows would have been another unit.
    """

    text: str
    start: int
    end: int
    changed: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen unit of each row, int64 (n_rows,), and the hotwords among them in their order."""

    ids: Int
    hits: tuple[WrittenHotword, ...] = ()


class UnitChoice:
    """Chooses the units of one model. Several threads may use it."""

    def __init__(self, spelling: Spelling) -> None:
        self.spelling = spelling
        self.boosts = lru_cache(CACHED_LISTS)(self._boosts)
        """`boosts(words, rule)`: the hotwords in units of the model."""

    def choose(self, log_probs: npt.NDArray[np.float32], boosts: Boosts, before: Sequence[int] = ()) -> Choice:
        """Return the units of the rows.

        Args:
            log_probs: logarithms of probabilities (n_rows, vocabulary) before `</s>`, up to a constant of each row.
            boosts: hotwords. None of them gives the best unit of each row.
            before: units that were given already and cannot change, in which a hotword may begin.
        """
        ids = log_probs.argmax(axis=1)
        spans = find_spans(log_probs, boosts, before) if boosts and len(log_probs) else []
        return boosted(ids, spans)

    def _boosts(self, words: tuple[Hotword, ...], rule: HotwordRule) -> Boosts:
        return compile_boosts(words, self.spelling, rule)


def boosted(ids: Int, spans: Sequence[Span]) -> Choice:
    """Return the best units of each row (n_rows,) with those of the spans in their places."""
    chosen = ids.copy()
    hits: list[WrittenHotword] = []
    for span in spans:
        rows = slice(max(0, span.start), span.end)
        units = np.array(span.ids[rows.start - span.start :])
        hits.append(WrittenHotword(span.text, span.start, span.end, bool((chosen[rows] != units).any())))
        chosen[rows] = units
    return Choice(chosen, tuple(hits))
