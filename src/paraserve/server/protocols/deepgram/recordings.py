"""Deepgram's answer about a recording, as a pure function of its transcript. Times are seconds."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from paraserve.formats import hotwords_json, notice_json, redactions_json, warnings_json
from paraserve.inference.text.sentences import join_sentences
from paraserve.server.protocols.deepgram.recorded_query import RecordedQuery
from paraserve.server.protocols.deepgram.results import ANY_MODEL, model_info, model_uuid, timestamp
from paraserve.server.protocols.deepgram.words import mean_confidence, sentence_words
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.openai import language_of
from paraserve.types import Sentence, Token, Transcript

PARAGRAPH_PAUSE_MS = 1_500
PARAGRAPH_SENTENCES = 5
"""A paragraph ends at a longer pause, or after so many sentences."""


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """Facts about a request: its id, and the SHA-256 of its recording in hex."""

    request_id: str
    sha256: str


def deepgram_recording(transcript: Transcript, query: RecordedQuery, facts: RecordingFacts) -> Json:
    """Return the answer: facts, then the text of each channel."""
    channels = transcript.channels or (transcript,)
    results: Json = {"channels": [_channel(one, query) for one in channels]}
    if query.has_utterances:
        found = [
            _utterance(n, sentences)
            for n, one in enumerate(channels)
            for sentences in _runs(one.sentences, query.pause_s * 1000)
        ]
        ordered = enumerate(sorted(found, key=lambda utterance: float(utterance["start"])))
        results["utterances"] = [one | {"id": _id(facts.request_id, n)} for n, one in ordered]
    body: Json = {"metadata": _metadata(transcript, query, facts, len(channels)), "results": results}
    body |= hotwords_json(transcript.hotwords) | redactions_json(transcript.redactions)
    return body | warnings_json(transcript.warnings) | notice_json(transcript.notice)


def _metadata(transcript: Transcript, query: RecordedQuery, facts: RecordingFacts, n_channels: int) -> Json:
    name = next((one.model for one in transcript.sentences if one.model), query.options.model or ANY_MODEL)
    return {
        "transaction_key": "deprecated",
        "request_id": facts.request_id,
        "sha256": facts.sha256,
        "created": timestamp(datetime.now(UTC)),
        "duration": transcript.duration_ms / 1000,
        "channels": n_channels,
        "models": [model_uuid(name)],
        "model_info": {model_uuid(name): model_info(name)},
    }


def _channel(transcript: Transcript, query: RecordedQuery) -> Json:
    alternative: Json = {
        "transcript": transcript.text,
        "confidence": mean_confidence(_tokens(transcript.sentences)),
        "words": sentence_words(transcript.sentences),
    }
    if transcript.language:
        alternative["languages"] = [transcript.language]
    if query.has_paragraphs:
        alternative["paragraphs"] = _paragraphs(transcript.sentences)
    channel: Json = {"alternatives": [alternative]}
    return channel | ({"detected_language": language_of(transcript)} if query.detects_language else {})


def _utterance(channel: int, sentences: Sequence[Sentence]) -> Json:
    return {
        "start": _ms(sentences[0].start_ms) / 1000,
        "end": _ms(sentences[-1].end_ms) / 1000,
        "confidence": mean_confidence(_tokens(sentences)),
        "channel": channel,
        "transcript": join_sentences(sentences),
        "words": sentence_words(sentences),
    }


def _paragraphs(sentences: Sequence[Sentence]) -> Json:
    runs = [
        run[first : first + PARAGRAPH_SENTENCES]
        for run in _runs(sentences, PARAGRAPH_PAUSE_MS)
        for first in range(0, len(run), PARAGRAPH_SENTENCES)
    ]
    return {"transcript": "\n\n".join(map(join_sentences, runs)), "paragraphs": [_paragraph(run) for run in runs]}


def _paragraph(sentences: Sequence[Sentence]) -> Json:
    return {
        "sentences": [
            {"text": one.text, "start": _ms(one.start_ms) / 1000, "end": _ms(one.end_ms) / 1000} for one in sentences
        ],
        "num_words": sum(len(one.tokens) for one in sentences),
        "start": _ms(sentences[0].start_ms) / 1000,
        "end": _ms(sentences[-1].end_ms) / 1000,
    }


def _runs(sentences: Sequence[Sentence], pause_ms: float) -> list[list[Sentence]]:
    """Return the sentences in runs, between which there are at least `pause_ms` of silence."""
    runs: list[list[Sentence]] = []
    for sentence in sentences:
        if runs and _ms(sentence.start_ms) - _ms(runs[-1][-1].end_ms) < pause_ms:
            runs[-1].append(sentence)
        else:
            runs.append([sentence])
    return runs


def _tokens(sentences: Iterable[Sentence]) -> list[Token]:
    return [token for sentence in sentences for token in sentence.tokens]


def _ms(at_ms: int | None) -> int:
    """Return a time, 0 where the model gives none."""
    return at_ms or 0


def _id(request_id: str, n: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{request_id} {n}"))
