"""Answers of whisper-asr-webservice, as pure functions of a transcript."""

from collections import Counter

from paraserve.formats import answer_facts
from paraserve.inference.text.scripts import is_chinese_character
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.languages import language_name
from paraserve.server.protocols.openai import language_of, openai_verbose, timed_tokens, word_json
from paraserve.types import Transcript


def webservice_text(transcript: Transcript) -> str:
    """Return `output=txt`: a line for each sentence."""
    return "".join(f"{sentence.text.strip()}\n" for sentence in transcript.sentences)


def webservice_json(transcript: Transcript, *, has_words: bool) -> Json:
    """Return `output=json`. Times are seconds."""
    segments: list[Json] = openai_verbose(transcript, ("segment",))["segments"]
    if has_words:
        for segment, sentence in zip(segments, transcript.sentences, strict=True):
            tokens = timed_tokens(sentence)
            segment["words"] = [word_json(one) | {"probability": round(one.score, 4)} for one in tokens]
    body = {"text": transcript.text, "segments": segments, "language": language_of(transcript)}
    return body | answer_facts(transcript)


def detected_language(transcript: Transcript) -> Json:
    """Return the answer of `/detect-language`. `confidence` is the share of the words in that language."""
    code = language_of(transcript)
    n_words = Counter(
        sentence.language or ("zh" if is_chinese_character(token.text[0]) else "en")
        for sentence in transcript.sentences
        for token in sentence.spoken_tokens or sentence.tokens
        if token.text
    )
    share = n_words[code] / n_words.total() if n_words else 0.0
    body = {"detected_language": language_name(code), "language_code": code, "confidence": round(share, 4)}
    return body | answer_facts(transcript)
