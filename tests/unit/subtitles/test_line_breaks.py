"""Pieces of text that stay on one line, and the room that text takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.inference.text.scripts import has_unspaced
from paraserve.subtitle_options import SubtitleOptions
from paraserve.subtitles.line_breaks import line_room, room_of, text_pieces, visible_text

LIMITS = SubtitleOptions()
NARROW = SubtitleOptions(latin_chars=10, chinese_chars=5)


def pieces(text, limits=LIMITS):
    """The text with a bar at each place where a line may end."""
    return "|".join(text[one.start : one.end] for one in text_pieces(text, limits))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("你好吗", "你|好|吗"),
        ("it's a well-known fact", "it's|a|well-known|fact"),
        ("用gpt做", "用|gpt|做"),
        ("你好，世界。", "你|好，|世|界。"),
        ("他说：“你好！”然后", "他|说：|“你|好！”|然|后"),
        ("看《红楼梦》吧", "看|《红|楼|梦》|吧"),
        ('说"你好"吧', '说"你|好"吧'),
        ("百分之二十五的人", "百分之二十五|的|人"),
        ("一共一千二百三十四块五", "一|共|一千二百三十四|块|五"),
        ("第十二届", "第十二|届"),
        ("三点一四一五九", "三点一四一五九"),
        ("在2024年", "在|2024|年"),
        ("1 000 000 people", "1 000 000|people"),
        ("call 138 0013 8000 now", "call|138 0013 8000|now"),
        ("about 5 % of it", "about|5 %|of|it"),
        ("pay $ 5 now", "pay|$ 5|now"),
        ("quoi ? (oui)", "quoi ?|(oui)"),
        ("ちょっとラーメンを食べよう", "ちょっ|と|ラー|メ|ン|を|食|べ|よ|う"),
        ("１２．５％です", "１２．５％|で|す"),
        ("等等……好——的", "等|等……|好——|的"),
        ("안녕하세요 여러분", "안녕하세요|여러분"),
        ("", ""),
    ],
)
def test_lines_end_where_they_may(text, expected):
    """At spaces and beside wide characters; not inside words and numbers, before closing or behind opening marks."""
    assert pieces(text) == expected


@pytest.mark.parametrize(
    ("text", "room", "is_wide"),
    [
        ("x" * 42, 1, False),
        ("你" * 20, 1, True),
        ("你" * 10 + "x" * 21, 1, True),
        ("，" * 20, 1, True),
        ("“”" * 10, 1, True),
        ("“”" * 21, 1, False),
        ("e\u0301" * 42, 1, False),
        ("", 0, False),
    ],
)
def test_room(text, room, is_wide):
    """42 characters of normal width fill a line, or 20 wide ones; combining marks take no room."""
    assert room_of(text, LIMITS, is_wide=is_wide) == room * line_room(LIMITS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("supercalifragilistic", "supercalif|ragilistic"),
        ("supercalifragilistical", "supercal|ifragili|stical"),
        ("1 000 000 000 000", "1 000 000|000 000"),
        ("e\u0301" * 12, "e\u0301" * 6 + "|" + "e\u0301" * 6),
        ("一二三四五六七八", "一二三四|五六七八"),
    ],
)
def test_what_is_longer_than_a_line_is_cut(text, expected):
    """A word that has no room on a line is cut where it is full, and a combining mark stays with its letter."""
    assert pieces(text, NARROW) == expected


@given(st.text(st.sampled_from("ab1 中国三，。“”(《》)$%-'\u0301\U0001f600")), st.sampled_from([LIMITS, NARROW]))
def test_nothing_is_lost(text, limits):
    """The pieces with their spaces are the text, and each has room on a line."""
    text = visible_text(text)
    found = list(text_pieces(text, limits))
    is_wide = has_unspaced(text)
    for one in found:
        assert room_of(text[one.start : one.end], limits, is_wide=is_wide) <= line_room(limits)
        assert text[one.start : one.end].strip() == text[one.start : one.end]
    joined = "".join(" " * one.has_space + text[one.start : one.end] for one in found)
    assert joined.strip() == text


def test_visible_text():
    """Text on one line, without what XML and UTF-8 refuse."""
    assert visible_text(" a\n\tb\x00\ud800\ufffe\uffff\u2028c\x1f") == "a b c"
