"""Tokens and marks to sentences, and inverse text normalization that keeps the times of tokens.

The text follows FunASR's rules. A space stands between two words of a spaced script ("hello world", also behind a
mark: "hello, world"), none next to a Chinese character ("用gpt做"). Marks follow their word directly. They are
full-width, except in a sentence without Chinese characters, which gets ASCII marks like in FunASR's newer releases.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import accumulate

from paraserve.inference.base import Itn
from paraserve.inference.text.scripts import ALL_MARKS, SENTENCE_END, TO_ASCII_MARKS, UNSPACED, has_unspaced
from paraserve.inference.text.spaces import needs_space, space_between_sentences
from paraserve.types import Sentence, Token

WRITTEN_WORD = re.compile(rf"[{UNSPACED}]|[^\s{UNSPACED}]+")
"""A character of an unspaced script, or a run of others without a space."""


def to_sentences(
    tokens: Sequence[Token],
    marks: Sequence[str],
    closing: frozenset[str] = SENTENCE_END,
    *,
    fit_script: bool = True,
) -> tuple[Sentence, ...]:
    """Group tokens into sentences, each up to a mark of `closing`. Other marks stay inside a sentence.

    Args:
        tokens: words with their times, of which any may be None.
        marks: the mark after each token, "" for none.
        closing: the marks that end a sentence. With `ALL_MARKS` each mark does, as in FunASR's `stamp_sents`.
        fit_script: write ASCII marks in sentences without Chinese characters.
    """
    marks_of = _fitting_marks if fit_script else _same_marks
    sentences: list[Sentence] = []
    words: list[Token] = []
    word_marks: list[str] = []
    for token, mark in zip(tokens, marks, strict=True):
        words.append(token)
        word_marks.append(mark)
        if mark[-1:] in closing:
            sentences.append(_sentence(words, marks_of(word_marks, words)))
            words, word_marks = [], []
    return (*sentences, _sentence(words, marks_of(word_marks, words))) if words else tuple(sentences)


def segment_sentence(tokens: Sequence[Token]) -> Sentence:
    """Return one sentence without marks, of at least one token."""
    return _sentence(tokens, [""] * len(tokens))


def join_sentences(sentences: Iterable[Sentence]) -> str:
    """The whole text; a space between two sentences only where words of a spaced script meet."""
    text = last = ""
    for sentence in sentences:
        text += space_between_sentences(last, sentence.text) + sentence.text
        last = sentence.text or last
    return text


def join_spoken(sentences: Sequence[Sentence]) -> str:
    """Return the whole text as it was said, "" where ITN wrote nothing otherwise."""
    if not any(sentence.spoken for sentence in sentences):
        return ""
    return join_sentences(replace(sentence, text=sentence.as_spoken) for sentence in sentences)


def full_stop(text: str) -> str:
    """Return the text with the full stop of its script, in place of another mark at its end."""
    bare = text.rstrip("".join(ALL_MARKS))
    return bare + ("。" if has_unspaced(bare) else ".")


def apply_itn(sentence: Sentence, itn: Itn) -> Sentence:
    """Return the sentence in written form, with the times of its new tokens.

    Each span between two marks is normalized alone, so marks keep their place. Words that do not change keep their
    token. A new token is a Chinese character, or a run of other characters without a space. It lasts from the first
    to the last word that it replaces, and has their mean score. Several new tokens in place of fewer words share
    their time. The sentence keeps its start and end.

    A sentence whose text is not made of its tokens and marks is returned unchanged.
    """
    clauses = _clauses(sentence)
    if clauses is None:
        return sentence
    tokens: list[Token] = []
    marks: list[str] = []
    for words, mark in clauses:
        written = _write(words, itn)
        tokens += written
        marks += [""] * (len(written) - 1) + [mark]
    if tokens == list(sentence.tokens):
        return sentence
    return replace(
        sentence,
        text=_join(tokens, marks),
        tokens=tuple(tokens),
        spoken=sentence.text,
        spoken_tokens=sentence.tokens,
    )


def _fitting_marks(marks: Sequence[str], words: Sequence[Token]) -> list[str]:
    """Return the marks as the script of the sentence writes them."""
    is_spaced = not any(has_unspaced(word.text) for word in words)
    return [mark.translate(TO_ASCII_MARKS) for mark in marks] if is_spaced else list(marks)


def _same_marks(marks: Sequence[str], _words: Sequence[Token]) -> list[str]:
    return list(marks)


def _sentence(tokens: Sequence[Token], marks: Sequence[str]) -> Sentence:
    return Sentence(_join(tokens, marks), tokens[0].start_ms, tokens[-1].end_ms, tuple(tokens))


def _join(tokens: Sequence[Token], marks: Sequence[str]) -> str:
    text = last = ""
    for token, mark in zip(tokens, marks, strict=True):
        text += (" " if needs_space(last, token.text) else "") + token.text + mark
        last = token.text or last
    return text


def _clauses(sentence: Sentence) -> list[tuple[list[Token], str]] | None:
    """Return the tokens up to each mark, and the mark; None if the text is not made of tokens and marks."""
    clauses: list[tuple[list[Token], str]] = []
    words: list[Token] = []
    position = 0
    for token in sentence.tokens:
        found = sentence.text.find(token.text, position)
        gap = sentence.text[position:found].strip()
        if found < 0 or any(char.isalnum() for char in gap) or (gap and not words):
            return None
        if gap:
            clauses.append((words, gap))
            words = []
        words.append(token)
        position = found + len(token.text)
    tail = sentence.text[position:].strip()
    if not words or any(char.isalnum() for char in tail):
        return None
    return [*clauses, (words, tail)]


def _write(tokens: list[Token], itn: Itn) -> list[Token]:
    """Return the written form of the words between two marks, at least one token."""
    spoken = _join(tokens, [""] * len(tokens))
    written = itn.normalize(spoken)
    new_words = WRITTEN_WORD.findall(written)
    return _align(tokens, new_words) if new_words and written != spoken else tokens


def _align(tokens: Sequence[Token], new_words: Sequence[str]) -> list[Token]:
    """Return tokens of the new words, with time and score of the words that they replace."""
    aligned: list[Token] = []
    unplaced: list[str] = []
    words = [token.text for token in tokens]
    for change, i1, i2, j1, j2 in SequenceMatcher(None, words, new_words, autojunk=False).get_opcodes():
        if change == "equal":
            # Words inserted before the first one share its time.
            aligned += _spread(tokens[i1 : i1 + 1], [*unplaced, new_words[j1]]) if unplaced else [tokens[i1]]
            aligned += tokens[i1 + 1 : i2]
            unplaced = []
        elif change == "replace":
            aligned += _spread(tokens[i1:i2], new_words[j1:j2])
        elif change == "insert" and aligned:
            last = aligned.pop()
            aligned += _spread([last], [last.text, *new_words[j1:j2]])
        elif change == "insert":
            unplaced = list(new_words[j1:j2])
    return aligned


def _spread(tokens: Sequence[Token], new_words: Sequence[str]) -> list[Token]:
    """Return a token for each new word, from the tokens that they replace together. Long words take more of them."""
    if len(new_words) > len(tokens):
        return _share(tokens, new_words)
    lengths = list(accumulate(map(len, new_words)))
    spread: list[Token] = []
    start = 0
    for i, word in enumerate(new_words):
        left = len(new_words) - 1 - i
        end = round(len(tokens) * lengths[i] / lengths[-1])
        end = min(max(end, start + 1), len(tokens) - left)
        spread.append(_merged(tokens[start:end], word))
        start = end
    return spread


def _share(tokens: Sequence[Token], new_words: Sequence[str]) -> list[Token]:
    """Return a token for each of more new words than tokens, with equal parts of the time of all tokens."""
    whole = _merged(tokens, "")
    unit_ids = (whole.unit_ids, *[()] * (len(new_words) - 1))
    if whole.start_ms is None or whole.end_ms is None:
        return [replace(whole, text=word, unit_ids=ids) for word, ids in zip(new_words, unit_ids, strict=True)]
    duration_ms, n = whole.end_ms - whole.start_ms, len(new_words)
    bounds = [whole.start_ms + duration_ms * i // n for i in range(n + 1)]
    return [Token(word, bounds[i], bounds[i + 1], whole.score, unit_ids[i]) for i, word in enumerate(new_words)]


def _merged(tokens: Sequence[Token], text: str) -> Token:
    score = sum(token.score for token in tokens) / len(tokens)
    unit_ids = tuple(i for token in tokens for i in token.unit_ids)
    return Token(text, tokens[0].start_ms, tokens[-1].end_ms, score, unit_ids)
