"""The choice of one unit for each position of a Paraformer's output: the best ones, or what words that matter change.

Hotwords come first, as a bonus on the units that they choose. A language model then reads the whole, so it can refuse
a hotword that makes no sense.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt

from paraserve.hotword_types import Hotword, HotwordRule
from paraserve.inference.boosts import Boosts, Span, compile_boosts, find_spans
from paraserve.inference.language_model.language_model import LanguageModel
from paraserve.inference.spelling import Spelling
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
    """Chooses the units of one model, with its language model if it has one. Several threads may use it."""

    def __init__(self, spelling: Spelling, language_model: LanguageModel | None = None) -> None:
        self.spelling = spelling
        self._language_model = language_model
        # A method of this object in its own cache would keep the model until the next garbage collection.
        self.boosts = lru_cache(CACHED_LISTS)(partial(_boosts, spelling))
        """`boosts(words, rule)`: the hotwords in units of the model."""

    @property
    def has_language_model(self) -> bool:
        """True if a language model may change what the model alone would write."""
        return self._language_model is not None

    def choose(
        self,
        log_probs: npt.NDArray[np.float32],
        boosts: Boosts,
        before: Sequence[int] = (),
        *,
        is_last: bool = True,
        with_lm: bool = True,
    ) -> Choice:
        """Return the units of the rows.

        Args:
            log_probs: logarithms of probabilities (n_rows, vocabulary) before `</s>`, up to a constant of each row.
            boosts: hotwords. None of them gives the best unit of each row.
            before: units that were given already and cannot change, in which a hotword may begin.
            is_last: the utterance ends with these rows, which the language model takes into account.
            with_lm: let the language model choose, if there is one.
        """
        ids = log_probs.argmax(axis=1)
        spans = find_spans(log_probs, boosts, before) if boosts and len(log_probs) else []
        if self._language_model is None or not with_lm or not len(log_probs):
            return boosted(ids, spans)
        found = self._language_model.best_units(_raised(log_probs, spans), before, is_last=is_last)
        if found is None:
            return boosted(ids, spans)
        return Choice(found, tuple(_written(ids, found, spans)))


def _boosts(spelling: Spelling, words: tuple[Hotword, ...], rule: HotwordRule) -> Boosts:
    return compile_boosts(words, spelling, rule)


def _raised(log_probs: npt.NDArray[np.float32], spans: Sequence[Span]) -> npt.NDArray[np.float32]:
    """Return the rows with the bonus of each span on its units."""
    if not spans:
        return log_probs
    raised = log_probs.copy()
    for span in spans:
        rows = np.arange(max(0, span.start), span.end)
        raised[rows, span.ids[max(0, -span.start) :]] += span.bonus
    return raised


def _written(best_ids: Int, ids: Int, spans: Sequence[Span]) -> Iterator[WrittenHotword]:
    """Yield the spans whose units the language model has left in their places."""
    for span in spans:
        rows = slice(max(0, span.start), span.end)
        if (ids[rows] == np.array(span.ids[max(0, -span.start) :])).all():
            is_changed = bool((best_ids[rows] != ids[rows]).any())
            yield WrittenHotword(span.text, span.start, span.end, is_changed)


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
