"""Small language models for tests, and slow searches that their results are compared with."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path

import kaldifst
import numpy as np

from paraserve.inference.text.units import BLANK_ID, EOS_ID, SOS_ID, Vocabulary
from paraserve.ngrams.counting import NgramCounter
from paraserve.ngrams.kneser_ney import kneser_ney
from paraserve.ngrams.tables import NgramModel, unpack

UNITS = ("<blank>", "<s>", "</s>", "一", "二", "三", "四", "<unk>")
VOCABULARY = Vocabulary(UNITS)
A, B, C, D, UNK = 3, 4, 5, 6, 7
PREDICTED = (EOS_ID, A, B, C, D, UNK)

ARPA = """\\data\\
ngram 1=5
ngram 2=1

\\1-grams:
-99\t<s>\t0
-1\t一\t0
-1\t二\t0
-1\t三\t0
-1\t</s>

\\2-grams:
-0.1\t一 二

\\end\\
"""
"""Three equally probable units, and one pair that is likely."""

Ngrams = dict[tuple[int, ...], tuple[float, float]]
Costs = Mapping[tuple[int, ...], float]


def model_of_texts(
    texts: Iterable[Sequence[int]], order: int, predicted: Sequence[int] = PREDICTED, **options: int
) -> NgramModel:
    """Return the model that is trained on texts of unit ids."""
    counter = NgramCounter(order, **options)
    for ids in texts:
        counter.add(ids)
    return kneser_ney(*counter.result(), order, np.array(predicted))


def ngrams_of(model: NgramModel) -> Ngrams:
    """Return each n-gram with ln P and the back-off weight."""
    return {
        tuple(ids): (log_prob, backoff)
        for length, table in enumerate(model.tables, 1)
        for ids, log_prob, backoff in zip(
            unpack(table.keys, length).tolist(), table.log_probs, table.backoffs, strict=True
        )
    }


def text_cost(ngrams: Ngrams, ids: Sequence[int]) -> float:
    """Return -ln P of a text on the best way through the model, where each step may back off."""
    histories = {ids[:-1] for ids in ngrams}

    def longest(state: tuple[int, ...]) -> tuple[int, ...]:
        while state and state not in histories:
            state = state[1:]
        return state

    costs: Mapping[tuple[int, ...], float] = {longest((SOS_ID,)): 0.0}
    for unit in (*ids, EOS_ID):
        after: defaultdict[tuple[int, ...], float] = defaultdict(lambda: math.inf)
        for start, start_cost in costs.items():
            state, cost = start, start_cost
            while True:
                if (*state, unit) in ngrams:
                    target = longest((*state, unit))
                    after[target] = min(after[target], cost - ngrams[*state, unit][0])
                if not state:
                    break
                cost -= ngrams[state][1]
                state = longest(state[1:])
        costs = after
    return min(costs.values(), default=math.inf)


def all_costs(ngrams: Ngrams, units: Sequence[int], max_units: int) -> Costs:
    """Return the cost of every text of the units."""
    texts = (ids for n_units in range(1, max_units + 1) for ids in product(units, repeat=n_units))
    return {ids: text_cost(ngrams, ids) for ids in texts}


def exhaustive(log_probs: np.ndarray, costs: Costs, weight: float) -> tuple[int, ...]:
    """Return the best of all texts with costs that have one unit for each row."""
    scores = (log_probs / weight).tolist()

    def cost(ids: tuple[int, ...]) -> float:
        return costs[ids] - sum(row[unit] for row, unit in zip(scores, ids, strict=True))

    return min((ids for ids in costs if len(ids) == len(scores)), key=cost)


def write_lexicon_graph(ngrams: Ngrams, lexicon: Mapping[int, Sequence[int]], n_units: int, path: Path) -> None:
    """Write `TLG.fst` by FunASR's recipe: T o min(det(L o G)), with a token graph for CTC and a lexicon of words.

    Args:
        ngrams: over words, which are numbers from 3 on.
        lexicon: units of each word.
        n_units: size of the vocabulary.
        path: of the graph.
    """
    n_words = max(lexicon)
    word_backoff, unit_backoff = n_words + 2, n_units + 1
    first_end = unit_backoff + 1
    grammar, states = _new_graph(), {}
    for history in sorted({ids[:-1] for ids in ngrams}):
        states[history] = grammar.add_state()

    def longest(ids: tuple[int, ...]) -> int:
        while ids not in states:
            ids = ids[1:]
        return states[ids]

    grammar.start = states.get((SOS_ID,), states[()])
    for ids, (log_prob, backoff) in ngrams.items():
        if ids[-1] == EOS_ID:
            grammar.set_final(states[ids[:-1]], -log_prob)
        elif ids[-1] != SOS_ID:
            grammar.add_arc(states[ids[:-1]], kaldifst.StdArc(ids[-1] + 1, ids[-1] + 1, -log_prob, longest(ids)))
        if ids in states and ids:
            grammar.add_arc(states[ids], kaldifst.StdArc(word_backoff, 0, -backoff, longest(ids[1:])))
    words = _new_graph()
    words.start = words.add_state()
    words.set_final(0, 0.0)
    for i, (word, units) in enumerate(lexicon.items()):
        # A symbol of its own at the end of each word, as the recipe adds where one word begins another.
        labels, state = [*(unit + 1 for unit in units), first_end + i], 0
        for j, label in enumerate(labels):
            target = 0 if j == len(labels) - 1 else words.add_state()
            words.add_arc(state, kaldifst.StdArc(label, word + 1 if j == 0 else 0, 0.0, target))
            state = target
    words.add_arc(0, kaldifst.StdArc(unit_backoff, word_backoff, 0.0, 0))
    kaldifst.arcsort(words, "olabel")
    kaldifst.arcsort(grammar, "ilabel")
    joined = kaldifst.compose(words, grammar)
    kaldifst.determinize_star(joined)
    kaldifst.minimize_encoded(joined)
    kaldifst.arcsort(joined, "ilabel")
    whole = kaldifst.compose(ctc_graph(n_units, range(unit_backoff, first_end + len(lexicon))), joined)
    kaldifst.connect(whole)
    whole.write(str(path))


def ctc_graph(n_units: int, others: Iterable[int] = ()) -> object:
    """Return T of `ctc_token_fst.py`: runs of a unit with blanks around them to that unit, sorted by output.

    `others` are labels of the lexicon that take no row.
    """
    graph = _new_graph()
    start, before, behind = (graph.add_state() for _ in range(3))
    graph.start = start
    graph.set_final(start, 0.0)
    graph.add_arc(start, kaldifst.StdArc(0, 0, 0.0, before))
    graph.add_arc(before, kaldifst.StdArc(BLANK_ID + 1, 0, 0.0, before))
    graph.add_arc(behind, kaldifst.StdArc(BLANK_ID + 1, 0, 0.0, behind))
    graph.add_arc(behind, kaldifst.StdArc(0, 0, 0.0, start))
    for label in range(2, n_units + 1):
        state = graph.add_state()
        graph.add_arc(before, kaldifst.StdArc(label, label, 0.0, state))
        graph.add_arc(state, kaldifst.StdArc(label, 0, 0.0, state))
        graph.add_arc(state, kaldifst.StdArc(0, 0, 0.0, behind))
    for label in others:
        graph.add_arc(start, kaldifst.StdArc(0, label, 0.0, start))
    kaldifst.arcsort(graph, "olabel")
    return graph


def _new_graph() -> object:
    return kaldifst.StdVectorFst()
