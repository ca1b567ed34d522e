"""Reads a client's choices for its session, in both shapes. Keys that are absent leave the session as it is."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from paraserve.errors import ProtocolError
from paraserve.options import AudioFormat, Encoding
from paraserve.server.protocols.json_values import (
    MAX_SAMPLE_RATE,
    MIN_SAMPLE_RATE,
    invalid_value,
    read_flag,
    read_mapping,
    read_number,
    read_text,
    read_whole,
)
from paraserve.server.protocols.languages import read_language
from paraserve.server.protocols.openai_realtime.session import ENDPOINTS, PCM_RATE, RealtimeSession, TurnDetection
from paraserve.server.protocols.server_vad import SERVER_VAD, SERVER_VAD_KEYS, read_server_vad

SEMANTIC_VAD = "semantic_vad"
LOGPROBS = "item.input_audio_transcription.logprobs"
G711_RATE = 8_000
MAX_PROMPT_CHARS = 65_536
MAX_KEYWORDS = 1_000
ENCODINGS: Mapping[str, Encoding] = MappingProxyType(
    {
        "audio/pcm": "int16",
        "audio/pcmu": "mulaw",
        "audio/pcma": "alaw",
        "pcm16": "int16",
        "g711_ulaw": "mulaw",
        "g711_alaw": "alaw",
    }
)
"""Encodings by their names in GA's shape and in beta's."""
DELAYS = ("minimal", "low", "medium", "high", "xhigh")
NOISE_REDUCTIONS = ("near_field", "far_field")


@dataclass(frozen=True, slots=True)
class Shape:
    """Where one version of the API writes the choices: their path, and their keys in it.

    `other_keys` are answered by the server, and do nothing when a client sends them back.
    """

    path: str
    format: str
    transcription: str
    noise_reduction: str
    turn_detection: str
    other_keys: tuple[str, ...] = ()


GA = Shape("session.audio.input.", "format", "transcription", "noise_reduction", "turn_detection")
BETA = Shape(
    "session.",
    "input_audio_format",
    "input_audio_transcription",
    "input_audio_noise_reduction",
    "turn_detection",
    ("id", "object", "expires_at", "client_secret", "include", "modalities", "type"),
)
GA_KEYS = ("id", "object", "expires_at", "type", "include", "audio")


@dataclass(frozen=True, slots=True)
class SessionChange:
    """The session after an update. `unknown` are paths of keys that nobody knows, `without_effect` of known ones."""

    session: RealtimeSession
    unknown: tuple[str, ...] = ()
    without_effect: tuple[tuple[str, str], ...] = ()


def read_ga(session: RealtimeSession, values: Mapping[str, Any]) -> SessionChange:
    """Read GA's `session` object.

    Raises:
        ProtocolError: names the key whose value is not taken. All stays as it was.
    """
    if values.get("type") != "transcription":
        message = "session.type must be transcription: this server answers with texts, not with speech"
        raise ProtocolError(message, code="unsupported_parameter", param="session.type")
    audio = read_mapping("session.audio", values.get("audio", {}))
    change = _read(_with_include(session, values), read_mapping("session.audio.input", audio.get("input", {})), GA)
    unknown = [f"session.{key}" for key in values if key not in GA_KEYS]
    unknown += [f"session.audio.{key}" for key in audio if key != "input"]
    return replace(change, unknown=(*change.unknown, *unknown))


def read_beta(session: RealtimeSession, values: Mapping[str, Any]) -> SessionChange:
    """Read beta's `session` object. Raises what `read_ga` raises."""
    return _read(_with_include(session, values), values, BETA)


def _with_include(session: RealtimeSession, values: Mapping[str, Any]) -> RealtimeSession:
    if "include" not in values:
        return session
    asked = values["include"] or []
    if not isinstance(asked, list) or any(item != LOGPROBS for item in asked):
        raise invalid_value("session.include", asked, f'a list of "{LOGPROBS}"')
    return replace(session, has_logprobs=bool(asked))


def _read(session: RealtimeSession, values: Mapping[str, Any], shape: Shape) -> SessionChange:
    unknown: list[str] = []
    without_effect: list[tuple[str, str]] = []
    for key, value in values.items():
        path = shape.path + key
        if key == shape.format:
            session = replace(session, audio=_read_format(path, value))
        elif key == shape.transcription:
            fields = _mapping_or_error(path, value)
            session = _with_transcription(session, fields, path)
            unknown += _others(fields, TRANSCRIPTION, path)
        elif key == shape.noise_reduction:
            session = _with_noise_reduction(session, value, path)
        elif key == shape.turn_detection:
            session = replace(session, asked_turns=_read_turns(path, value), has_asked_turns=True)
            if isinstance(value, dict):
                unknown += _others(value, TURN_KEYS, path)
                without_effect += _without_effect(value, path)
        elif key not in shape.other_keys:
            unknown.append(path)
    return SessionChange(session, tuple(unknown), tuple(without_effect))


def _others(values: Mapping[str, Any], known: Mapping[str, Any] | tuple[str, ...], path: str) -> Iterator[str]:
    return (f"{path}.{key}" for key in values if key not in known)


def _read_format(path: str, value: object) -> AudioFormat:
    """Read GA's object, or beta's name. GA's PCM may have any rate here."""
    given: Mapping[str, Any] = {"type": value} if isinstance(value, str) else read_mapping(path, value)
    encoding = ENCODINGS.get(str(given.get("type")))
    if encoding is None:
        raise invalid_value(f"{path}.type", given.get("type"), "one of " + ", ".join(ENCODINGS))
    rate = PCM_RATE if encoding == "int16" else G711_RATE
    if given.get("rate") is not None:
        rate = read_whole(f"{path}.rate", given["rate"], MIN_SAMPLE_RATE, MAX_SAMPLE_RATE)
    return AudioFormat(sample_rate=rate, encoding=encoding)


def _mapping_or_error(path: str, value: object) -> Mapping[str, Any]:
    if value is None:
        message = f"{path} cannot be null: a transcription session has texts"
        raise ProtocolError(message, code="unsupported_parameter", param=path)
    return read_mapping(path, value)


def _with_transcription(session: RealtimeSession, fields: Mapping[str, Any], path: str) -> RealtimeSession:
    changes = {key: TRANSCRIPTION[key](f"{path}.{key}", fields[key]) for key in fields if key in TRANSCRIPTION}
    return replace(session, **changes)


def _read_texts(key: str, value: object) -> tuple[str, ...]:
    items = [] if value is None else value
    if not isinstance(items, list) or len(items) > MAX_KEYWORDS:
        raise invalid_value(key, items, f"a list of at most {MAX_KEYWORDS} texts")
    return tuple(read_text(key, item) for item in items)


def _read_languages(key: str, value: object) -> tuple[str, ...]:
    codes = (read_language(key, name) for name in _read_texts(key, value))
    return tuple(dict.fromkeys(code for code in codes if code is not None))


def _text_or_none(key: str, value: object, max_chars: int = 1_024) -> str | None:
    return None if value is None else read_text(key, value, max_chars) or None


def _read_delay(key: str, value: object) -> str | None:
    if value is not None and value not in DELAYS:
        raise invalid_value(key, value, "one of " + ", ".join(DELAYS))
    return None if value is None else str(value)


TRANSCRIPTION: Mapping[str, Callable[[str, object], Any]] = MappingProxyType(
    {
        "model": _text_or_none,
        "language": lambda key, value: None if value is None else read_language(key, read_text(key, value)),
        "languages": _read_languages,
        "prompt": lambda key, value: _text_or_none(key, value, MAX_PROMPT_CHARS),
        "keywords": _read_texts,
        "delay": _read_delay,
    }
)
"""Readers of the keys of `transcription`, which are the names of the session's attributes."""


def _with_noise_reduction(session: RealtimeSession, value: object, path: str) -> RealtimeSession:
    if value is None:
        return replace(session, noise_reduction=None, noise_strength=None)
    given = read_mapping(path, value)
    kind = given.get("type", session.noise_reduction)
    if kind not in NOISE_REDUCTIONS:
        raise invalid_value(f"{path}.type", kind, "one of " + ", ".join(NOISE_REDUCTIONS))
    strength = session.noise_strength
    if given.get("strength") is not None:
        strength = read_number(f"{path}.strength", given["strength"], 0, 1)
    return replace(session, noise_reduction=kind, noise_strength=strength)


TURN_KEYS = (*SERVER_VAD_KEYS, "eagerness", "create_response", "interrupt_response", "idle_timeout_ms")


def _read_turns(path: str, value: object) -> TurnDetection | None:
    if value is None:
        return None
    given = read_mapping(path, value)
    if given.get("create_response") is not None and read_flag(f"{path}.create_response", given["create_response"]):
        message = f"{path}.create_response must be false: this server makes no responses"
        raise ProtocolError(message, code="unsupported_parameter", param=f"{path}.create_response")
    kind = given.get("type") or SERVER_VAD
    if kind == SERVER_VAD:
        return TurnDetection(read_server_vad({**given, "type": kind}, path))
    if kind != SEMANTIC_VAD:
        raise invalid_value(f"{path}.type", kind, f"{SERVER_VAD}, {SEMANTIC_VAD} or null")
    eagerness = given.get("eagerness") or "auto"
    if not isinstance(eagerness, str) or eagerness not in ENDPOINTS:
        raise invalid_value(f"{path}.eagerness", eagerness, "one of " + ", ".join(ENDPOINTS))
    return TurnDetection(eagerness=eagerness)


def _without_effect(given: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Yield keys of turn detection that belong to the other kind, or to responses."""
    is_semantic = given.get("type") == SEMANTIC_VAD
    others = SERVER_VAD_KEYS[1:] if is_semantic else ("eagerness",)
    for key in others:
        if given.get(key) is not None:
            yield f"{path}.{key}", f"turn_detection.type is {given.get('type') or SERVER_VAD}"
    if given.get("idle_timeout_ms") is not None:
        yield f"{path}.idle_timeout_ms", "this server makes no responses"
