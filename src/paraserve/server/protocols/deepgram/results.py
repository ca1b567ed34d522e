"""Messages of Deepgram's live API to its clients."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from paraserve import __version__
from paraserve.errors import ParaserveError
from paraserve.formats import notice_json, quality_json, redactions_json
from paraserve.server.protocols.deepgram.channel_speech import ChannelSpeech
from paraserve.server.protocols.deepgram.words import mean_confidence, sentence_words, token_words
from paraserve.server.protocols.events import PartialText, SegmentText
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.live_error import live_error
from paraserve.types import Token

ANY_MODEL = "auto"
"""Name of a model that the server chose."""
MESSAGE_CODES = frozenset(("invalid_json", "invalid_message", "message_too_large"))
"""Codes of errors about a text message, which changes nothing. The connection goes on."""
SCHEMA_ERROR = "SchemaError"


@dataclass(frozen=True, slots=True)
class Place:
    """The channel of a result, from 0, and the number of channels that are told apart."""

    channel: int
    n_channels: int

    @property
    def index(self) -> list[int]:
        """Return it as Deepgram writes it."""
        return [self.channel, self.n_channels]


def model_uuid(name: str) -> str:
    """Return the same id for the same model of this version."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"paraserve {__version__} {name}"))


def model_info(name: str) -> Json:
    """Return Deepgram's object about a model."""
    return {"name": name, "version": __version__, "arch": "paraserve"}


def timestamp(at: datetime) -> str:
    """Return a time in UTC as Deepgram writes it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def interim_result(speech: ChannelSpeech, event: PartialText, place: Place, about: Json) -> Json:
    """Return what was said so far of the segment that is being spoken."""
    alternative = _alternative(speech.text + speech.tail, speech.tokens, token_words(speech.tokens))
    return _result(alternative, place, about, (speech.told_ms, event.due_ms))


def final_result(event: SegmentText, place: Place, about: Json, *, start_ms: int, speech_final: bool) -> Json:
    """Return the text of a segment, which changes no more. `start_ms` is where the result before it ended."""
    languages = sorted({one.language for one in event.sentences if one.language})
    alternative = _alternative(event.text, event.tokens, sentence_words(event.sentences))
    alternative |= {"languages": languages} if languages else {}
    body = _result(alternative, place, about, (start_ms, max(event.end_ms, event.due_ms if event.is_last else 0)))
    body |= {"is_final": True, "speech_final": speech_final, "from_finalize": event.is_committed}
    return body | redactions_json(event.redactions) | notice_json(event.notice) | quality_json(event.quality)


def speech_started(place: Place, at_ms: int) -> Json:
    """Return the event of `vad_events`."""
    return {"type": "SpeechStarted", "channel": place.index, "timestamp": at_ms / 1000}


def utterance_end(place: Place, last_word_ms: int) -> Json:
    """Return the event of `utterance_end_ms`."""
    return {"type": "UtteranceEnd", "channel": place.index, "last_word_end": last_word_ms / 1000}


def error_message(error: ParaserveError, request_id: str) -> Json:
    """Return Deepgram's error with the keys of all live errors beside its own."""
    variant = SCHEMA_ERROR if error.code in MESSAGE_CODES else error.code
    return {"type": "Error", "variant": variant, "description": error.message} | live_error(error, request_id)


def _alternative(text: str, tokens: Sequence[Token], words: list[Json]) -> Json:
    return {"transcript": text.strip(), "confidence": mean_confidence(tokens), "words": words}


def _result(alternative: Json, place: Place, about: Json, span_ms: tuple[int, int]) -> Json:
    start_ms, end_ms = span_ms
    return {
        "type": "Results",
        "channel_index": place.index,
        "duration": max(0, end_ms - start_ms) / 1000,
        "start": start_ms / 1000,
        "is_final": False,
        "speech_final": False,
        "channel": {"alternatives": [alternative]},
        "metadata": about,
        "from_finalize": False,
    }
