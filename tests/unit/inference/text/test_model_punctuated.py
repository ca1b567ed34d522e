"""Words and sentences of a text that a model wrote itself."""

import pytest

from paraserve.inference.text.model_punctuated import words_of, written_sentences
from paraserve.types import Hypothesis, Token


def hypothesis(*parts: Token) -> Hypothesis:
    return Hypothesis(words_of(parts), text="".join(part.text for part in parts).strip(), is_punctuated=True)


def of_text(text: str) -> Hypothesis:
    return hypothesis(Token(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" Hello, world.", ["Hello", "world"]),
        ("他说“好的，没问题”。", ["他", "说", "好", "的", "没", "问", "题"]),
        ("It's 3.5%, or $20 (at 10:30 a.m.)...", ["It's", "3.5%", "or", "$20", "at", "10:30", "a.m"]),
        ("用GPT-4做的 — right?", ["用", "GPT-4", "做", "的", "right"]),
        ("カタカナ、です。한국어 문장", ["カ", "タ", "カ", "ナ", "で", "す", "한국어", "문장"]),
        (" ... ♪ ♪ -- ", []),
        ("", []),
    ],
)
def test_words(text, words):
    """Chinese and Japanese characters one by one, other words without the marks around them."""
    assert [word.text for word in words_of([Token(text)])] == words


def test_times_and_scores_of_words():
    """From the first to the last of a word's parts, with their lowest score; characters share the time of a part."""
    parts = [
        Token(" wor", 100, 300, 0.9),
        Token("ld", 300, 400, 0.5),
        Token(",", 400, 450),
        Token(" 好的", 500, 900),
    ]
    words = words_of(parts)
    assert words == (Token("world", 100, 400, 0.5), Token("好", 500, 700), Token("的", 700, 900))


def test_words_without_times():
    """None stays None."""
    assert words_of([Token(" one two", score=0.5)]) == (Token("one", score=0.5), Token("two", score=0.5))


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Hello. How are you? Fine", ["Hello.", "How are you?", "Fine."]),
        ("你好。今天，天气不错！走吧", ["你好。", "今天，天气不错！", "走吧。"]),
        ("好 谢谢", ["好 谢谢。"]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("It costs 3.5 dollars", ["It costs 3.5 dollars."]),
        ("他说“好。”然后走了，", ["他说“好。”", "然后走了。"]),
        ("Well... maybe…", ["Well...", "maybe…"]),
        ("", []),
    ],
)
def test_sentences(text, sentences):
    """Each up to its mark, as it was written; the last one is closed."""
    assert [s.text for s in written_sentences(of_text(text), is_closed=True)] == sentences


def test_an_open_end_stays_open():
    """Unless it is to be closed, the text is the model's own."""
    assert [s.text for s in written_sentences(of_text("Hello. And then,"), is_closed=False)] == [
        "Hello.",
        "And then,",
    ]


def test_sentences_have_their_words():
    """With times of the first and the last."""
    text = hypothesis(Token(" Yes.", 0, 400), Token(" No", 900, 1200), Token(" way!", 1200, 1500))
    first, second = written_sentences(text, is_closed=True)
    assert (first.start_ms, first.end_ms, second.start_ms, second.end_ms) == (0, 400, 900, 1500)
    assert second.tokens == (Token("No", 900, 1200), Token("way", 1200, 1500))
