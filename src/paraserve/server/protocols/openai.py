"""OpenAI's answers, as pure functions of a transcript."""

import math
import zlib
from collections.abc import Iterable, Iterator
from operator import itemgetter

from paraserve.formats import answer_facts, channel_json, heard_json, hotwords_json, spoken_json, spoken_properties
from paraserve.inference.text.scripts import ALL_MARKS, is_chinese_character
from paraserve.server.protocols.growing_text import GrowingText
from paraserve.server.protocols.json_encoding import Json
from paraserve.types import Sentence, Token, Transcript

MASK = "*"
LEAST_PROBABILITY = 1e-10
FRAME_MS = 10
"""`seek` counts frames of 10 ms, as Whisper does."""
TRANSLATED_TO = "english"
"""OpenAI's API says this of every translation, whatever was spoken."""
UNKNOWN = "unknown"
"""Stands for the language of a text without letters and marks."""
SEGMENT_EVENT = "transcript.text.segment"


def openai_json(transcript: Transcript, *, has_logprobs: bool = False) -> Json:
    """Return OpenAI's `json`, with the tokens' probabilities if they are asked for."""
    body: Json = {"text": transcript.text, "languages": _languages_json(transcript)}
    if has_logprobs:
        body["logprobs"] = logprobs_json(transcript.sentences)
    return body | _usage(transcript) | answer_facts(transcript)


def openai_diarized(transcript: Transcript) -> Json:
    """Return OpenAI's `diarized_json` of split channels, each of which is a speaker: A, B, and so on."""
    growing = GrowingText(speaker_label)
    body: Json = {
        "task": transcript.task,
        "duration": transcript.duration_ms / 1000,
        "text": "".join(map(growing.add, transcript.sentences)),
        "segments": [timed_segment(n, s, transcript.duration_ms) for n, s in enumerate(transcript.sentences)],
    }
    return body | _usage(transcript) | answer_facts(transcript)


def openai_verbose(transcript: Transcript, granularities: Iterable[str]) -> Json:
    """Return OpenAI's `verbose_json`. Times are seconds.

    `granularities` may name "segment" and "word": each adds a list of times. Without any, segments are given.
    """
    wanted = set(granularities) or {"segment"}
    is_translation = transcript.task == "translate"
    body: Json = {
        "task": transcript.task,
        "language": TRANSLATED_TO if is_translation else language_of(transcript),
        "duration": transcript.duration_ms / 1000,
        "text": transcript.text,
    }
    if "segment" in wanted:
        body["segments"] = [_openai_segment(n, s, transcript) for n, s in enumerate(transcript.sentences)]
    if "word" in wanted:
        words = [word_json(token) | channel_json(s) for s in transcript.sentences for token in timed_tokens(s)]
        # Where channels are kept apart, people may speak at once.
        body["words"] = sorted(words, key=itemgetter("start")) if transcript.channels else words
    facts = heard_json(transcript.heard) | hotwords_json(transcript.hotwords) | answer_facts(transcript)
    return body | _usage(transcript) | facts


def _usage(transcript: Transcript) -> Json:
    """Return the seconds of audio, rounded up as OpenAI counts them."""
    return {"usage": {"type": "duration", "seconds": math.ceil(transcript.duration_ms / 1000)}}


def _languages_json(transcript: Transcript) -> list[Json]:
    """Return the languages that were heard, none where nothing tells them."""
    heard = (transcript.language, *(sentence.language for sentence in transcript.sentences))
    codes = [code for code in dict.fromkeys(heard) if code]
    if not codes and transcript.task == "transcribe":  # the script of a translation says nothing
        codes = [code for code in [language_of(transcript)] if code != UNKNOWN]
    return [{"code": code} for code in codes]


def timed_segment(index: int, sentence: Sentence, default_end_ms: int) -> Json:
    """Return a sentence as OpenAI's `transcript.text.segment`. One of split channels has a speaker.

    `default_end_ms` stands for an end that is not known.
    """
    speaker = {} if sentence.channel is None else {"speaker": speaker_of(sentence.channel)}
    return {
        "type": SEGMENT_EVENT,
        "id": segment_id(index),
        "start": (sentence.start_ms or 0) / 1000,
        "end": seconds(sentence.end_ms, default_end_ms),
        "text": sentence.text,
        **speaker,
    }


def segment_id(index: int) -> str:
    """Return the name of a sentence by its place, from 0."""
    return f"seg_{index}"


def speaker_of(channel: int) -> str:
    """Return the name of the person in a channel, from 0: A, B, and so on."""
    return chr(ord("A") + channel)


def speaker_label(channel: int, text: str) -> str:
    """Return the text behind the name of its speaker."""
    return f"{speaker_of(channel)}: {text}"


def logprobs_json(sentences: Iterable[Sentence]) -> list[Json]:
    """Return the probability of each word."""
    return [logprob_json(token) for sentence in sentences for token in sentence.tokens]


def logprob_json(token: Token) -> Json:
    """Return the probability of a word."""
    return {"token": token.text, "bytes": list(token.text.encode()), "logprob": _log(token.score)}


def _log(score: float) -> float:
    """Return the logarithm of a probability, finite also for 0."""
    return math.log(min(max(score, LEAST_PROBABILITY), 1.0))


def language_of(transcript: Transcript) -> str:
    """Return the code of the language that the model heard, else "zh" or "en" by the script of what was said.

    Where only numbers are known, their marks tell. Without text it is `UNKNOWN`.
    """
    if transcript.language:
        return transcript.language
    letters = [c for c in transcript.spoken or transcript.text if c.isalpha()]
    if not letters:
        return _language_of_marks(transcript.text)
    chinese = sum(is_chinese_character(c) for c in letters)
    words = [token.text for one in transcript.sentences for token in one.spoken_tokens or one.tokens]
    latin_words = sum(not is_chinese_character(word[0]) for word in words if word and word[0] != MASK)
    return "zh" if chinese >= latin_words else "en"


def _language_of_marks(text: str) -> str:
    """Return the language of a text of numbers: its marks are full-width where the words before it were Chinese."""
    marks = {c for c in text if c in ALL_MARKS}
    if not marks:
        return UNKNOWN
    return "en" if all(mark.isascii() for mark in marks) else "zh"


def _openai_segment(index: int, sentence: Sentence, transcript: Transcript) -> Json:
    scores = [token.score for token in sentence.tokens]
    encoded = sentence.text.encode()
    start_ms = 0 if sentence.start_ms is None else sentence.start_ms
    return {
        "id": index,
        "seek": start_ms // FRAME_MS,
        "start": start_ms / 1000,
        "end": seconds(sentence.end_ms, transcript.duration_ms),
        "text": sentence.text,
        "tokens": [unit_id for token in sentence.tokens for unit_id in token.unit_ids],
        "temperature": 0.0,
        "avg_logprob": sum(map(_log, scores)) / max(1, len(scores)),
        "compression_ratio": len(encoded) / len(zlib.compress(encoded)),
        "no_speech_prob": math.prod(1 - min(score, 1.0) for score in scores),
        "confidence": round(sum(scores) / len(scores), 4) if scores else 1.0,
        **channel_json(sentence),
        **spoken_json(sentence.spoken),
        **spoken_properties(sentence),
    }


def word_json(token: Token) -> Json:
    """Return a word with its times in seconds."""
    return {"word": token.text, "start": seconds(token.start_ms, 0), "end": seconds(token.end_ms, 0)}


def timed_tokens(sentence: Sentence) -> Iterator[Token]:
    """Yield the tokens of a sentence that have times."""
    return (token for token in sentence.tokens if token.start_ms is not None)


def seconds(at_ms: int | None, default_ms: int) -> float:
    """Return milliseconds as seconds, those of `default_ms` where there is no time."""
    return (default_ms if at_ms is None else at_ms) / 1000
