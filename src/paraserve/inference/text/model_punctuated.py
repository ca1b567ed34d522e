"""Text that a model wrote itself, with marks and spaces: its words with their times, and its sentences.

A piece is what the model gives a time to: a part of a word, a word with the space before it, a mark, or several
Chinese characters. Pieces put together are the text. Words are what a reader counts: a Chinese character, or what
stands between spaces without the marks around it ("20%", "it's", "3.5").
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from paraserve.inference.text.scripts import SENTENCE_END, has_unspaced
from paraserve.inference.text.sentences import WRITTEN_WORD, full_stop
from paraserve.types import Hypothesis, Sentence, Token

AROUND_WORDS = "\"'“”‘’«»()[]{}<>¿¡-–—…*♪~.,;:?!"
"""Marks of spaced scripts that are not part of the word beside them; what they stand inside of keeps them."""
CLOSING = "\"'”’»)]}」』）】》"
"""Marks that belong to the sentence whose end stands before them."""
MARK = re.compile(rf"[{re.escape(''.join(SENTENCE_END))}…]+[{re.escape(CLOSING)}]*")


def words_of(pieces: Sequence[Token]) -> tuple[Token, ...]:
    """The words of the text that the pieces make up.

    A word runs from where its first character was said to where its last one was; characters of one piece share its
    time evenly, marks left out. It is as sure as the least sure of its pieces.
    """
    places = [place for piece in pieces for place in _places(piece)]
    text = "".join(piece.text for piece in pieces)
    return tuple(_word(text[start:end], places[start:end]) for start, end in _word_spans(text))


def written_sentences(hypothesis: Hypothesis, *, is_closed: bool) -> tuple[Sentence, ...]:
    """Sentences of a hypothesis whose text is already in its final form, each up to a mark that ends one.

    `is_closed` gives the last one a full stop where the model put no mark.
    """
    sentences: list[Sentence] = []
    text, words = hypothesis.text, list(hypothesis.tokens)
    begin = position = first = 0
    for i, word in enumerate(words):
        position = text.index(word.text, position) + len(word.text)
        following = text.index(words[i + 1].text, position) if i + 1 < len(words) else len(text)
        mark = MARK.search(text, position, following)
        if mark is None and i + 1 < len(words):
            continue
        end = len(text) if i + 1 == len(words) else mark.end() if mark is not None else following
        sentences.append(_sentence(text[begin:end].strip(), words[first : i + 1]))
        begin, first = end, i + 1
    if sentences and is_closed and MARK.search(sentences[-1].text, _last_word_end(sentences[-1])) is None:
        sentences[-1] = replace(sentences[-1], text=full_stop(sentences[-1].text))
    return tuple(sentences)


@dataclass(frozen=True, slots=True)
class _Place:
    """When one character was said."""

    start_ms: int | None
    end_ms: int | None
    score: float


def _places(piece: Token) -> Iterator[_Place]:
    """One place for each character; spaces and marks take no time."""
    n_said, said = sum(map(str.isalnum, piece.text)), 0
    for char in piece.text:
        step = int(char.isalnum())
        yield _Place(_at(piece, said, n_said), _at(piece, said + step, n_said), piece.score)
        said += step


def _at(piece: Token, said: int, n_said: int) -> int | None:
    if piece.start_ms is None or piece.end_ms is None:
        return None
    return piece.start_ms + (piece.end_ms - piece.start_ms) * said // max(1, n_said)


def _word_spans(text: str) -> Iterator[tuple[int, int]]:
    for match in WRITTEN_WORD.finditer(text):
        unit = match[0]
        bare = unit if has_unspaced(unit) else unit.strip(AROUND_WORDS)
        if any(char.isalnum() for char in bare):
            start = match.start() + unit.index(bare)
            yield start, start + len(bare)


def _word(text: str, places: Sequence[_Place]) -> Token:
    return Token(text, places[0].start_ms, places[-1].end_ms, min(place.score for place in places))


def _sentence(text: str, words: Sequence[Token]) -> Sentence:
    return Sentence(text, words[0].start_ms, words[-1].end_ms, tuple(words))


def _last_word_end(sentence: Sentence) -> int:
    return sentence.text.rindex(sentence.tokens[-1].text) + len(sentence.tokens[-1].text)
