"""Sentences of tokens and marks, and token times through inverse text normalization."""

import re
import time
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paraserve.inference.models.punctuation.ct_punc import split_words
from paraserve.inference.text.itn import Itn, load_itn
from paraserve.inference.text.scripts import ALL_MARKS
from paraserve.inference.text.sentences import apply_itn, join_sentences, segment_sentence, to_sentences
from paraserve.types import Sentence, Token
from support.funasr_text import join_words


class Rewriter:
    """Stands for a normalizer that writes whatever the test says."""

    def __init__(self, normalize: Callable[[str], str]) -> None:
        self.normalize = normalize


@pytest.fixture(scope="module")
def itn() -> Itn:
    return load_itn()


def timed(text: str, *, step_ms: int = 100) -> list[Token]:
    """Words of the text, each 90 ms long, with scores that tell them apart."""
    words = split_words(text)
    return [Token(w, i * step_ms, i * step_ms + 90, 0.5 + i / 1000) for i, w in enumerate(words)]


def sentence(text: str) -> Sentence:
    """The sentence of a text with full-width marks, as the punctuator would have given it."""
    words = split_words(text)
    marks = [words[i + 1] if i + 1 < len(words) and words[i + 1] in ALL_MARKS else "" for i in range(len(words))]
    kept = [(w, m) for w, m in zip(words, marks, strict=True) if w not in ALL_MARKS]
    tokens = [Token(w, i * 100, i * 100 + 90, 0.5 + i / 1000) for i, (w, _) in enumerate(kept)]
    (whole,) = to_sentences(tokens, [m for _, m in kept], closing=frozenset())
    return whole


def spans(result: Sentence) -> list[tuple[str, int | None, int | None]]:
    return [(t.text, t.start_ms, t.end_ms) for t in result.tokens]


def test_sentences_end_at_closing_marks() -> None:
    """。？！ close a sentence, ， and 、 stay inside; what is left without a mark is a sentence too."""
    tokens = timed("你好世界再见hello world")
    first, second, third = to_sentences(tokens, ["", "，", "", "。", "", "？", "", ""])
    assert (first.text, first.start_ms, first.end_ms) == ("你好，世界。", 0, 390)
    assert (second.text, second.start_ms, second.end_ms) == ("再见？", 400, 590)
    assert (third.text, third.start_ms, third.end_ms) == ("hello world", 600, 790)
    assert first.tokens + second.tokens + third.tokens == tuple(tokens)


def test_every_mark_closes_on_request() -> None:
    """With `ALL_MARKS` there is one entry a mark, as in FunASR's stamp_sents."""
    parts = to_sentences(timed("你好世界"), ["", "，", "", "。"], closing=ALL_MARKS)
    assert [(p.text, p.start_ms, p.end_ms) for p in parts] == [("你好，", 0, 190), ("世界。", 200, 390)]


def test_no_tokens_no_sentences() -> None:
    """No tokens give no sentences and an empty text."""
    assert to_sentences([], []) == ()
    assert join_sentences([]) == ""


def test_marks_and_tokens_must_agree() -> None:
    """A mark too few is an error, not a lost word."""
    with pytest.raises(ValueError, match="shorter"):
        to_sentences(timed("你好"), [""])


@given(
    st.lists(
        st.tuples(st.sampled_from(["我", "们", "ab", "c1", "5"]), st.sampled_from(["", "", "，", "。"])), max_size=20
    )
)
def test_text_is_the_punctuators_text(pairs: list[tuple[str, str]]) -> None:
    """With a Chinese word in each sentence the text is FunASR's joined text, word for word."""
    pairs = [
        item for word, mark in pairs for item in ([("我", ""), (word, mark)] if mark == "。" else [(word, mark)])
    ]
    pairs.append(("们", ""))
    words, marks = [w for w, _ in pairs], [m for _, m in pairs]
    whole = to_sentences([Token(w) for w in words], marks, closing=frozenset())
    assert join_sentences(whole) == join_words(words, marks)
    assert join_sentences(to_sentences([Token(w) for w in words], marks)) == join_words(words, marks)


def test_a_sentence_without_chinese_has_ascii_marks() -> None:
    """Each sentence for itself: full-width where there is a Chinese character, else ASCII with spaces."""
    tokens = [Token(w) for w in ("oh", "yes", "really", "用", "gpt", "nine")]
    sentences = to_sentences(tokens, ["，", "。", "？", "、", "。", "。"])
    assert [s.text for s in sentences] == ["oh, yes.", "really?", "用、gpt。", "nine."]
    assert join_sentences(sentences) == "oh, yes. really?用、gpt。 nine."


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["用", "gpt", "做"], "用gpt做"),
        (["un", "café", "chaud"], "un café chaud"),
        (["привет", "мир"], "привет мир"),
        (["東", "京", "タ", "ワ", "ー"], "東京タワー"),
        (["20%", "的", "人"], "20%的人"),
    ],
)
def test_spaces_by_script(words: list[str], text: str) -> None:
    """Words of spaced scripts are parted by a space, ideographs and kana are not."""
    assert segment_sentence([Token(w) for w in words]).text == text


@pytest.mark.parametrize(
    ("texts", "whole"),
    [
        (["hello。", "world。"], "hello。 world。"),
        (["你好。", "world。"], "你好。world。"),
        (["hello。", "你好。"], "hello。你好。"),
        (["hello", "", "world"], "hello world"),
        (["一共20%。", "ok。"], "一共20%。 ok。"),
    ],
)
def test_join_sentences(texts: list[str], whole: str) -> None:
    """A space stands between two sentences only where both sides are of a spaced script."""
    assert join_sentences([Sentence(t, None, None, ()) for t in texts]) == whole


def test_tokens_without_times(itn: Itn) -> None:
    """Tokens without times go all the way through without any."""
    (result,) = to_sentences([Token(c) for c in "一共二十个"], ["", "", "", "", "。"])
    written = apply_itn(result, itn)
    assert (written.text, written.spoken) == ("一共20个。", "一共二十个。")
    assert written.spoken_tokens == result.tokens
    assert spans(written) == [("一", None, None), ("共", None, None), ("20", None, None), ("个", None, None)]
    assert (written.start_ms, written.end_ms) == (None, None)


@pytest.mark.parametrize(
    ("spoken", "written", "expected"),
    [
        ("一共二十个。", "一共20个。", [("一", 0, 90), ("共", 100, 190), ("20", 200, 390), ("个", 400, 490)]),
        ("百分之二十的人", "20%的人", [("20%", 0, 490), ("的", 500, 590), ("人", 600, 690)]),
        (
            "二零二四年三月，五。",
            "2024年3月，五。",
            [("2024", 0, 390), ("年", 400, 490), ("3", 500, 590), ("月", 600, 690), ("五", 700, 790)],
        ),
        ("pay two hundred dollars now。", "pay $200 now.", [("pay", 0, 90), ("$200", 100, 390), ("now", 400, 490)]),
        ("at three thirty p m", "at 3:30 pm", [("at", 0, 90), ("3:30", 100, 390), ("pm", 400, 490)]),
        ("march fifth twenty twenty four", "march 5 2024", [("march", 0, 90), ("5", 100, 190), ("2024", 200, 490)]),
        ("it is a quarter to six", "it is 5:45", [("it", 0, 90), ("is", 100, 190), ("5:45", 200, 590)]),
        ("一点都不好，听一听", "一点都不好，听一听", None),
    ],
)
def test_times_through_itn(itn: Itn, spoken: str, written: str, expected: list[tuple[str, int, int]] | None) -> None:
    """A written number runs from its first to its last spoken word; the words around keep their own times."""
    before = sentence(spoken)
    after = apply_itn(before, itn)
    assert after.text == written
    if expected is None:
        assert after is before
    else:
        assert spans(after) == expected
        assert (after.start_ms, after.end_ms) == (before.start_ms, before.end_ms)


def test_score_of_a_number_is_the_mean(itn: Itn) -> None:
    """A replaced span has the mean score of its words, the others their own."""
    tokens = [
        Token("共", 0, 90, 0.9),
        Token("二", 100, 190, 0.4),
        Token("十", 200, 290, 0.8),
        Token("个", 300, 390, 0.7),
    ]
    scores = [token.score for token in apply_itn(segment_sentence(tokens), itn).tokens]
    assert scores == pytest.approx([0.9, 0.6, 0.7])


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("上 午 八 点", [("上", 0, 90), ("午", 100, 190), ("八", 200, 290), ("点", 300, 390)]),
        ("于上午八点", [("于", 0, 45), ("上", 45, 90), ("午", 100, 190), ("八", 200, 290), ("点", 300, 390)]),
        ("上午八点整", [("上", 0, 90), ("午", 100, 190), ("八", 200, 290), ("点", 300, 345), ("整", 345, 390)]),
        ("上午 8:00 am", [("上", 0, 90), ("午", 100, 190), ("8:00", 200, 290), ("am", 300, 390)]),
        ("2024-03-05T a b", [("2024-03-05T", 0, 190), ("a", 200, 290), ("b", 300, 390)]),
        ("八点", [("八", 200, 290), ("点", 300, 390)]),
        (
            "8 a.m. in the morning ok",
            [(w, 65 * i, 65 * i + 65) for i, w in enumerate(("8", "a.m.", "in", "the", "morning", "ok"))],
        ),
        ("", [("上", 0, 90), ("午", 100, 190), ("八", 200, 290), ("点", 300, 390)]),
    ],
)
def test_alignment_of_insertions_deletions_and_reorderings(
    written: str, expected: list[tuple[str, int, int]]
) -> None:
    """Whatever a normalizer writes has times: inserted units share the time of the word beside them."""
    before = segment_sentence(timed("上午八点"))
    assert spans(apply_itn(before, Rewriter(lambda _: written))) == expected


def test_text_of_other_making_is_left_alone() -> None:
    """A sentence whose text is not made of its tokens is returned as it is."""
    for text in ("二十五个", "共二十", "，共二十个。", "共二十x个"):
        other = Sentence(text, 0, 390, tuple(timed("共二十个")))
        assert apply_itn(other, Rewriter(lambda text: text.replace("二十", "20"))) is other


MARKS = st.sampled_from(["", "", "", "，", "、", "。", "？"])
SPOKEN = st.sampled_from(
    [
        *"一二三十百零点半年月号个人上午负第",
        "百分之",
        "one",
        "two",
        "twenty",
        "percent",
        "dollars",
        "oh",
        "pm",
        "at",
        "5G",
    ]
)


@st.composite
def spoken_sentences(draw: st.DrawFn, words: st.SearchStrategy[str] = SPOKEN) -> Sentence:
    """Words with marks, and times that may touch, leave gaps, or be missing altogether."""
    texts = draw(st.lists(words, min_size=1, max_size=25))
    steps = draw(st.lists(st.integers(0, 300), min_size=2 * len(texts), max_size=2 * len(texts)))
    has_times = draw(st.booleans())
    tokens, now = [], 0
    for i, text in enumerate(texts):
        start, end = now + steps[2 * i], now + steps[2 * i] + steps[2 * i + 1]
        now = end
        score = draw(st.sampled_from([0.25, 0.5, 1.0]))
        tokens.append(Token(text, start, end, score) if has_times else Token(text, score=score))
    marks = draw(st.lists(MARKS, min_size=len(texts), max_size=len(texts)))
    (whole,) = to_sentences(tokens, marks, closing=frozenset())
    return whole


A_MARK = re.compile(r"[，、。？]|[,.?](?!\d)|(?<!\d)[,.?]")


def without_marks(text: str) -> str:
    return A_MARK.sub("", text)


def check_alignment(before: Sentence, after: Sentence) -> None:
    assert segment_sentence(after.tokens).text == without_marks(after.text)
    assert A_MARK.findall(after.text) == A_MARK.findall(before.text)
    assert (after.start_ms, after.end_ms) == (before.start_ms, before.end_ms)
    scores = [token.score for token in before.tokens]
    assert all(min(scores) <= token.score <= max(scores) for token in after.tokens)
    assert all(token.text and without_marks(token.text) == token.text for token in after.tokens)
    times = [t for token in after.tokens for t in (token.start_ms, token.end_ms)]
    if before.start_ms is None or before.end_ms is None:
        assert set(times) == {None}
    else:
        assert times == sorted(times), "each token starts where the one before has ended, or later"
        assert before.start_ms <= times[0]
        assert times[-1] <= before.end_ms


@settings(max_examples=200, deadline=None)
@given(spoken_sentences())
def test_alignment_holds_for_the_normalizer(itn: Itn, before: Sentence) -> None:
    """Text, marks, order and bounds of times hold for any numbers said in any order."""
    after = apply_itn(before, itn)
    check_alignment(before, after)
    if without_marks(after.text) == without_marks(before.text):
        assert after is before


@settings(max_examples=200, deadline=None)
@given(
    spoken_sentences(),
    st.lists(st.lists(st.sampled_from([*"一二三点半年", "20%", "one", "$5", "pm", " "]), max_size=9), min_size=1),
)
def test_alignment_holds_for_any_normalizer(before: Sentence, written: Sequence[Sequence[str]]) -> None:
    """The same holds when a normalizer inserts, drops or reorders at will."""
    answers = iter([*written, *([[]] * len(before.tokens))])
    check_alignment(before, apply_itn(before, Rewriter(lambda _: "".join(next(answers)))))


@settings(max_examples=100, deadline=None)
@given(spoken_sentences(st.sampled_from("甲乙丙丁")), st.integers(0, 24))
def test_other_tokens_stay_when_one_word_changes(before: Sentence, index: int) -> None:
    """Replacing one word by another touches no other token."""
    index %= len(before.tokens)
    tokens = [Token("戊", t.start_ms, t.end_ms, t.score) if i == index else t for i, t in enumerate(before.tokens)]
    marked = apply_itn(segment_sentence(tokens), Rewriter(lambda text: text.replace("戊", "55")))
    assert marked.tokens[:index] == tuple(tokens[:index])
    assert marked.tokens[index + 1 :] == tuple(tokens[index + 1 :])
    assert marked.tokens[index] == Token("55", tokens[index].start_ms, tokens[index].end_ms, tokens[index].score)


def test_a_minute_without_marks_is_quick(itn: Itn) -> None:
    """Aligning the longest segment without any mark takes no noticeable time."""
    before = segment_sentence(timed("今天一共有二十个人" * 60))
    started = time.perf_counter()
    assert apply_itn(before, itn).text == "今天一共有20个人" * 60
    assert time.perf_counter() - started < 5
