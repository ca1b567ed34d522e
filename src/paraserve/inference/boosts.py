"""Hotwords of a model that chooses each unit by itself: the exact search for the best of them.

A Paraformer gives one distribution for each position, and no position depends on another's choice. Writing a hotword
at a place costs the gaps between its units and the best ones, and earns its bonus. The set of hotwords that earns
most is found exactly, by weighted interval scheduling (Kleinberg and Tardos, "Algorithm Design", 2005, section 6.1).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paraserve.hotword_types import Hotword, HotwordRule, IgnoredHotword
from paraserve.inference.spelling import Spelling, UnknownUnitError, plain
from paraserve.inference.text.units import SPECIAL_IDS, UNKNOWN
from paraserve.types import Int

USUAL_WEIGHT, MAX_WEIGHT = 20.0, 100.0
MAX_UNITS = 20
"""Longest hotword. A cut one would stand for something else, so a longer one is left out."""
ONE_UNIT_SHARE = 2 / 3
"""Part of the bonus for a word of one unit, which any other word may be mistaken for."""
TIE = 1e-5
"""Nats that count as nothing, for the rounding of float32: at a tie the model's own text stays."""


@dataclass(frozen=True, slots=True)
class SameLength:
    """Spellings with equal numbers of units.

    Args:
        ids: units (n_spellings, length).
        columns: where these units stand in `Boosts.units`, of the same shape.
        values: bonus of each spelling as a whole, in nats (n_spellings,).
        texts: the word that each spelling stands for, as the client wrote it.
    """

    ids: Int
    columns: Int
    values: npt.NDArray[np.float32]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Boosts:
    """A list of hotwords in the units of one model.

    Args:
        groups: the spellings by their length.
        units: ids of all units in them, sorted.
        special_ids: units that are no text. A position where one of them is best is left alone.
        cap: a unit with a larger gap is not written, in nats.
        ignored: words without an effect.
        n_words: number of words with one.
    """

    groups: tuple[SameLength, ...] = ()
    units: tuple[int, ...] = ()
    special_ids: tuple[int, ...] = ()
    cap: float = 0.0
    ignored: tuple[IgnoredHotword, ...] = ()
    n_words: int = 0

    def __bool__(self) -> bool:
        return bool(self.groups)


@dataclass(frozen=True, slots=True)
class Span:
    """A hotword at a place: rows `start` to `start + len(ids)`, below 0 for units that were given before.

    `value` is what it earns, `bonus` its part for each unit, both in nats.
    """

    text: str
    start: int
    ids: tuple[int, ...]
    value: float
    bonus: float

    @property
    def end(self) -> int:
        """The row behind the last one."""
        return self.start + len(self.ids)


def compile_boosts(words: Iterable[Hotword], spelling: Spelling, rule: HotwordRule) -> Boosts:
    """Return the words in units. Words that are spelled alike are one, with the largest weight."""
    by_length: defaultdict[int, dict[tuple[int, ...], tuple[str, float]]] = defaultdict(dict)
    ignored: list[IgnoredHotword] = []
    for word in _distinct(words):
        spellings, problem = _spell(word, spelling)
        if problem:
            ignored.append(IgnoredHotword(word.text, problem))
        for ids in spellings:
            bonus = _bonus(word.weight, len(ids), rule)
            if bonus > 0 and bonus > by_length[len(ids)].get(ids, ("", 0.0))[1]:
                by_length[len(ids)][ids] = (word.text, bonus)
    units = sorted({unit for group in by_length.values() for ids in group for unit in ids})
    groups = tuple(_same_length(by_length[length], units) for length in sorted(by_length))
    vocabulary = spelling.vocabulary
    unknown = {vocabulary.unknown_id} if UNKNOWN in vocabulary else set()
    texts = {text for group in groups for text in group.texts}
    return Boosts(groups, tuple(units), tuple(sorted(SPECIAL_IDS | unknown)), rule.cap, tuple(ignored), len(texts))


def find_spans(log_probs: npt.NDArray[np.float32], boosts: Boosts, before: Sequence[int] = ()) -> list[Span]:
    """Return the disjoint hotwords that earn most together, in their order. All of them end in the rows.

    The work grows with rows times words, about 1 ms for 50 rows and 1,000 words.

    Args:
        log_probs: logarithms of probabilities (n_rows, vocabulary) before `</s>`, up to a constant of each row.
        boosts: the hotwords.
        before: units that were given already. A hotword may begin in them.
    """
    n_before, n = len(before), len(before) + len(log_probs)
    gaps = _gaps(log_probs, boosts, before)
    is_near = np.isfinite(gaps.min(axis=1))
    ends: defaultdict[int, list[Span]] = defaultdict(list)
    for group in boosts.groups:
        for span in _spans_of(group, np.flatnonzero(is_near[group.columns].all(axis=1)), gaps, n_before):
            ends[span.end + n_before].append(span)
    totals, chosen = [0.0] * (n + 1), dict[int, Span]()
    for end in range(1, n + 1):
        totals[end] = totals[end - 1]
        for span in ends[end]:
            total = totals[span.start + n_before] + span.value
            if total > totals[end] + TIE:
                totals[end], chosen[end] = total, span
    return _traced_back(chosen, n, n_before)


def _spans_of(group: SameLength, near: Int, gaps: npt.NDArray[np.float32], n_before: int) -> list[Span]:
    """Return the best of the group's spellings `near` at each place where one earns anything."""
    length = group.ids.shape[1]
    first = max(0, n_before - length + 1)
    n_starts = gaps.shape[1] - length + 1 - first
    if n_starts <= 0 or not len(near):
        return []
    values = np.repeat(group.values[near, None], n_starts, axis=1)
    for j in range(length):
        values -= gaps[group.columns[near, j], first + j : first + j + n_starts]
    best = values.argmax(axis=0)
    best_values = values[best, np.arange(n_starts)]
    found = np.flatnonzero(best_values > TIE)
    return [
        Span(group.texts[i], start, tuple(group.ids[i].tolist()), value, float(group.values[i]) / length)
        for i, start, value in zip(
            near[best[found]].tolist(),
            (found + (first - n_before)).tolist(),
            best_values[found].tolist(),
            strict=True,
        )
    ]


def _gaps(log_probs: npt.NDArray[np.float32], boosts: Boosts, before: Sequence[int]) -> npt.NDArray[np.float32]:
    """Return the gap of each unit of the hotwords at each position, infinite where it must not be written.

    Float32 (n_units, n_before + n_rows). A unit that was given before has no gap, and no other may stand there.
    """
    units = np.array(boosts.units)
    best_ids = log_probs.argmax(axis=1)
    best = log_probs[np.arange(len(log_probs)), best_ids]
    gaps = best - log_probs[:, units].T
    # Written so that NaN counts as too far.
    gaps[~(gaps <= boosts.cap + TIE)] = np.inf
    gaps[:, np.isin(best_ids, boosts.special_ids)] = np.inf
    given = np.where(units[:, None] == np.array(before, np.int64), 0, np.inf)
    return np.concatenate((given, gaps), axis=1, dtype=np.float32)


def _traced_back(chosen: dict[int, Span], n: int, n_before: int) -> list[Span]:
    spans: list[Span] = []
    while n:
        span = chosen.get(n)
        if span is None:
            n -= 1
        else:
            spans.append(span)
            n = span.start + n_before
    return spans[::-1]


def _distinct(words: Iterable[Hotword]) -> list[Hotword]:
    """Return each word once, however it is written, with its largest weight."""
    largest: dict[str, Hotword] = {}
    for word in words:
        key = plain(word.text)
        if key and (key not in largest or word.weight > largest[key].weight):
            largest[key] = word
    return list(largest.values())


def _spell(word: Hotword, spelling: Spelling) -> tuple[list[tuple[int, ...]], str]:
    """Return the spellings of a word, or the reason why it has no effect."""
    if not word.weight > 0:
        return [], "weight 0"
    try:
        spellings = spelling.spell(word.text)
    except UnknownUnitError as error:
        return [], str(error)
    kept = [ids for ids in spellings if len(ids) <= MAX_UNITS]
    return kept, "" if kept else "too long"


def _bonus(weight: float, n_units: int, rule: HotwordRule) -> float:
    """Return the bonus of each unit of a word, in nats. A weight scales it up to the cap."""
    share = 1.0 if n_units > 1 else ONE_UNIT_SHARE
    return min(rule.cap, rule.bonus * share * min(weight, MAX_WEIGHT) / USUAL_WEIGHT)


def _same_length(spellings: dict[tuple[int, ...], tuple[str, float]], units: Sequence[int]) -> SameLength:
    ids = np.array(list(spellings), np.int64)
    texts, bonuses = zip(*spellings.values(), strict=True)
    values = np.array(bonuses, np.float32) * ids.shape[1]
    return SameLength(ids, np.searchsorted(np.array(units), ids), values, texts)
