"""OpenAI's answers, as pure functions of a transcript."""

import math
import zlib
from collections.abc import Iterable, Iterator

from paraserve.formats import spoken_properties
from paraserve.inference.text.scripts import is_chinese_character
from paraserve.server.protocols.json_encoding import Json
from paraserve.types import Sentence, Token, Transcript


def openai_verbose(transcript: Transcript, granularities: Iterable[str]) -> Json:
    """Return OpenAI's `verbose_json`. Times are seconds.

    `granularities` may name "segment" and "word": each adds a list of times. Without any, segments are given.
    """
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
        body["words"] = [word_json(token) for token in _timed_tokens(transcript)]
    return body


def language_of(transcript: Transcript) -> str:
    """Return the code of the model's or the client's language, else "zh" or "en" by the text's script.

    Without text it is "unknown".
    """
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
        "start": seconds(sentence.start_ms, 0),
        "end": seconds(sentence.end_ms, transcript.duration_ms),
        "text": sentence.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": sum(math.log(max(score, 1e-10)) for score in scores) / max(1, len(scores)),
        "compression_ratio": len(encoded) / len(zlib.compress(encoded)),
        "no_speech_prob": 0.0,
        "confidence": round(sum(scores) / len(scores), 4) if scores else 1.0,
        **spoken_properties(sentence),
    }


def word_json(token: Token) -> Json:
    """Return a word with its times in seconds."""
    return {"word": token.text, "start": seconds(token.start_ms, 0), "end": seconds(token.end_ms, 0)}


def _timed_tokens(transcript: Transcript) -> Iterator[Token]:
    return (token for s in transcript.sentences for token in s.tokens if token.start_ms is not None)


def seconds(at_ms: int | None, default_ms: int) -> float:
    """Return milliseconds as seconds, those of `default_ms` where there is no time."""
    return (default_ms if at_ms is None else at_ms) / 1000
