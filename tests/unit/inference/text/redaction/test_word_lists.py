"""Lists of words to replace and to hide."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.inference.text.redaction.redactor import Redactor
from paraserve.options import Redaction
from paraserve.types import Sentence, Token
from support.redaction import sentence_of, sentences_of

REPLACEMENTS = {
    "魔打": "魔搭",
    "魔打社区": "ModelScope",
    "um": "",
    "呢": "",
    "teh": "the",
    "new york": "NYC",
    "gpt四": "GPT-4",
    "c++": "C plus plus",
    "smile": "😀",
    "x y": "«x», y!",
    "ab": "cd",
    "cd": "ef",
}
CASES = {
    "欢迎来到魔打社区": "欢迎来到ModelScope",
    "魔打，社区": "魔搭，社区",
    "魔，打": "魔，打",
    "Teh cat in New York.": "the cat in NYC.",
    "other, teh, TEH": "other, the, the",
    "new, york": "new, york",
    "new yorker": "new yorker",
    "um, hello um world um.": "hello world.",
    "well, um, hi": "well, hi",
    "你好呢。": "你好。",
    "用gpt四写": "用GPT-4写",
    "i like c++ most": "i like C plus plus most",
    "a smile here": "a 😀 here",
    "let x y be": "let «x», y! be",
    "ab": "cd",
    "一会儿。": "一会儿。",
}


def redacted(redaction, *texts):
    return Redactor(redaction).redact(sentences_of(*texts))


@pytest.mark.parametrize(("text", "expected"), CASES.items())
def test_replacements(text, expected):
    """Whole words, the longest entry first, once; spaces and marks fit the new words."""
    done = redacted(Redaction(tuple(REPLACEMENTS.items())), text)
    assert "".join(one.text for one in done.sentences) == expected
    assert done.counts.replacements == (text != expected) or done.counts.replacements > 1


HIDDEN = {
    "他妈的真好": "***真好",
    "他，妈的真好": "***真好",
    "damn it": "*** it",
    "Damn! Damn.": "***! ***.",
    "goddamn": "goddamn",
    "son of a bitch": "***",
    "damn damn": "*** ***",
}


@pytest.mark.parametrize(("text", "expected"), HIDDEN.items())
def test_hidden_words(text, expected):
    """Three stars in place of each entry, also where marks stand between its words."""
    done = redacted(Redaction(profanity=("他妈的", "damn", "son of a bitch")), text)
    assert done.sentences[0].text == expected
    assert done.counts.profanity == expected.count("***")
    assert [one.text for one in done.sentences[0].tokens].count("***") == expected.count("***")
    assert not any(one.unit_ids for one in done.sentences[0].tokens if one.text == "***")


def test_nothing_hidden_comes_back_by_a_replacement():
    """Words to hide are looked for in what replacements have written, and so are numbers."""
    redaction = Redaction((("darn", "damn"), ("oh dear", "oh damn")), ("damn",), frozenset(("phone",)))
    done = redacted(redaction, "darn it, oh dear")
    assert done.sentences[0].text == "*** it, oh ***"
    redaction = Redaction((("我的号", "13800138000"),), (), frozenset(("phone",)))
    assert redacted(redaction, "打我的号吧").sentences[0].text == "打***********吧"


def test_the_last_entry_for_a_text_counts():
    """A client's entries stand behind the operator's."""
    assert redacted(Redaction((("a b", "x"), ("A  B", "y"))), "a b").sentences[0].text == "y"


def test_entries_stay_in_their_sentence():
    """Words of two sentences are no entry, and a sentence without words is left out."""
    done = redacted(Redaction((("a b", "x"), ("c", ""))), "a.", "b.", "c.", "d.")
    assert [one.text for one in done.sentences] == ["a.", "b.", "d."]


def test_times_of_new_words():
    """As many words keep their times, fewer take several, more share the whole; start and end stay."""
    redaction = Redaction((("a b", "x y"), ("c d e", "z"), ("f", "u v")))
    (shown,) = redacted(redaction, "a b c d e f g").sentences
    assert [(one.text, one.start_ms, one.end_ms) for one in shown.tokens] == [
        ("x", 0, 100), ("y", 100, 200), ("z", 200, 500), ("u", 500, 550), ("v", 550, 600), ("g", 600, 700),
    ]  # fmt: skip
    assert (shown.start_ms, shown.end_ms) == (0, 700)
    without = Sentence("f g", None, None, (Token("f"), Token("g")))
    (shown,) = Redactor(redaction).redact([without]).sentences
    assert [(one.text, one.start_ms) for one in shown.tokens] == [("u", None), ("v", None), ("g", None)]


words = st.lists(st.sampled_from(["a", "b", "c", "一", "二", "gpt"]), min_size=1, max_size=12)
entries = st.dictionaries(words.map(lambda some: " ".join(some[:3])), words.map(lambda some: " ".join(some[:3])))


def longest_first(tokens, rules):
    """The words after the rules, by trying all entries at each place."""
    done, position = [], 0
    while position < len(tokens):
        fitting = [old for old in rules if tuple(tokens[position : position + len(old)]) == old]
        if fitting:
            old = max(fitting, key=len)
            done += rules[old]
            position += len(old)
        else:
            done.append(tokens[position])
            position += 1
    return done


@given(words, entries)
def test_like_trying_all_entries(tokens, rules):
    """The words are those of the plainest search, times go on, and the text is made of the words."""
    sentence = sentence_of(" ".join(tokens))
    done = Redactor(Redaction(tuple(rules.items()))).redact([sentence])
    expected = longest_first(tokens, {tuple(old.split()): new.split() for old, new in rules.items()})
    assert [token.text for one in done.sentences for token in one.tokens] == expected
    for one in done.sentences:
        assert one.text.replace(" ", "") == "".join(expected)
        assert one.tokens[0].start_ms == 0
        assert one.tokens[-1].end_ms == sentence.end_ms
        assert all(a.end_ms <= b.start_ms for a, b in pairwise(one.tokens))


@given(words)
def test_a_list_that_fits_nowhere_changes_nothing(tokens):
    """Sentences are equal to what they were."""
    sentences = (sentence_of("，".join(tokens) + "。"),)
    redaction = Redaction((("three unknown words", "x"),), ("unknown",), frozenset(("phone", "email")))
    assert Redactor(redaction).redact(sentences).sentences == sentences


def test_a_text_that_is_not_made_of_its_words():
    """It is cut into words anew, so that nothing in it escapes."""
    sentence = Sentence("call 13800138000 damn", 0, 900, (Token("other", 0, 900),))
    redaction = Redaction((), ("damn",), frozenset(("phone",)))
    (shown,) = Redactor(redaction).redact([sentence]).sentences
    assert shown.text == "call *********** ***"
    assert (shown.tokens[0].start_ms, shown.tokens[-1].end_ms) == (0, 900)
