"""Modified Kneser-Ney models beside a slow calculation, their sums, and pruned ones."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.inference.text.units import EOS_ID, SOS_ID
from paraserve.ngrams.counting import NgramCounter
from paraserve.ngrams.pruning import pruned
from paraserve.ngrams.tables import NgramModel, pack
from support.language_models import PREDICTED, A, B, C, D, model_of_texts, ngrams_of

TEXTS = st.lists(st.lists(st.sampled_from((A, B, C, D)), min_size=1, max_size=6), min_size=1, max_size=40)


def sums(model: NgramModel, predicted=PREDICTED) -> list[float]:
    """The sum of the probabilities of all units behind each history of the model."""
    found = []
    for history in [ids for ids in ngrams_of(model) if len(ids) < model.order and ids[-1] != EOS_ID] + [()]:
        keys = pack(np.array([(*history, unit) for unit in predicted]))
        found.append(float(np.exp(model.log_probs(keys, len(history) + 1)).sum()))
    return found


@given(TEXTS, st.integers(2, 4))
def test_probabilities_behind_each_history_sum_to_one(texts, order):
    """Whatever the texts are, the probabilities behind each history sum to 1, pruned or not."""
    model = model_of_texts(texts, order)
    assert sums(model) == pytest.approx([1.0] * len(sums(model)), abs=1e-9)
    for max_ngrams in (1, 10, 30):
        smaller = pruned(model, max_ngrams)
        assert sums(smaller) == pytest.approx([1.0] * len(sums(smaller)), abs=1e-9)


def slow_bigrams(texts: list[list[int]], history: int, unit: int) -> float:
    """P(unit | history) by the formulas of Chen and Goodman, from dictionaries."""
    pairs = Counter(pair for ids in texts for pair in zip([SOS_ID, *ids], [*ids, EOS_ID], strict=True))
    kinds = Counter(second for _, second in pairs)

    def discounts(counts: Counter) -> list[float]:
        n = [sum(value == i for value in counts.values()) for i in range(5)]
        if min(n[1:]) == 0:
            return [0, 0.5, 1.0, 1.5]
        y = n[1] / (n[1] + 2 * n[2])
        found = [0, 1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]]
        return found if all(0 < found[i] < i for i in (1, 2, 3)) else [0, 0.5, 1.0, 1.5]

    of_kinds, of_pairs = discounts(kinds), discounts(pairs)
    total = sum(kinds.values())
    rest = sum(of_kinds[min(3, count)] for count in kinds.values()) / total
    lower = (kinds[unit] - of_kinds[min(3, kinds[unit])]) / total + rest / len(PREDICTED)
    behind = defaultdict(int, {second: count for (first, second), count in pairs.items() if first == history})
    if not behind:
        return lower
    rest = sum(of_pairs[min(3, count)] for count in behind.values()) / sum(behind.values())
    count = behind[unit]
    return (count - of_pairs[min(3, count)]) / sum(behind.values()) + rest * lower


@given(TEXTS)
def test_bigrams_are_those_of_the_formulas(texts):
    """Each probability of two units is what the formulas of the paper give."""
    model = model_of_texts(texts, 2)
    cases = [(history, unit) for history in (SOS_ID, A, B, C, D) for unit in PREDICTED]
    found = np.exp(model.log_probs(pack(np.array(cases)), 2))
    assert found.tolist() == pytest.approx([slow_bigrams(texts, *case) for case in cases], rel=1e-9)


def test_discounts_of_many_counts():
    """With counts of every size the discounts are estimated, and the formulas still hold."""
    rng = np.random.default_rng(0)
    texts = [(3 + rng.integers(0, 4, rng.integers(1, 5))).tolist() for _ in range(14)]
    model = model_of_texts(texts, 2)
    assert float(np.exp(model.log_probs(pack(np.array([(A, B)])), 2))[0]) == pytest.approx(slow_bigrams(texts, A, B))


def test_beginnings_of_texts():
    """A text that always begins with the same unit is expected to, and one in the middle is not."""
    model = model_of_texts([[A, B, C], [A, C, B], [A, B, D]] * 5, 3)
    first = np.exp(model.log_probs(pack(np.array([(SOS_ID, A), (B, A)])), 2))
    assert first[0] > 0.85
    assert first[1] < 0.2


def test_pruning_takes_what_matters_least():
    """An n-gram that its shorter one predicts as well goes first, one that nothing predicts stays."""
    texts = [[A, B], [C, D]] * 30 + [[A, C], [B, A]]
    model = model_of_texts(texts, 2)
    smaller = ngrams_of(pruned(model, 5))
    assert (A, B) in smaller
    assert (C, D) in smaller
    assert (A, C) not in smaller
    assert len([ids for ids in smaller if len(ids) == 2]) <= 5


def test_bounded_counter():
    """A counter keeps no more kinds than it may, the frequent ones, and tells how many it forgot."""
    rng = np.random.default_rng(0)
    texts = [(3 + rng.integers(0, 1000, 6)).tolist() for _ in range(200)] + [[A, B, C]] * 50
    counter = NgramCounter(3, max_kinds=100)
    for ids in texts:
        counter.add(ids)
    keys, _ = counter.result()
    assert len(keys) <= 100
    assert counter.n_forgotten > 1000
    assert pack(np.array([(A, B, C)]))[0] in keys
    predicted = [EOS_ID, *range(3, 1003)]
    model = model_of_texts(texts, 3, predicted, max_kinds=100)
    found = sums(model, predicted)
    assert found == pytest.approx([1.0] * len(found), abs=1e-9)
    assert model.n_ngrams < 1500
