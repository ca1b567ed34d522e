"""Cues: their limits, the places where they are broken, and their times."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.subtitle_options import SubtitleOptions
from paraserve.subtitles.cues import SHORTEST_MS, cues_of
from paraserve.types import Sentence, Token, Transcript
from support.subtitles import check_subtitles

LIMITS = SubtitleOptions()
WORD = re.compile(r"[\u4e00-\u9fff]|[^\s\u4e00-\u9fff，。？！,.?!]+")


def sentence(text, *, start_ms=0, step_ms=200, pauses=()):
    """A sentence whose words follow each other, with (number of words before it, ms) pauses."""
    tokens = []
    at_ms = start_ms
    for n, word in enumerate(WORD.findall(text)):
        at_ms += dict(pauses).get(n, 0)
        tokens.append(Token(word, at_ms, at_ms + step_ms))
        at_ms += step_ms
    return Sentence(text, start_ms, at_ms, tuple(tokens))


def transcript(*sentences, duration_ms=None):
    ends = [one.end_ms for one in sentences if one.end_ms is not None]
    return Transcript("".join(one.text for one in sentences), sentences, duration_ms or max(ends, default=0))


def cues(*sentences, limits=LIMITS, duration_ms=None):
    """(start_ms, end_ms, lines) of each cue."""
    found = cues_of(transcript(*sentences, duration_ms=duration_ms), limits)
    check_subtitles([(cue.start_ms, cue.end_ms, cue.lines) for cue in found], limits)
    return [(cue.start_ms, cue.end_ms, "/".join(cue.lines)) for cue in found]


def texts(*sentences, limits=LIMITS):
    return [text for _, _, text in cues(*sentences, limits=limits)]


def test_a_short_sentence_is_one_cue():
    """A sentence that fits has a cue of its own, with its times."""
    assert cues(sentence("你好，世界。", start_ms=400), sentence("Two words.", start_ms=2000)) == [
        (400, 1200, "你好，世界。"),
        (2000, 2400, "Two words."),
    ]


@pytest.mark.parametrize(
    ("text", "pauses", "expected"),
    [
        (
            "今天我们来讲语音识别系统的历史，从五十年代开始，人们就尝试让机器听懂人说的话，后来它就慢慢变得很好了。",
            (),
            [
                "今天我们来讲语音识别系统的历史，/从五十年代开始，",
                "人们就尝试让机器听懂人说的话，/后来它就慢慢变得很好了。",
            ],
        ),
        (
            "我们今天要一起去看看新的房子" * 2,
            ((14, 600),),
            ["我们今天要一起去看看新的房子/我们今天要一起去看看新的房子"],
        ),
        (
            "我们今天要一起去看看新的房子" * 2,
            ((14, 3000),),
            ["我们今天要一起去看看新的房子", "我们今天要一起去看看新的房子"],
        ),
        ("我们今天要一起去看看新的房子啊" * 3, ((18, 400),), None),
        ("and so we went " * 8, (), None),
    ],
)
def test_places_of_breaks(text, pauses, expected):
    """Sentences are broken at marks, at pauses where there are none, and never go on over a long pause."""
    found = texts(sentence(text.strip(), pauses=pauses))
    if expected is not None:
        assert found == expected
    assert "".join(re.sub(r"[ /]", "", one) for one in found) == text.replace(" ", "")


def test_pauses_come_before_words():
    """Without a mark the break is where the speaker paused."""
    text = "我们今天要一起去看看新的房子再回来吃饭然后睡觉明天早上再说吧大家都很累了"
    found = texts(sentence(text, pauses=((22, 450),)))
    assert found[0].replace("/", "") == text[:22]


def test_numbers_and_words_stay_whole():
    """No line begins inside a number or a word, or with a closing mark, whatever the limits are."""
    text = "他说：“一共一千二百三十四块五”，supercalifragilistic 的价格是$1234.50，占百分之二十五（25%）。" * 3
    whole = ("一千二百三十四", "supercalifragilistic", "$1234.50，", "百分之二十五", "（25%）。", "五”，", "“一")
    for chars in range(11, 25):
        limits = SubtitleOptions(latin_chars=2 * chars, chinese_chars=chars, lines=3)
        found = "\n".join(line for one in texts(sentence(text), limits=limits) for line in one.split("/"))
        assert all(found.count(one) == text.count(one) for one in whole), found
        assert not re.search(r"(?m)^[，。”）%]|[（“$]$", found)


@pytest.mark.parametrize("lines", [1, 2, 3])
@pytest.mark.parametrize("cue_ms", [1000, 3000, 7000])
def test_limits_are_kept(cue_ms, lines):
    """Fewer lines and less time give more cues, each within them."""
    limits = SubtitleOptions(cue_ms=cue_ms, lines=lines, latin_chars=30, chinese_chars=12)
    text = "and then we all went home with GPT 3.5, 大家一起唱歌跳舞非常开心，" * 5
    assert len(cues(sentence(text), limits=limits)) >= sum(
        len(WORD.findall(text)) * 200 > n * cue_ms for n in range(9)
    )


def test_sentences_without_word_times():
    """Where a model gives times of sentences alone, those of the words are taken from the number of characters."""
    text = "one two three four five six seven eight nine ten " * 4
    found = cues(Sentence(text.strip(), 1000, 21_000, ()))
    assert (found[0][0], found[-1][1]) == (1000, 21_000)
    assert all(end - start >= 2000 for start, end, _ in found)


def test_sentences_without_times():
    """Sentences without any times share the time between their neighbours, or the recording's."""
    assert cues(Sentence("ab", None, None, ()), Sentence("cd", None, None, ()), duration_ms=4000) == [
        (0, 2000, "ab"),
        (2000, 4000, "cd"),
    ]
    assert cues(sentence("ab"), Sentence("cd", None, None, ()), sentence("ef", start_ms=1200)) == [
        (0, 200, "ab"),
        (200, 1200, "cd"),
        (1200, 1400, "ef"),
    ]


def test_a_long_word_ends_in_time():
    """A word that seems to last too long, as Whisper's do before silence, is shown for the longest time."""
    assert cues(Sentence("oh", 0, 60_000, (Token("oh", 0, 60_000),))) == [(0, 7000, "oh")]


def test_words_without_duration():
    """Words that overlap, go back or have no duration give cues that follow each other."""
    overlapping = Sentence("a b", 100, 100, (Token("a", 100, 100), Token("b", 90, 100)))
    later = Sentence("c.", 50, 120, (Token("c", 50, 120),))
    assert cues(overlapping, overlapping, later) == [
        (100, 100 + SHORTEST_MS, "a b"),
        (100 + SHORTEST_MS, 100 + 2 * SHORTEST_MS, "a b"),
        (100 + 2 * SHORTEST_MS, 100 + 3 * SHORTEST_MS, "c."),
    ]


@pytest.mark.parametrize("text", ["", " \n", "\u200b", "\x00"])
def test_nothing_to_see(text):
    """A sentence without a visible character gives no cue."""
    assert cues(Sentence(text, 0, 100, (Token(text, 0, 100),))) == []


def test_spoken():
    """The words as they were said have their own times. Sentences that are written as said stay what they are."""
    said = sentence("今天是十一月二十一号。")
    written = Sentence("今天是11月21号。", 0, said.end_ms, (), spoken=said.text, spoken_tokens=said.tokens)
    limits = SubtitleOptions(cue_ms=1000, is_spoken=True)
    assert "".join(text for _, _, text in cues(written, limits=limits)) == said.text
    assert cues(written, limits=limits) == cues(said, limits=limits)
    assert cues(written) == [(0, said.end_ms, "今天是11月21号。")]


times = st.none() | st.integers(0, 60_000)
words = st.text(st.sampled_from("ab1% 中国三，。“”(《》)$-'\u0301\U0001f600<&"), max_size=12)
tokens = st.builds(Token, words, times, times)


@st.composite
def any_sentences(draw):
    """Sentences made of tokens, or not, with times of all kinds."""
    parts = draw(st.lists(tokens, max_size=12))
    text = draw(st.sampled_from(["", " ", "，"])).join(part.text for part in parts)
    return Sentence(draw(st.sampled_from([text, text + "." * 99, "x" * 99])), draw(times), draw(times), tuple(parts))


@given(
    st.lists(any_sentences(), max_size=4),
    st.integers(0, 60_000),
    st.builds(SubtitleOptions, st.integers(1000, 9000), st.integers(1, 4), st.integers(10, 50), st.integers(5, 25)),
)
def test_any_transcript(sentences, duration_ms, limits):
    """No cue is over the limits, none overlaps, none is empty, and no character is lost."""
    found = cues_of(transcript(*sentences, duration_ms=duration_ms), limits)
    check_subtitles([(cue.start_ms, cue.end_ms, cue.lines) for cue in found], limits)
    shown = "".join(line for cue in found for line in cue.lines).replace(" ", "")
    said = [one.text for one in sentences if one.text.strip(" \u0301")]
    assert shown == "".join(said).replace(" ", "")
