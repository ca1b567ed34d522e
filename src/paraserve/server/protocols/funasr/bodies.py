"""HTTP bodies of FunASR's servers, as pure functions of a transcript."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from paraserve.formats import (
    answer_facts,
    channel_json,
    channels_json,
    hotwords_json,
    quality_json,
    redactions_json,
    shortfall_json,
    spoken_json,
    spoken_properties,
    warnings_json,
)
from paraserve.inference.text.scripts import is_chinese_character
from paraserve.inference.text.sentences import join_sentences
from paraserve.server.protocols.funasr.digit_times import part_edges
from paraserve.server.protocols.json_encoding import Json, list_text
from paraserve.server.protocols.openai import MASK, language_of, seconds, timed_tokens, word_json
from paraserve.types import Sentence, Token, Transcript


def funasr_offline(transcript: Transcript, wav_name: str, *, is_final: bool, is_strict: bool = False) -> Json:
    """Return FunASR's offline result. `timestamp` is a JSON string, or absent when there are no times.

    Args:
        transcript: the recording's.
        wav_name: name of the recording.
        is_final: whether this is the last result of the recording.
        is_strict: write language, emotion and events as tags into the text, as FunASR does, and not as keys.
    """
    sentences = transcript.sentences
    text = tagged_text(sentences, transcript.text) if is_strict else transcript.text
    body: Json = {"mode": "offline", "text": text, "wav_name": wav_name, "is_final": is_final}
    body |= funasr_stamps(sentences) | warnings_json(transcript.warnings) | quality_json(transcript.quality)
    if is_strict:
        return body
    body |= spoken_json(transcript.spoken) | channels_json(transcript) | redactions_json(transcript.redactions)
    facts = hotwords_json(transcript.hotwords) | shortfall_json(transcript.heard, transcript.notice)
    return body | funasr_properties(sentences) | facts


def funasr_properties(sentences: Sequence[Sentence]) -> Json:
    """Return language, emotion and events of the first sentence, each only if the model named it."""
    return spoken_properties(sentences[0]) if sentences else {}


def tagged_text(sentences: Iterable[Sentence], text: str) -> str:
    """Return the text with a SenseVoice's tags as FunASR writes them, before each part that they hold for.

    Every sentence of a SenseVoice has an emotion. Where none has one, the answer is `text`.
    """
    groups = [(_tags(properties), list(group)) for properties, group in groupby(sentences, _properties)]
    if not any(tags for tags, _ in groups):
        return text
    return "".join(tags + join_sentences(group) for tags, group in groups)


def _properties(sentence: Sentence) -> tuple[str | None, str | None, tuple[str, ...]]:
    return sentence.language, sentence.emotion, sentence.events


def _tags(properties: tuple[str | None, str | None, tuple[str, ...]]) -> str:
    language, emotion, events = properties
    return "".join(f"<|{name}|>" for name in (language or "nospeech", emotion, *events) if name) if emotion else ""


def funasr_stamps(sentences: Iterable[Sentence]) -> Json:
    """Return FunASR's times of a text: `timestamp`, one pair of ms for each `TimedText`, and `stamp_sents`.

    Without times nothing is returned.
    """
    clauses = [(clause, sentence) for sentence in sentences for clause in split_clauses(sentence)]
    pairs = [[part.start_ms, part.end_ms] for clause, _ in clauses for part in clause.parts]
    if not pairs:
        return {}
    return {
        "timestamp": list_text(pairs),
        "stamp_sents": [_stamp(clause) | channel_json(sentence) for clause, sentence in clauses],
    }


def funasr_recognition(transcript: Transcript) -> Json:
    """Return the body of FunASR's Python HTTP server (`/recognition`). Times are ms."""
    sentences = [
        {"text": s.text, "start": s.start_ms, "end": s.end_ms, **channel_json(s)} for s in transcript.sentences
    ]
    return {"text": transcript.text, "sentences": sentences, "code": 0, **answer_facts(transcript)}


def funasr_asr(transcript: Transcript, processing_s: float) -> Json:
    """Return the body of `funasr-server`'s `/asr`. Times are seconds."""
    duration = transcript.duration_ms / 1000
    return {
        "text": transcript.text,
        "segments": [
            {
                "text": s.text,
                "start": seconds(s.start_ms, 0),
                "end": seconds(s.end_ms, transcript.duration_ms),
                "words": [word_json(token) for token in timed_tokens(s)],
                **channel_json(s),
            }
            for s in transcript.sentences
        ],
        "duration": duration,
        "language": language_of(transcript),
        "processing_time": round(processing_s, 3),
        "rtf": round(processing_s / duration, 4) if duration else 0.0,
        **answer_facts(transcript),
    }


@dataclass(frozen=True, slots=True)
class TimedText:
    """A part of the text that FunASR gives a time: a Chinese character, a digit or the star for one, a Latin word."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Clause:
    """The parts up to a punctuation mark ("" at an end of the sentence without one)."""

    parts: tuple[TimedText, ...]
    mark: str


def split_clauses(sentence: Sentence) -> list[Clause]:
    """Cut a sentence at each of its marks. Tokens without times are left out: FunASR has no null times."""
    clauses: list[Clause] = []
    parts: list[TimedText] = []
    position = 0
    for token in sentence.tokens:
        found = sentence.text.find(token.text, position)
        if found < 0:
            continue
        for mark in _marks(sentence.text[position:found]):
            clauses.append(Clause(tuple(parts), mark))
            parts = []
        parts += _timed_parts(token, sentence.spoken_tokens)
        position = found + len(token.text)
    for mark in _marks(sentence.text[position:]):
        clauses.append(Clause(tuple(parts), mark))
        parts = []
    return [*clauses, Clause(tuple(parts), "")] if parts else clauses


def _stamp(clause: Clause) -> Json:
    times = [[part.start_ms, part.end_ms] for part in clause.parts]
    return {
        "text_seg": " ".join(part.text for part in clause.parts),
        "punc": clause.mark,
        "start": times[0][0] if times else -1,
        "end": times[-1][1] if times else -1,
        "ts_list": times,
    }


def _timed_parts(token: Token, spoken: Sequence[Token]) -> list[TimedText]:
    """Cut a token into the parts that FunASR times, by the times of the words that it replaces."""
    if token.start_ms is None or token.end_ms is None:
        return []
    texts = list(_part_texts(token.text))
    replaced = [word for word in spoken if _lies_in(word, token.start_ms, token.end_ms)] if len(texts) > 1 else []
    edges = part_edges(texts, token.start_ms, token.end_ms, replaced) if texts else []
    return [TimedText(text, edges[n], edges[n + 1]) for n, text in enumerate(texts)]


def _lies_in(word: Token, start_ms: int, end_ms: int) -> bool:
    return (
        word.start_ms is not None and word.end_ms is not None and start_ms <= word.start_ms and word.end_ms <= end_ms
    )


def _part_texts(text: str) -> Iterator[str]:
    word = ""
    for character in text:
        is_letter = character.isalpha() and not is_chinese_character(character)
        if is_letter or (word and character in "'-"):
            word += character
            continue
        if word:
            yield word
            word = ""
        if is_chinese_character(character) or character.isdigit() or character == MASK:
            yield character
    if word:
        yield word


def _marks(between: str) -> list[str]:
    return [c for c in between if unicodedata.category(c).startswith("P")]
