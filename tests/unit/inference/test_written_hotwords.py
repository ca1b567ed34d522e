"""Hotwords that are found in the words of a text."""

from paraserve.hotword_types import Hotword, HotwordHit
from paraserve.inference.written_hotwords import written_hotwords
from paraserve.types import Token


def said(*texts: str) -> list[Token]:
    return [Token(text, 100 * n, 100 * n + 90) for n, text in enumerate(texts)]


def test_words_and_characters() -> None:
    """A hotword may be several words or characters, in any case, with marks between; the longest one counts."""
    words = tuple(map(Hotword, ("open ai", "北京", "北京大学", "ai")))
    found = written_hotwords(said("Open", "AI", "在", "北", "京", "大", "学", "ai"), words)
    assert found == (
        HotwordHit("open ai", 0, 190),
        HotwordHit("北京大学", 300, 690),
        HotwordHit("ai", 700, 790),
    )


def test_parts_of_words() -> None:
    """A part of a word is no hotword, nor is one of weight 0, and without hotwords there are none."""
    assert written_hotwords(said("openly", "said"), (Hotword("open"), Hotword("said", 0))) == ()
    assert written_hotwords(said("a"), ()) == ()
    assert written_hotwords(said("a"), (Hotword("..."),)) == ()
