"""The JSON shapes that clients of FunASR and OpenAI know, as pure functions of a transcript."""

import math
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from paraserve.formats import heard_json
from paraserve.inference.text.scripts import is_chinese_character
from paraserve.inference.text.sentences import join_sentences
from paraserve.server.protocols.json_encoding import list_text
from paraserve.types import Sentence, Token, Transcript

Json = dict[str, Any]


def error_json(message: str, *, status: int, code: str, request_id: str, param: str | None = None) -> Json:
    """The one error shape of all HTTP routes (OpenAI's, with the request id added)."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code, "request_id": request_id}}


def openai_verbose(transcript: Transcript, granularities: Iterable[str]) -> Json:
    """OpenAI's `verbose_json`; `words` only when asked for, times in seconds."""
    wanted = set(granularities) or {"segment"}
    body: Json = {
        "task": "transcribe",
        "language": language_of(transcript),
        "duration": transcript.duration_ms / 1000,
        "text": transcript.text,
    }
    if "segment" in wanted:
        body["segments"] = [_openai_segment(n, s, transcript) for n, s in enumerate(transcript.sentences)]
    if "word" in wanted:
        body["words"] = [_word(token) for token in _timed_tokens(transcript)]
    return body


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
                "start": _seconds(s.start_ms, 0),
                "end": _seconds(s.end_ms, transcript.duration_ms),
                "words": [_word(token) for token in s.tokens if token.start_ms is not None],
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


def language_of(transcript: Transcript) -> str:
    """The model's or the client's language, else by script: the one with more words. "unknown" without text."""
    if transcript.language:
        return transcript.language
    letters = [c for c in transcript.text if c.isalpha()]
    if not letters:
        return "unknown"
    chinese = sum(is_chinese_character(c) for c in letters)
    latin_words = sum(not is_chinese_character(t.text[0]) for s in transcript.sentences for t in s.tokens if t.text)
    return "zh" if chinese >= latin_words else "en"


def _openai_segment(index: int, sentence: Sentence, transcript: Transcript) -> Json:
    scores = [token.score for token in sentence.tokens]
    encoded = sentence.text.encode()
    return {
        "id": index,
        "seek": 0,
        "start": _seconds(sentence.start_ms, 0),
        "end": _seconds(sentence.end_ms, transcript.duration_ms),
        "text": sentence.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": sum(math.log(max(score, 1e-10)) for score in scores) / max(1, len(scores)),
        "compression_ratio": len(encoded) / len(zlib.compress(encoded)),
        "no_speech_prob": 0.0,
        "confidence": round(sum(scores) / len(scores), 4) if scores else 1.0,
        **heard_json(sentence),
    }


def _word(token: Token) -> Json:
    return {"word": token.text, "start": _seconds(token.start_ms, 0), "end": _seconds(token.end_ms, 0)}


def _timed_tokens(transcript: Transcript) -> Iterator[Token]:
    return (token for s in transcript.sentences for token in s.tokens if token.start_ms is not None)


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
        is_letter = character.isalpha() and not is_chinese_character(character)
        if is_letter or (word and character in "'-"):
            word += character
            continue
        if word:
            yield word
            word = ""
        if is_chinese_character(character) or character.isdigit():
            yield character
    if word:
        yield word


def _marks(between: str) -> list[str]:
    return [c for c in between if unicodedata.category(c).startswith("P")]


def _seconds(at_ms: int | None, default_ms: int) -> float:
    return (default_ms if at_ms is None else at_ms) / 1000
