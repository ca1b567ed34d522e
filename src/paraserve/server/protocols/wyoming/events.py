"""Events of the Wyoming protocol as bytes: a line of JSON, then perhaps more JSON, then perhaps audio."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paraserve.errors import ParaserveError, ProtocolError
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.json_values import invalid_value, read_object, read_text, read_whole

MAX_HEADER_BYTES = 64 * 1024
MAX_DATA_BYTES = 512 * 1024
MAX_PAYLOAD_BYTES = 2**53
"""What JSON can count. The listener takes less."""
MAX_TYPE_CHARS = 64
VERSION = "1.10.2"
"""Of the protocol's own package, which describes these events."""


@dataclass(frozen=True, slots=True)
class EventHeader:
    """The first line of an event, with the sizes of its other parts in bytes."""

    type: str
    data: Mapping[str, Any]
    n_data_bytes: int
    n_payload_bytes: int


@dataclass(frozen=True, slots=True)
class WyomingEvent:
    """An event. `payload` is raw audio, b"" without any."""

    type: str
    data: Mapping[str, Any]
    payload: bytes = b""


def read_header(line: bytes) -> EventHeader:
    """Read the first line of an event.

    Raises:
        ProtocolError: it is none.
    """
    header = _read_json(line)
    data = header.get("data")
    if not isinstance(data, dict | None):
        raise invalid_value("data", data, "an object")
    return EventHeader(
        read_text("type", header.get("type"), MAX_TYPE_CHARS),
        data or {},
        _read_size(header, "data_length", MAX_DATA_BYTES),
        _read_size(header, "payload_length", MAX_PAYLOAD_BYTES),
    )


def read_event(frame: bytes) -> WyomingEvent:
    """Read a whole event.

    Raises:
        ProtocolError: its JSON cannot be read.
    """
    line, _, rest = frame.partition(b"\n")
    header = read_header(line)
    data = header.data
    if header.n_data_bytes:
        data = {**data, **_read_json(rest[: header.n_data_bytes])}
    return WyomingEvent(header.type, data, rest[header.n_data_bytes :])


def event_frame(kind: str, data: Json | None = None, payload: bytes = b"") -> bytes:
    """Return an event as bytes."""
    body = json.dumps(data, ensure_ascii=False).encode() if data else b""
    sizes = {"data_length": len(body)} if body else {}
    sizes |= {"payload_length": len(payload)} if payload else {}
    return json.dumps({"type": kind, "version": VERSION, **sizes}).encode() + b"\n" + body + payload


def error_frame(error: ParaserveError) -> bytes:
    """Return the event that tells a client of an error."""
    return event_frame("error", {"text": error.message, "code": error.code})


def _read_json(data: bytes) -> Mapping[str, Any]:
    try:
        return read_object(data.decode())
    except UnicodeDecodeError:
        raise ProtocolError("the event is not UTF-8", code="invalid_json") from None


def _read_size(header: Mapping[str, Any], key: str, most: int) -> int:
    value = header.get(key)
    return 0 if value is None else read_whole(key, value, 0, most)
