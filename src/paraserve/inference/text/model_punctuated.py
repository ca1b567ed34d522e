"""Words with their times, and sentences, of a text that a model wrote itself with marks and spaces.

The model gives times to parts of its text: a part of a word, a word with the space before it, a mark, or several
Chinese characters. The parts joined are the text. A word is a Chinese character, or the characters between two spaces
without the marks around them ("20%", "it's", "3.5").
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from paraserve.inference.text.scripts import ALL_MARKS, SENTENCE_END, has_unspaced
from paraserve.inference.text.sentences import SENTENCE_PAUSE_MS, WRITTEN_WORD, full_stop, pause_ms
from paraserve.types import Hypothesis, Sentence, Token

AROUND_WORDS = "\"'“”‘’«»()[]{}<>¿¡-–—…*♪~.,;:?!"
"""Marks of spaced scripts that do not belong to the word beside them. Marks inside a word stay."""
CLOSING = "\"'”’»)]}」』）】》"
"""Marks behind the end of a sentence that still belong to it."""
CLOSING_MARKS = re.compile(rf"[{re.escape(''.join(ALL_MARKS) + CLOSING)}…—]*")
MARK = re.compile(rf"[{re.escape(''.join(SENTENCE_END))}…]+[{re.escape(CLOSING)}]*")


def words_of(parts: Sequence[Token]) -> tuple[Token, ...]:
    """Return the words of the text that the parts make up.

    A word lasts from the start of its first character to the end of its last one. The characters of a part share its
    time evenly, and marks take none. The score of a word is the lowest of its parts.
    """
    times = [time for part in parts for time in _character_times(part)]
    text = "".join(part.text for part in parts)
    return tuple(_word(text[start:end], times[start:end]) for start, end in _word_spans(text))


def written_sentences(hypothesis: Hypothesis, *, is_closed: bool) -> tuple[Sentence, ...]:
    """Return the sentences of a hypothesis whose text is in its final form, each up to a mark that ends one.

    Long pauses end sentences, too. The marks there stay what they are, since the text is the same without times.
    `is_closed` adds a full stop to the last sentence if the model put no mark there.
    """
    sentences: list[Sentence] = []
    text, words = hypothesis.text, list(hypothesis.tokens)
    begin = position = first = 0
    for i, word in enumerate(words):
        position = text.index(word.text, position) + len(word.text)
        end: int | None = len(text)
        if i + 1 < len(words):
            following = text.index(words[i + 1].text, position)
            is_pause = pause_ms(word, words[i + 1]) >= SENTENCE_PAUSE_MS
            end = _sentence_end(text, position, following, is_pause=is_pause)
        if end is not None:
            sentences.append(_sentence(text[begin:end].strip(), words[first : i + 1]))
            begin, first = end, i + 1
    if sentences and is_closed and MARK.search(sentences[-1].text, _last_word_end(sentences[-1])) is None:
        sentences[-1] = replace(sentences[-1], text=full_stop(sentences[-1].text))
    return tuple(sentences)


def _sentence_end(text: str, position: int, following: int, *, is_pause: bool) -> int | None:
    """Return the end of a sentence between two words, None if it goes on."""
    mark = MARK.search(text, position, following)
    if mark is not None:
        return mark.end()
    closing = CLOSING_MARKS.match(text, position, following)
    return closing.end() if is_pause and closing is not None else None


@dataclass(frozen=True, slots=True)
class _CharacterTime:
    """Time and score of one character. The units of its part are with the first one that is said."""

    start_ms: int | None
    end_ms: int | None
    score: float
    unit_ids: tuple[int, ...]


def _character_times(part: Token) -> Iterator[_CharacterTime]:
    """Yield the time of each character; spaces and marks take none."""
    n_said, said = sum(map(str.isalnum, part.text)), 0
    for char in part.text:
        step = int(char.isalnum())
        unit_ids = part.unit_ids if step and not said else ()
        yield _CharacterTime(_time_at(part, said, n_said), _time_at(part, said + step, n_said), part.score, unit_ids)
        said += step


def _time_at(part: Token, said: int, n_said: int) -> int | None:
    if part.start_ms is None or part.end_ms is None:
        return None
    return part.start_ms + (part.end_ms - part.start_ms) * said // max(1, n_said)


def _word_spans(text: str) -> Iterator[tuple[int, int]]:
    for match in WRITTEN_WORD.finditer(text):
        word = match[0]
        bare = word if has_unspaced(word) else word.strip(AROUND_WORDS)
        if any(char.isalnum() for char in bare):
            start = match.start() + word.index(bare)
            yield start, start + len(bare)


def _word(text: str, times: Sequence[_CharacterTime]) -> Token:
    score, unit_ids = min(time.score for time in times), tuple(i for time in times for i in time.unit_ids)
    return Token(text, times[0].start_ms, times[-1].end_ms, score, unit_ids)


def _sentence(text: str, words: Sequence[Token]) -> Sentence:
    return Sentence(text, words[0].start_ms, words[-1].end_ms, tuple(words))


def _last_word_end(sentence: Sentence) -> int:
    return sentence.text.rindex(sentence.tokens[-1].text) + len(sentence.tokens[-1].text)
