"""The units that hotwords choose, on rows of known probabilities and beside an exhaustive search."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paraserve.hotword_types import Hotword, HotwordRule
from paraserve.inference.boosts import compile_boosts
from paraserve.inference.spelling import Spelling
from paraserve.inference.text.units import Vocabulary
from paraserve.inference.unit_choice import UnitChoice

UNITS = ("<blank>", "<s>", "</s>", "一", "二", "三", "四", "<unk>")
A, B, C, D, UNK = 3, 4, 5, 6, 7
SPELLING = Spelling(Vocabulary(UNITS))
NAMES = {A: "a", B: "b", C: "c", D: "d", UNK: "?"}
RULE = HotwordRule()


def rows(*cells: dict[int, float]) -> np.ndarray:
    """Return log-probabilities (n, 8): those of the cells, -12 elsewhere."""
    values = np.full((len(cells), len(UNITS)), -12, np.float32)
    for row, of_row in zip(values, cells, strict=True):
        for unit, value in of_row.items():
            row[unit] = value
    return values


def words(*texts: str, weight: float = 20.0) -> tuple[Hotword, ...]:
    return tuple(Hotword(text.translate(str.maketrans("abcd", "一二三四")), weight) for text in texts)


CASES = {
    "two units within their bonus": ([{A: -0.1, B: -3.0}, {A: -0.1, C: -3.1}], ["bc"], "bc"),
    "two units beyond it": ([{A: -0.1, B: -3.2}, {A: -0.1, C: -3.2}], ["bc"], "aa"),
    "a tie": ([{A: 0, B: -3}, {A: 0, C: -3}], ["bc"], "aa"),
    "the cap": ([{A: -0.1, B: -4.2}, {C: -0.1}], ["bc"], "ac"),
    "one unit within its bonus": ([{A: 0, B: -1.9}], ["b"], "b"),
    "one unit beyond it": ([{A: 0, B: -2.1}], ["b"], "a"),
    "the better of two that overlap": ([{B: 0}, {C: 0, D: -1}, {A: 0, D: -1}], ["bc", "cd"], "bca"),
    "a longer word around a shorter": ([{B: 0}, {C: 0}, {D: 0}], ["bc", "bcd"], "bcd"),
    "an unknown unit": ([{B: 0}, {UNK: 0, C: -1}], ["bc"], "b?"),
}


@pytest.mark.parametrize("case", CASES)
def test_known_rows(case: str) -> None:
    """Hotwords are written where their bonus exceeds what they cost, and nowhere else."""
    cells, texts, expected = CASES[case]
    choice = UnitChoice(SPELLING)
    chosen = choice.choose(rows(*cells), choice.boosts(words(*texts), RULE))
    assert "".join(NAMES[i] for i in chosen.ids.tolist()) == expected


def test_hits_of_a_longer_word() -> None:
    """A word inside a longer one that fits is not reported, and what the model wrote itself is not changed."""
    choice = UnitChoice(SPELLING)
    chosen = choice.choose(rows({B: 0}, {C: 0}, {D: 0}), choice.boosts(words("bc", "bcd"), RULE))
    assert [(hit.text, hit.start, hit.end, hit.changed) for hit in chosen.hits] == [("二三四", 0, 3, False)]


def best_value(gaps: np.ndarray, boosted: dict[tuple[int, ...], float], start: int = 0) -> float:
    """Return the most that disjoint words earn from `start` on, by trying all of them."""
    if start >= len(gaps):
        return 0.0
    best = best_value(gaps, boosted, start + 1)
    for ids, value in boosted.items():
        if start + len(ids) <= len(gaps):
            cost = sum(gaps[start + j, unit] for j, unit in enumerate(ids))
            if value - cost > 0:
                best = max(best, value - cost + best_value(gaps, boosted, start + len(ids)))
    return best


def earned(gaps: np.ndarray, ids: Sequence[int], boosted: dict[tuple[int, ...], float]) -> float:
    """Return the most that words earn if exactly these ids are written. Other units than words' are the best ones."""
    n = len(ids)
    totals = [0.0] + [-np.inf] * n
    for end in range(1, n + 1):
        if gaps[end - 1, ids[end - 1]] == 0:
            totals[end] = totals[end - 1]
        for word, value in boosted.items():
            start = end - len(word)
            if start >= 0 and tuple(ids[start:end]) == word:
                cost = sum(gaps[start + j, unit] for j, unit in enumerate(word))
                totals[end] = max(totals[end], totals[start] + value - cost)
    return totals[n]


GAP = st.floats(0, 6, width=32)
WORD = st.lists(st.sampled_from([A, B, C, D]), min_size=1, max_size=4).map(tuple)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(GAP, min_size=5, max_size=5), min_size=1, max_size=5),
    st.dictionaries(WORD, st.floats(1, 100, width=32), min_size=1, max_size=6),
)
def test_exhaustive_search(gaps: list[list[float]], weights: dict[tuple[int, ...], float]) -> None:
    """No other choice of hotwords earns more than the chosen one."""
    log_probs = np.full((len(gaps), len(UNITS)), -12, np.float32)
    log_probs[:, A : UNK + 1] = -np.array(gaps, np.float32)
    real = log_probs.max(axis=1, keepdims=True) - log_probs
    real[real > RULE.cap] = np.inf
    real[log_probs.argmax(axis=1) == UNK] = np.inf
    texts = tuple(Hotword("".join(UNITS[i] for i in ids), weight) for ids, weight in weights.items())
    boosted = {ids: len(ids) * min(4.0, (3 if len(ids) > 1 else 2) * weight / 20) for ids, weight in weights.items()}
    choice = UnitChoice(SPELLING)
    chosen = choice.choose(log_probs, choice.boosts(texts, RULE))
    wrong_rows = [i for i in range(len(gaps)) if real[i, chosen.ids[i]] == np.inf and chosen.ids[i] != UNK]
    assert not wrong_rows
    free = real.copy()
    free[log_probs.argmax(axis=1) == UNK, UNK] = 0
    assert earned(free, chosen.ids.tolist(), boosted) == pytest.approx(best_value(real, boosted), abs=1e-3)


def test_words_over_a_boundary() -> None:
    """A word may begin in units that were given before, which stay as they are and earn their bonus."""
    choice = UnitChoice(SPELLING)
    boosts = choice.boosts(words("bc"), RULE)
    chosen = choice.choose(rows({A: 0, C: -3.9}), boosts, before=[A, B])
    assert chosen.ids.tolist() == [C]
    assert [(hit.start, hit.end, hit.changed) for hit in chosen.hits] == [(-1, 1, True)]
    assert choice.choose(rows({A: 0, C: -3.9}), boosts, before=[B, A]).ids.tolist() == [A]


def test_spoiled_rows() -> None:
    """Rows that are no numbers are left alone."""
    choice = UnitChoice(SPELLING)
    log_probs = rows({A: 0, B: -1}, {A: 0, B: -1})
    log_probs[0] = np.nan
    chosen = choice.choose(log_probs, choice.boosts(words("b"), RULE))
    assert chosen.ids.tolist() == [0, B]
    assert len(chosen.hits) == 1


def test_empty_list() -> None:
    """Without hotwords each row gives its best unit."""
    choice = UnitChoice(SPELLING)
    chosen = choice.choose(rows({A: 0}, {C: 0}), choice.boosts((), RULE))
    assert (chosen.ids.tolist(), chosen.hits) == ([A, C], ())


def test_weights_scale_the_bonus_up_to_the_cap() -> None:
    """A weight of 40 doubles the bonus, none lifts the cap, and one over 100 counts as 100."""
    bonuses = {
        weight: float(compile_boosts(words("bc", weight=weight), SPELLING, RULE).groups[0].values[0])
        for weight in (10.0, 20.0, 25.0, 40.0, 1e9)
    }
    assert bonuses == {10.0: 3.0, 20.0: 6.0, 25.0: 7.5, 40.0: 8.0, 1e9: 8.0}


def test_ignored_words() -> None:
    """A word that cannot be spelled, is too long or has no weight is left out as a whole, with the reason."""
    given_words = (*words("ab䶮"), *words("a" * 21), *words("c", weight=0), *words("d", weight=float("nan")))
    boosts = compile_boosts(given_words, SPELLING, RULE)
    assert [item.reason for item in boosts.ignored] == ["unknown unit 䶮", "too long", "weight 0", "weight 0"]
    assert not boosts


def test_repeated_words() -> None:
    """A word given several times, in any case or width, is one word with the largest weight."""
    spelling = Spelling(Vocabulary((*UNITS[:-1], "hello", "<unk>")))
    boosts = compile_boosts((Hotword("Hello", 10), Hotword("ＨＥＬＬＯ", 20), Hotword(" hello ", 5)), spelling, RULE)
    assert (boosts.n_words, boosts.groups[0].texts) == (1, ("ＨＥＬＬＯ",))
    assert boosts.groups[0].values.tolist() == [2.0]


def test_no_bonus() -> None:
    """A rule without a bonus boosts nothing."""
    assert not compile_boosts(words("bc", "d"), SPELLING, HotwordRule(bonus=0))
