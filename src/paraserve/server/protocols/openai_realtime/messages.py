"""The client's messages: JSON objects with a type, audio in base64."""

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paraserve.errors import ProtocolError
from paraserve.sendable_text import sendable
from paraserve.server.protocols.json_values import MAX_MESSAGE_CHARS, invalid_value, read_object
from paraserve.server.protocols.requests import Frame

MAX_APPEND_BYTES = 15 * 1024**2
"""Audio of one message, as OpenAI limits it."""
MAX_ID_CHARS = 512
MAX_SHOWN_CHARS = 64
LARGE_AUDIO = re.compile(r'"audio"\s*:\s*"([A-Za-z0-9+/=\\]*)"')

APPEND = "input_audio_buffer.append"
COMMIT = "input_audio_buffer.commit"
CLEAR = "input_audio_buffer.clear"
SESSION_UPDATE = "session.update"
BETA_UPDATE = "transcription_session.update"
UNSUPPORTED = re.compile(r"(response|conversation|output_audio_buffer)\..*", re.DOTALL)
"""Events of conversations: a transcription session has none."""


@dataclass(frozen=True, slots=True)
class ClientMessage:
    """A message of a known type. `event_id` is the client's name for it, None without one."""

    type: str
    event_id: str | None
    fields: Mapping[str, Any]


def read_message(frame: Frame) -> ClientMessage:
    """Return the message of a frame. Its type may be any text.

    Raises:
        ProtocolError: it is binary, too long, no JSON object, or has no type.
    """
    if isinstance(frame, bytes):
        raise ProtocolError(f"audio goes as base64 into {APPEND}, not into binary frames", code="invalid_message")
    fields = _read_large(frame) if len(frame) > MAX_MESSAGE_CHARS else read_object(frame)
    kind, event_id = fields.get("type"), fields.get("event_id")
    if not isinstance(kind, str):
        raise ProtocolError('expected an object with a "type"', code="invalid_message", param="type")
    return ClientMessage(kind, sendable(event_id, MAX_ID_CHARS) if isinstance(event_id, str) else None, fields)


def _read_large(frame: str) -> Mapping[str, Any]:
    """Read a message that is long because of its audio. The rest of it is short, so that JSON takes no time."""
    found = LARGE_AUDIO.search(frame)
    if found is None:
        return read_object(frame)
    rest = read_object(frame[: found.start(1)] + frame[found.end(1) :])
    return {**rest, "audio": found[1].replace("\\/", "/")}


def audio_of(message: ClientMessage) -> bytes:
    """Return the audio of an append.

    Raises:
        ProtocolError: it is no base64, or too much.
    """
    text = message.fields.get("audio")
    if not isinstance(text, str):
        raise invalid_value("audio", text, "base64")
    if len(text) // 4 * 3 > MAX_APPEND_BYTES + 2:
        problem = f"audio has {len(text)} characters of base64, at most {MAX_APPEND_BYTES} bytes are taken at once"
        raise ProtocolError(problem, code="message_too_large", param="audio")
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        raise invalid_value("audio", text, "base64") from None


def unknown_type(kind: str) -> ProtocolError:
    """Return the error for a type that is not one of the known ones."""
    shown = sendable(kind, MAX_SHOWN_CHARS)
    if UNSUPPORTED.fullmatch(kind):
        message = f"{shown} is not supported: this is a transcription session, which has no conversation"
        return ProtocolError(message, code="unsupported_event", param="type")
    known = ", ".join((SESSION_UPDATE, APPEND, COMMIT, CLEAR))
    return ProtocolError(f"there is no event {shown!r}, only: {known}", code="unknown_event", param="type")
