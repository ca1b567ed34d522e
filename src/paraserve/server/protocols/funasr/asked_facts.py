"""Keys of results that a client has to ask for: words with their times, and probabilities."""

from collections.abc import Sequence
from statistics import fmean

from paraserve.server.protocols.funasr.requests import FunasrSettings
from paraserve.server.protocols.json_encoding import Json
from paraserve.types import Token


def asked_facts(settings: FunasrSettings, tokens: Sequence[Token]) -> Json:
    """Return `tokens` and `confidence` of a text, as far as the client asks for them and there are words."""
    body: Json = {}
    if settings.token_times and tokens:
        body["tokens"] = [_token_json(token, has_confidence=settings.confidence) for token in tokens]
    if settings.confidence and tokens:
        body["confidence"] = round(fmean(token.score for token in tokens), 4)
    return body


def _token_json(token: Token, *, has_confidence: bool) -> Json:
    body: Json = {"text": token.text, "start_ms": token.start_ms, "end_ms": token.end_ms}
    return body | {"confidence": round(token.score, 4)} if has_confidence else body
