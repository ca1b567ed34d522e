"""Units that scores and a language model find together, beside exhaustive searches, and damaged files."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import product

import kaldifst
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from paraserve.errors import ModelLoadError
from paraserve.hotword_types import Hotword, HotwordRule
from paraserve.inference.boosts import Boosts
from paraserve.inference.language_model.graph_file import check_graph_file
from paraserve.inference.language_model.language_model import load_language_model
from paraserve.inference.spelling import Spelling
from paraserve.inference.text.units import Vocabulary
from paraserve.inference.unit_choice import UnitChoice
from paraserve.ngrams.acceptor import write_graph
from paraserve.ngrams.arpa import read_arpa
from paraserve.ngrams.building import write_folder
from paraserve.ngrams.pruning import pruned
from support.language_models import (
    ARPA,
    PREDICTED,
    UNITS,
    UNK,
    VOCABULARY,
    A,
    B,
    C,
    D,
    all_costs,
    exhaustive,
    model_of_texts,
    ngrams_of,
    text_cost,
    write_lexicon_graph,
)

TEXTS = [[A, B, C], [A, B, D], [C, C, C], [D, A, B], [B, D, D, A], [A, B], [C, A, A, B]] * 3
LEXICON = {3: (A,), 4: (A, B), 5: (C, C), 6: (D, A), 7: (B,), 8: (C,), 9: (D,)}
"""Units of the words 3 to 9. Some begin others, one repeats a unit."""
WORD_TEXTS = [[4, 5], [3, 7, 8], [6, 4], [9, 9, 5], [4, 4], [8, 5], [7, 6, 3]] * 3


def rows(*cells: dict[int, float], rest: float = -12) -> np.ndarray:
    """Log-probabilities (n, 8): those of the cells, `rest` elsewhere."""
    values = np.full((len(cells), len(UNITS)), rest, np.float32)
    for row, of_row in zip(values, cells, strict=True):
        for unit, value in of_row.items():
            row[unit] = value
    return values


def random_rows(seed: int, n_rows: int) -> np.ndarray:
    """Rows in which several units are near the best one, and special ones are far."""
    values = np.random.default_rng(seed).uniform(-4, 0, (n_rows, len(UNITS))).astype(np.float32)
    values[:, [0, 1, 2, UNK]] = -12
    return values


@pytest.fixture(scope="module")
def costs():
    """The cost of every text up to four units by the language model of `folder`."""
    return all_costs(ngrams_of(model_of_texts(TEXTS, 3)), (A, B, C, D), 4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A language model of three units of history."""
    path = tmp_path_factory.mktemp("lm") / "lm"
    write_folder(model_of_texts(TEXTS, 3), VOCABULARY, path, 0.5)
    return path


@pytest.fixture(scope="module")
def funasr_folder(tmp_path_factory):
    """A language model over words in FunASR's layout, made by its recipe, and the cost of every short text."""
    path = tmp_path_factory.mktemp("funasr")
    ngrams = ngrams_of(model_of_texts(WORD_TEXTS, 2, [2, *LEXICON]))
    write_lexicon_graph(ngrams, LEXICON, len(UNITS), path / "TLG.fst")
    words = ["<eps>", "<s>", "</s>", *(f"w{word}" for word in LEXICON), "#0"]
    (path / "config.yaml").write_text(yaml.safe_dump({"token_list": words}), "utf-8")
    lexicon = (f"w{word}\t{' '.join(VOCABULARY.texts(units))}\n" for word, units in LEXICON.items())
    (path / "lexicon.txt").write_text("".join(lexicon), "utf-8")
    texts = (ids for n_units in range(1, 5) for ids in product((A, B, C, D), repeat=n_units))
    return path, {
        ids: min((text_cost(ngrams, words) for words in segmentations(ids)), default=np.inf) for ids in texts
    }


@pytest.mark.parametrize(("weight", "expected"), [(0.2, [A, C]), (0.25, [A, B])])
def test_known_arpa(tmp_path, weight, expected):
    """A pair that is 9 times as probable is worth 2.07 nats times the weight."""
    arpa = tmp_path / "lm.arpa"
    arpa.write_text(ARPA, "utf-8")
    write_folder(read_arpa(arpa, VOCABULARY).model, VOCABULARY, tmp_path / "lm", None)
    language_model = load_language_model(tmp_path / "lm", VOCABULARY, weight)
    assert language_model.best_units(rows({A: -0.1}, {C: -0.2, B: -0.7})).tolist() == expected


@given(seed=st.integers(0, 2**31), n_rows=st.integers(1, 4), weight=st.sampled_from((0.1, 0.3, 1.0, 3.0)))
def test_exhaustive_search(folder, costs, seed, n_rows, weight):
    """The units are those of the best of all texts."""
    language_model = load_language_model(folder, VOCABULARY, weight)
    values = random_rows(seed, n_rows)
    assert tuple(language_model.best_units(values).tolist()) == exhaustive(values, costs, weight)


@given(seed=st.integers(0, 2**31), n_before=st.integers(1, 3))
def test_units_that_were_given(folder, costs, seed, n_before):
    """Units of earlier chunks stay, and what follows is the best behind them."""
    language_model = load_language_model(folder, VOCABULARY, 1.0)
    before = (A, B, C)[:n_before]
    behind = {ids[n_before:]: cost for ids, cost in costs.items() if ids[:n_before] == before}
    values = random_rows(seed, 4 - n_before)
    assert tuple(language_model.best_units(values, before).tolist()) == exhaustive(values, behind, 1.0)


def test_text_that_goes_on(folder):
    """Units that no text ends with may stand at the end of a chunk, if it is not the last one."""
    language_model = load_language_model(folder, VOCABULARY, 1.0)
    values = rows({A: -0.9, B: -0.1})
    assert language_model.best_units(values, is_last=False).tolist() == [A]
    assert language_model.best_units(values, is_last=True).tolist() == [B]


def segmentations(ids: tuple[int, ...]):
    """All ways to read units as words."""
    if not ids:
        yield ()
    for word, units in LEXICON.items():
        if ids[: len(units)] == units:
            yield from ((word, *rest) for rest in segmentations(ids[len(units) :]))


@given(seed=st.integers(0, 2**31), n_rows=st.integers(1, 4), weight=st.sampled_from((0.1, 0.3, 1.0, 3.0)))
def test_funasr_recipe_beside_an_exhaustive_search(funasr_folder, seed, n_rows, weight):
    """A graph of FunASR's recipe gives the units of the best text over all words that spell it."""
    path, costs = funasr_folder
    language_model = load_language_model(path, VOCABULARY, weight)
    assert language_model.is_ctc
    values = random_rows(seed, n_rows)
    assert tuple(language_model.best_units(values).tolist()) == exhaustive(values, costs, weight)


def test_equal_units_in_a_row(funasr_folder):
    """Equal units one after the other stay as many as there are rows, though T joins them in frames."""
    language_model = load_language_model(funasr_folder[0], VOCABULARY)
    for n_rows in (1, 2, 3, 5):
        assert language_model.best_units(rows(*[{C: -0.01}] * n_rows)).tolist() == [C] * n_rows


def test_rows_without_text_stay(folder):
    """A row whose best unit is `<unk>` or special stays, and no other row becomes `<unk>`."""
    language_model = load_language_model(folder, VOCABULARY, 3.0)
    found = language_model.best_units(rows({UNK: 0, A: -0.01}, {A: -0.1, UNK: -0.2}, {1: 0}, {B: 0, A: -0.5}))
    assert found.tolist()[0] == UNK
    assert found.tolist()[2] == 1
    assert UNK not in found.tolist()[1:]
    assert language_model.best_units(rows({UNK: 0}, {UNK: 0})).tolist() == [UNK, UNK]


def test_units_beyond_the_lexicon_stay(tmp_path):
    """A unit that no word of FunASR's lexicon has, and a Latin word, stay where they are best."""
    vocabulary = Vocabulary((*UNITS[:6], "hello", "world", "外", "<unk>"))
    ngrams = ngrams_of(model_of_texts([[3, 4], [4, 3], [5]] * 3, 2, [2, 3, 4, 5]))
    write_lexicon_graph(ngrams, {3: (3,), 4: (6,), 5: (7,)}, len(vocabulary), tmp_path / "TLG.fst")
    (tmp_path / "config.yaml").write_text("token_list: ['<eps>', a]\n", "utf-8")
    (tmp_path / "lexicon.txt").write_text("a 一\n", "utf-8")
    language_model = load_language_model(tmp_path, vocabulary, 3.0)
    values = np.full((3, len(vocabulary)), -12, np.float32)
    values[0, [6, 3, 7]] = -0.2, -0.3, -0.25
    values[1, [8, 3]] = -0.2, -0.3
    values[2, 3] = -0.1
    assert language_model.best_units(values).tolist() == [6, 8, 3]


def test_no_way_through(folder):
    """Rows that are no numbers have no best path, and none is made up."""
    language_model = load_language_model(folder, VOCABULARY)
    values = random_rows(0, 3)
    values[1] = np.nan
    assert language_model.best_units(values) is None
    assert language_model.best_units(np.zeros((0, len(UNITS)), np.float32)).tolist() == []


def test_flat_rows_end(folder):
    """Rows in which all units are equal take a bounded search."""
    language_model = load_language_model(folder, VOCABULARY)
    assert len(language_model.best_units(np.full((200, len(UNITS)), -2, np.float32))) == 200


def test_threads(folder):
    """Several threads that share a language model get what each would get alone."""
    language_model = load_language_model(folder, VOCABULARY, 1.0)
    batches = [random_rows(seed, 8) for seed in range(100)]
    alone = [language_model.best_units(values).tolist() for values in batches]
    with ThreadPoolExecutor(4) as threads:
        together = [found.tolist() for found in threads.map(language_model.best_units, batches)]
    assert together == alone


def test_weights(folder, tmp_path):
    """The weight is the caller's, else what the folder asks for, else FunASR's."""
    assert load_language_model(folder, VOCABULARY).weight == 0.5
    assert load_language_model(folder, VOCABULARY, 0.2).weight == 0.2
    write_folder(model_of_texts(TEXTS, 2), VOCABULARY, tmp_path / "lm", None)
    assert load_language_model(tmp_path / "lm", VOCABULARY).weight == 0.1


def test_pruned_model(tmp_path):
    """A pruned model finds the units of its own best texts too."""
    model = pruned(model_of_texts(TEXTS, 3), 6)
    write_folder(model, VOCABULARY, tmp_path / "lm", 1.0)
    language_model = load_language_model(tmp_path / "lm", VOCABULARY)
    costs = all_costs(ngrams_of(model), (A, B, C, D), 3)
    for seed in range(20):
        values = random_rows(seed, 3)
        assert tuple(language_model.best_units(values).tolist()) == exhaustive(values, costs, 1.0)


def damaged(folder, name, change):
    """Change the bytes of a file."""
    path = folder / name
    path.write_bytes(change(path.read_bytes()))


def edited(position: int, value: int):
    """Set four bytes of a file, counted from its end if below 0."""
    return lambda data: data[:position] + value.to_bytes(4, "little", signed=True) + data[position + 4 or len(data) :]


FAULTS = {
    "cut": (lambda folder: damaged(folder, "G.fst", lambda data: data[:-10]), "G.fst: cut off"),
    "cut in an arc": (lambda folder: damaged(folder, "G.fst", lambda data: data[:-16]), "G.fst: it ends where"),
    "cut in its head": (lambda folder: damaged(folder, "G.fst", lambda data: data[:20]), "G.fst: cut off"),
    "empty": (lambda folder: damaged(folder, "G.fst", lambda data: b""), "G.fst: cut off"),
    "junk": (lambda folder: damaged(folder, "G.fst", lambda data: b"junk" * 100), "G.fst: no graph of OpenFST"),
    "label": (lambda folder: damaged(folder, "G.fst", edited(-16, 9)), "labels up to 9, the recognizer 8 units"),
    "label below 0": (lambda folder: damaged(folder, "G.fst", edited(-16, -5)), "a label is below 0"),
    "state": (lambda folder: damaged(folder, "G.fst", edited(-4, 10_000)), "a state that is not there"),
    "weight": (lambda folder: damaged(folder, "G.fst", edited(-8, 0x7FC00000)), "a weight is no number"),
    "missing": (lambda folder: (folder / "G.fst").unlink(), "neither G.fst nor TLG.fst"),
    "no config": (lambda folder: (folder / "config.yaml").unlink(), "config.yaml"),
    "config is no YAML": (lambda folder: damaged(folder, "config.yaml", lambda data: b"a: [\n"), "config.yaml"),
    "config is a list": (lambda folder: damaged(folder, "config.yaml", lambda data: b"- a\n"), "config.yaml"),
    "weight in the config": (
        lambda folder: damaged(folder, "config.yaml", lambda data: data.replace(b"weight: 0.5", b"weight: -1")),
        "weight is no number",
    ),
    "another recognizer": (
        lambda folder: damaged(
            folder, "config.yaml", lambda data: data.replace(b"units_sha256: ", b"units_sha256: x")
        ),
        "made for another recognizer",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_damaged_folders(folder, tmp_path, fault):
    """A folder that cannot be used is refused, and the message names the file."""
    change, message = FAULTS[fault]
    copy = shutil.copytree(folder, tmp_path / "copy")
    change(copy)
    with pytest.raises(ModelLoadError) as caught:
        load_language_model(copy, VOCABULARY)
    assert message in caught.value.message


@given(st.data())
def test_flipped_bytes_of_a_graph(folder, tmp_path_factory, data):
    """Whatever byte of a graph is another one, it is refused or is a graph whose numbers are all in their ranges."""
    content = bytearray((folder / "G.fst").read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.mktemp("flipped") / "G.fst"
    path.write_bytes(content)
    with suppress(ModelLoadError):
        assert len(check_graph_file(path, len(UNITS)).has_label) == len(UNITS) + 1


@pytest.mark.parametrize("name", ["lexicon.txt", "config.yaml"])
def test_incomplete_funasr_folders(funasr_folder, tmp_path, name):
    """FunASR's folder needs all three of its files."""
    copy = shutil.copytree(funasr_folder[0], tmp_path / "copy")
    (copy / name).unlink()
    with pytest.raises(ModelLoadError, match=name):
        load_language_model(copy, VOCABULARY)


def test_const_graph(folder, tmp_path):
    """A graph in OpenFST's constant form gives what the same graph in the other form gives."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    kaldifst.StdConstFst(kaldifst.StdVectorFst.read(str(folder / "G.fst"))).write(str(copy / "G.fst"))
    const, vector = load_language_model(copy, VOCABULARY, 1.0), load_language_model(folder, VOCABULARY, 1.0)
    for seed in range(10):
        assert const.best_units(random_rows(seed, 5)).tolist() == vector.best_units(random_rows(seed, 5)).tolist()
    damaged(copy, "G.fst", lambda data: data[:-20])
    with pytest.raises(ModelLoadError, match="cut off"):
        load_language_model(copy, VOCABULARY)


def test_predicted_units_are_all_arcs(folder, tmp_path):
    """Every unit can be written, seen in the texts or not."""
    write_graph(model_of_texts([[A]], 2), tmp_path / "G.fst")
    labels = check_graph_file(tmp_path / "G.fst", len(UNITS)).has_label
    assert [i - 1 for i in np.flatnonzero(labels) if i] == sorted(set(PREDICTED) - {2})


def test_hotwords_beside_a_language_model(folder):
    """A hotword's bonus counts for the language model's choice, which may refuse it, and hits are what is written."""
    rule, words = HotwordRule(), (Hotword("二四"),)
    near = rows({A: -0.1}, {B: -0.1}, {C: -0.1, D: -3.0})
    far = rows({A: -0.1}, {C: -0.1, B: -2.9}, {C: -0.1, D: -2.9})
    for weight, values, expected in ((0.1, near, [A, B, D]), (3.0, far, None)):
        choice = UnitChoice(Spelling(VOCABULARY), load_language_model(folder, VOCABULARY, weight))
        boosts = choice.boosts(words, rule)
        chosen = choice.choose(values, boosts)
        is_written = chosen.ids.tolist()[1:] == [B, D]
        assert [hit.text for hit in chosen.hits] == (["二四"] if is_written else [])
        if expected is not None:
            assert chosen.ids.tolist() == expected
        alone = choice.choose(values, boosts, with_lm=False)
        assert alone.ids.tolist() == UnitChoice(Spelling(VOCABULARY)).choose(values, boosts).ids.tolist()


def test_failures_are_counted(folder):
    """A segment without a way through is told to whoever counts, and gets what the recognizer alone writes."""
    failures = []
    language_model = load_language_model(folder, VOCABULARY, None, lambda: failures.append(1))
    values = rows({A: -0.1}, {B: -0.1})
    values[0, C] = np.nan
    choice = UnitChoice(Spelling(VOCABULARY), language_model)
    assert choice.choose(values, Boosts()).ids.tolist() == values.argmax(axis=1).tolist()
    assert choice.choose(rows({A: -0.1}), Boosts()).ids.tolist() == [A]
    assert failures == [1]
