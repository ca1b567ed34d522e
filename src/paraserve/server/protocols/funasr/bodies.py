"""The HTTP bodies of FunASR's servers, as pure functions of a transcript."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from paraserve.formats import heard_json
from paraserve.inference.text.sentences import join_sentences
from paraserve.server.protocols.json_encoding import Json, list_text
from paraserve.server.protocols.openai import is_cjk, language_of, seconds, word_json
from paraserve.types import Sentence, Token, Transcript


def funasr_offline(transcript: Transcript, wav_name: str, *, is_final: bool, is_strict: bool = False) -> Json:
    """FunASR's offline result: `timestamp` is a JSON string, or absent when there are no times.

    What a model hears beyond the words is in keys of its own, with `is_strict` in the text as FunASR has it.
    """
    sentences = transcript.sentences
    text = tagged_text(sentences, transcript.text) if is_strict else transcript.text
    body: Json = {"mode": "offline", "text": text, "wav_name": wav_name, "is_final": is_final}
    return body | funasr_stamps(sentences) | ({} if is_strict else funasr_heard(sentences))


def funasr_heard(sentences: Sequence[Sentence]) -> Json:
    """What a model heard beyond the words, as keys of a result, where the sentences say it: those of the first."""
    return heard_json(sentences[0]) if sentences else {}


def tagged_text(sentences: Iterable[Sentence], text: str) -> str:
    """The text as FunASR's servers write that of a SenseVoice: tags before each part that they hold for.

    Where no sentence has an emotion, which each of SenseVoice's has, it is `text`.
    """
    parts = [(_tags(tags), list(part)) for tags, part in groupby(sentences, _heard)]
    return "".join(tags + join_sentences(part) for tags, part in parts) if any(tags for tags, _ in parts) else text


def _heard(sentence: Sentence) -> tuple[str | None, str | None, tuple[str, ...]]:
    return sentence.language, sentence.emotion, sentence.events


def _tags(heard: tuple[str | None, str | None, tuple[str, ...]]) -> str:
    language, emotion, events = heard
    return "".join(f"<|{name}|>" for name in (language or "nospeech", emotion, *events) if name) if emotion else ""


def funasr_stamps(sentences: Iterable[Sentence]) -> Json:
    """FunASR's times of a text: `timestamp`, one pair of ms a unit, and `stamp_sents`; nothing without times."""
    clauses = [clause for sentence in sentences for clause in split_clauses(sentence)]
    pairs = [[u.start_ms, u.end_ms] for c in clauses for u in c.units]
    if not pairs:
        return {}
    return {
        "timestamp": list_text(pairs),
        "stamp_sents": [_stamp(clause) for clause in clauses],
    }


def funasr_recognition(transcript: Transcript) -> Json:
    """Body of FunASR's Python HTTP server, `/recognition`: times in ms."""
    sentences = [{"text": s.text, "start": s.start_ms, "end": s.end_ms} for s in transcript.sentences]
    return {"text": transcript.text, "sentences": sentences, "code": 0}


def funasr_asr(transcript: Transcript, processing_s: float) -> Json:
    """Body of `funasr-server`'s `/asr`: times in seconds."""
    duration = transcript.duration_ms / 1000
    return {
        "text": transcript.text,
        "segments": [
            {
                "text": s.text,
                "start": seconds(s.start_ms, 0),
                "end": seconds(s.end_ms, transcript.duration_ms),
                "words": [word_json(token) for token in s.tokens if token.start_ms is not None],
            }
            for s in transcript.sentences
        ],
        "duration": duration,
        "language": language_of(transcript),
        "processing_time": round(processing_s, 3),
        "rtf": round(processing_s / duration, 4) if duration else 0.0,
    }


@dataclass(frozen=True, slots=True)
class Unit:
    """What FunASR times: one Chinese character, one digit or one Latin word."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Clause:
    """Units up to a punctuation mark ("" when the sentence ends without one)."""

    units: tuple[Unit, ...]
    mark: str


def split_clauses(sentence: Sentence) -> list[Clause]:
    """Cut a sentence at each of its marks. Tokens without times are left out: FunASR has no null times."""
    clauses: list[Clause] = []
    units: list[Unit] = []
    position = 0
    for token in sentence.tokens:
        found = sentence.text.find(token.text, position)
        if found < 0:
            continue
        for mark in _marks(sentence.text[position:found]):
            clauses.append(Clause(tuple(units), mark))
            units = []
        units += _units(token)
        position = found + len(token.text)
    for mark in _marks(sentence.text[position:]):
        clauses.append(Clause(tuple(units), mark))
        units = []
    return [*clauses, Clause(tuple(units), "")] if units else clauses


def _stamp(clause: Clause) -> Json:
    times = [[unit.start_ms, unit.end_ms] for unit in clause.units]
    return {
        "text_seg": " ".join(unit.text for unit in clause.units),
        "punc": clause.mark,
        "start": times[0][0] if times else -1,
        "end": times[-1][1] if times else -1,
        "ts_list": times,
    }


def _units(token: Token) -> list[Unit]:
    """A token's units; where one token holds several, they share its time evenly."""
    if token.start_ms is None or token.end_ms is None:
        return []
    texts = list(_unit_texts(token.text))
    span = token.end_ms - token.start_ms
    edges = [token.start_ms + span * n // len(texts) for n in range(len(texts) + 1)] if texts else []
    return [Unit(text, edges[n], edges[n + 1]) for n, text in enumerate(texts)]


def _unit_texts(text: str) -> Iterator[str]:
    word = ""
    for character in text:
        is_letter = character.isalpha() and not is_cjk(character)
        if is_letter or (word and character in "'-"):
            word += character
            continue
        if word:
            yield word
            word = ""
        if is_cjk(character) or character.isdigit():
            yield character
    if word:
        yield word


def _marks(between: str) -> list[str]:
    return [c for c in between if unicodedata.category(c).startswith("P")]
