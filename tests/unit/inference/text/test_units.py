"""Units to words to text. FunASR's answers: scripts/golden/make_paraformer_reference.py."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.inference.text.units import Vocabulary, join_words, merge_units
from paraserve.types import Token

RULES = json.loads((Path(__file__).parents[3] / "golden/data/paraformer_rules.json").read_text(encoding="utf-8"))
UNITS = ["今", "天", "7", "hello", "it's", "a", "b", "hel@@", "ne@@", "s@@", "%", "@@", "c++"]


def timed(units: list[str]) -> list[Token]:
    """Units of 100 ms each."""
    return [Token(unit, 100 * i, 100 * i + 100, 1 / (i + 1)) for i, unit in enumerate(units)]


def words_of(*units: str, lang: str | None = None) -> list[str]:
    return [word.text for word in merge_units(timed(list(units)), lang)]


def spelled(word: str) -> str:
    """FunASR lists the letters of an abbreviation one by one where there are times."""
    return " ".join(word) if word.isupper() else word


def test_vocabulary() -> None:
    """An id is a position; what is not there is <unk>."""
    vocabulary = Vocabulary(["<blank>", "<s>", "</s>", "你", "好", "<unk>"])
    assert len(vocabulary) == 6
    assert vocabulary.ids(["好", "x", "你"]) == [4, 5, 3]
    assert vocabulary.texts([4, 3]) == ["好", "你"]
    assert "你" in vocabulary
    assert "x" not in vocabulary


@pytest.mark.parametrize("entry", RULES["texts"], ids=lambda entry: " ".join(entry["units"]))
def test_words_times_and_text_equal_funasr(entry: dict) -> None:
    """Words, their times and both forms of the text are FunASR's (for units whose "@@" has something to join)."""
    words = merge_units(timed(entry["units"]))
    assert " ".join(spelled(word.text) for word in words) == entry["text"]
    assert [[word.start_ms, word.end_ms] for word in words] == entry["words_ms"]
    assert join_words([word.text for word in words]) == entry["plain"]


def test_reference_covers_the_rules() -> None:
    """The recorded units hold abbreviations, joined and dangling "@@" units and mixed text."""
    texts = RULES["texts"]
    assert sum(entry["repaired"] for entry in texts) > 20
    assert sum(any(word.isupper() for word in entry["text"].split()) for entry in texts) > 20
    assert sum(not entry["repaired"] and "@@" in "".join(entry["units"]) for entry in texts) > 10


@pytest.mark.parametrize("entry", RULES["pieces"], ids=lambda entry: " ".join(entry["units"]))
def test_units_of_english_models_equal_funasr(entry: dict) -> None:
    """Units join up to the next U+2581; "i" and its short forms are capitalized; words are apart by one space."""
    words = merge_units(timed(entry["units"]), "en-bpe")
    assert [word.text for word in words] == entry["words"]
    assert join_words(entry["words"], "en-bpe") == " ".join(entry["words"])


@pytest.mark.parametrize(
    ("units", "words", "text"),
    [
        ("hel@@ 今", "hel 今", "hel今"),
        ("今 hel@@", "今 hel", "今hel"),
        ("50 % hello", "50 % hello", "50% hello"),
        ("hello % hello", "hello % hello", "hello % hello"),
        ("c++ hello 今", "c++ hello 今", "c++ hello今"),
        ("a % b", "a % b", "a % b"),
        ("今 i 天", "今 i 天", "今i天"),
        ("i am a b c", "i am ABC", "i am ABC"),
        ("@@ 今", "今", "今"),
        ("", "", ""),
    ],
)
def test_what_funasr_cannot_take(units: str, words: str, text: str) -> None:
    """A "@@" unit with nothing to join is a word, an unknown symbol stays, a lone letter is no abbreviation."""
    assert words_of(*units.split()) == words.split()
    assert join_words(words_of(*units.split())) == text


def test_merged_word_is_as_sure_as_its_least_sure_unit() -> None:
    """The score of a merged word is the minimum of its units' scores, its times are the outer ones."""
    (word,) = merge_units([Token("ne@@", 10, 20, 0.9), Token("t@@", 20, 30, 0.2), Token("work", 40, 50, 0.6)])
    assert word == Token("network", 10, 50, 0.2)


def test_units_without_times_give_words_without_times() -> None:
    """A plain model has no times; its words have none either."""
    assert merge_units([Token("a"), Token("i"), Token("今")]) == [Token("AI"), Token("今")]


def test_an_english_model_may_start_in_the_middle_of_a_word() -> None:
    """A first unit without U+2581 starts a word all the same, a lone U+2581 none."""
    assert words_of("ing", "\u2581", "\u2581i", "'m", lang="en-bpe") == ["ing", "I'm"]


@given(st.lists(st.sampled_from(UNITS), max_size=20))
def test_nothing_is_lost(units: list[str]) -> None:
    """Every character of every unit is in the words and in the text, in order; times never decrease or overlap."""
    words = merge_units(timed(units))
    everything = "".join(unit.removesuffix("@@") for unit in units)
    assert "".join(word.text for word in words).lower() == everything
    assert join_words([word.text for word in words]).replace(" ", "").lower() == everything
    times = [time for word in words for time in (word.start_ms, word.end_ms)]
    assert times == sorted(times)  # type: ignore[type-var]
