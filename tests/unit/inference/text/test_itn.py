"""Written forms of numbers in Chinese, English and mixed sentences; everything else stays as it was said."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paraserve.inference.text.itn import Itn, load_itn

GOLDEN = [
    tuple(line.split("\t"))
    for name in ("itn_golden.tsv", "itn_phrases.tsv")
    for line in (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
ZH = list("零一二三四五六七八九十百千万亿两幺点负年月日号分秒半刻元块第几个人星期周加减比等于上午早晚听起〇")
WORDS = (
    "one two three five eleven thirteen twenty ninety hundred thousand point percent dollars oh and a the of march "
    "may first second twentieth half quarter past to o'clock am p.m. minus double dot com at hours"
)
ODD = ['"', "\\", "{", "}", ":", "，", "。", " ", "\u3000", "\n", "7", "é", "😀", "\x00", "’", "-", "_"]


@pytest.fixture(scope="module")
def itn() -> Itn:
    return load_itn()


def test_golden(itn: Itn) -> None:
    """Each phrase of the lists is written as the list says."""
    wrong = [(spoken, itn.normalize(spoken), written) for spoken, written in GOLDEN]
    assert [w for w in wrong if w[1] != w[2]] == []


def test_written_text_stays(itn: Itn) -> None:
    """Normalizing what is already written changes nothing."""
    assert [w for _, w in GOLDEN if itn.normalize(w) != w] == []


def test_golden_list_covers_both_languages() -> None:
    """The list is long enough to mean something, and no sentence stands in it twice."""
    spoken = [s for s, _ in GOLDEN]
    assert len(spoken) == len(set(spoken)) >= 1500
    assert sum(s.isascii() for s in spoken) >= 500
    assert sum(not s.isascii() for s in spoken) >= 1000
    assert sum(s == w for s, w in GOLDEN) >= 500


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ("今天是二零二四年三月五号，星期二。", "今天是2024年3月5号，星期二。"),
        ("三点半？一点都不晚！", "3点半？一点都不晚！"),
        ("twenty percent， not thirty。", "20%， not 30。"),
        ("会议在three thirty PM，一共二十人。", "会议在3:30 PM，一共20人。"),
        ("  二十  twenty  ", "  20  20  "),
    ],
)
def test_marks_and_spaces_stay(itn: Itn, spoken: str, written: str) -> None:
    """Punctuation and outer spaces are left where they are."""
    assert itn.normalize(spoken) == written


@pytest.mark.parametrize(
    "text", ["", " ", "。", "hello world", "你好谢谢", 'a "b" {c} \\', "éa😀", "2024年3月5号", "20%"]
)
def test_nothing_to_write_otherwise(itn: Itn, text: str) -> None:
    """Text without spoken numbers is returned unchanged, whatever characters it holds."""
    assert itn.normalize(text) == text


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([*ZH, *(f" {word}" for word in WORDS.split(" ")), *ODD]), max_size=40))
def test_any_text_is_taken(itn: Itn, parts: list[str]) -> None:
    """No text raises, hangs, disappears, or lets the grammar's own notation through."""
    text = "".join(parts)
    written = itn.normalize(text)
    assert bool(written.strip()) == bool(text.strip())
    assert 'value: "' not in written
    assert "~" not in written


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="零一二三四五六七八九幺", min_size=3, max_size=200))
def test_digit_strings_keep_every_digit(itn: Itn, spoken: str) -> None:
    """A digit string of any length is written digit by digit, without spaces."""
    assert itn.normalize(spoken) == spoken.translate(str.maketrans("零一二三四五六七八九幺", "01234567891"))


def test_long_text_in_parts(itn: Itn) -> None:
    """A long text gives what its sentences give one by one."""
    zh = "今天我们在这里说一说天气和别的事情二零二四年三月五号下午三点半见面"
    en = "we talk about the weather and other things on march fifth at three thirty pm and so on"
    assert itn.normalize(zh * 60) == itn.normalize(zh) * 60
    assert itn.normalize(" ".join([en] * 60)) == " ".join([itn.normalize(en)] * 60)


def test_threads_give_the_same_text(itn: Itn) -> None:
    """Several threads may share one normalizer."""
    spoken = [s for s, _ in GOLDEN][::4] * 2
    alone = [itn.normalize(s) for s in spoken]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(itn.normalize, spoken)) == alone
