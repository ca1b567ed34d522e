"""ARPA files: read, written, refused."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.ngrams.arpa import ArpaError, is_arpa, read_arpa, write_arpa
from paraserve.ngrams.tables import pack
from support.language_models import ARPA, VOCABULARY, A, B, C, D, model_of_texts, ngrams_of

TEXTS = st.lists(st.lists(st.sampled_from((A, B, C, D)), min_size=1, max_size=6), min_size=1, max_size=20)


@pytest.fixture
def arpa(tmp_path):
    """Write a text as an ARPA file."""

    def write(text: str):
        path = tmp_path / "lm.arpa"
        path.write_text(text, "utf-8")
        return path

    return write


@given(texts=TEXTS, order=st.integers(2, 4))
def test_round_trip(tmp_path_factory, texts, order):
    """A model that is written and read again has the same n-grams and probabilities."""
    model = model_of_texts(texts, order)
    path = tmp_path_factory.mktemp("arpa") / "lm.arpa"
    write_arpa(model, VOCABULARY, path)
    read = read_arpa(path, VOCABULARY)
    assert read.n_left_out == 0
    found, wanted = ngrams_of(read.model), ngrams_of(model)
    assert found.keys() == wanted.keys()
    for ids, values in wanted.items():
        assert found[ids] == pytest.approx(values, abs=1e-7)


def test_known_file(arpa):
    """Probabilities are natural logarithms, and a pair that is not there backs off."""
    model = read_arpa(arpa(ARPA), VOCABULARY).model
    log_probs = model.log_probs(pack(np.array([(A, B), (A, C)])), 2)
    assert log_probs.tolist() == pytest.approx([-0.1 * np.log(10), -np.log(10)])


def test_packed_file_and_byte_order_mark(tmp_path):
    """Files packed by gzip and files with a byte order mark are read like others, and known by their content."""
    packed, marked = tmp_path / "a.gz", tmp_path / "b"
    packed.write_bytes(gzip.compress(ARPA.encode()))
    marked.write_text("\ufeff" + ARPA, "utf-8")
    for path in (packed, marked):
        assert read_arpa(path, VOCABULARY).model.n_ngrams == 6
    plain = tmp_path / "c"
    plain.write_text(ARPA, "utf-8")
    assert is_arpa(plain)


def test_words_that_are_no_units(arpa):
    """N-grams with other words are left out and counted."""
    text = ARPA.replace("ngram 1=5", "ngram 1=6").replace("ngram 2=1", "ngram 2=2")
    text = text.replace("-1\t三\t0\n", "-1\t三\t0\n-1\t龘\t0\n").replace("一 二\n", "一 二\n-0.5\t龘 二\n")
    read = read_arpa(arpa(text), VOCABULARY)
    assert (read.model.n_ngrams, read.n_left_out) == (6, 2)


def test_five_units(arpa):
    """Of a model of five units the n-grams of four and less are taken, and still sum to 1."""
    ngrams = "\n".join(f"\n\\{n}-grams:\n-0.3\t{' '.join('一二三一二'[:n])}\t-0.1" for n in range(2, 6))
    counts = "\n".join(f"ngram {n}=1" for n in range(2, 6))
    text = ARPA.split("\n\\2-grams:")[0].replace("ngram 2=1", counts) + ngrams + "\n\\end\\\n"
    read = read_arpa(arpa(text), VOCABULARY)
    assert (read.model.order, read.n_left_out) == (4, 1)
    keys = pack(np.array([(A, B, C, unit) for unit in (2, A, B, C)]))
    lower = np.exp(read.model.log_probs(pack(np.array([(B, C, unit) for unit in (2, A, B, C)])), 3))
    assert lower.sum() < 1.01
    assert np.exp(read.model.log_probs(keys, 4)).sum() == pytest.approx(lower.sum(), abs=0.7)


FAULTS = {
    "no ARPA file": ("hello\nworld\n", "no ARPA file"),
    "empty": ("", "no ARPA file"),
    "cut off": (ARPA[: ARPA.index("\\2-grams")], "cut off: 5 of 6"),
    "without its end": (ARPA.replace("\\end\\", ""), "cut off"),
    "a line too few": (ARPA.replace("-1\t三\t0\n", ""), "cut off: 5 of 6"),
    "no number": (ARPA.replace("-0.1\t一 二", "x\t一 二"), "line 13: a probability is no number"),
    "above 1": (ARPA.replace("-0.1\t一 二", "0.1\t一 二"), "line 13: a probability is above 1"),
    "NaN": (ARPA.replace("-0.1\t一 二", "nan\t一 二"), "line 13"),
    "a word too many": (ARPA.replace("-0.1\t一 二", "-0.1\t一 二 三 四"), "line 13: 5 fields"),
    "order": (ARPA.replace("\\2-grams:", "\\3-grams:"), "3-grams come before 2-grams"),
    "twice": (ARPA.replace("-1\t二\t0\n", "-1\t一\t0\n"), "1 1-grams come twice"),
    "no beginning": (ARPA.replace("一 二\n", "<unk> 二\n"), "begins with units that are no 1-gram"),
    "no end of text": (ARPA.replace("-1\t</s>", "-1\t四"), "</s> is not among"),
    "another recognizer": (ARPA.translate(str.maketrans("一二三", "甲乙丙")), "none of its words is a unit"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(arpa, fault):
    """A file that cannot be used is refused, with its name and the place."""
    text, message = FAULTS[fault]
    with pytest.raises(ArpaError) as caught:
        read_arpa(arpa(text), VOCABULARY)
    assert message in caught.value.message
    assert "lm.arpa" in caught.value.message


def test_damaged_packed_file(tmp_path):
    """A packed file that is cut off is refused."""
    path = tmp_path / "lm.arpa.gz"
    path.write_bytes(gzip.compress(ARPA.encode())[:-20])
    with pytest.raises(ArpaError):
        read_arpa(path, VOCABULARY)
