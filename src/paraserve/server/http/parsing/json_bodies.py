"""JSON requests: the recording as base64 text or as a `data:` URL, its fields beside it."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from paraserve.errors import ProtocolError, UploadTooLargeError

MAX_JSON_BYTES = 16 * 1024**2
"""A recording in JSON is in memory three times. Larger ones come as a form or as the body."""
AUDIO_KEYS = ("audio", "file", "content", "wav_base64")
"""The last is that of a server of FunASR."""
INNER_KEYS = ("data", "content")
"""Keys of an object in place of the text, as OpenAI's and Google's clients write it."""
DATA_URL = re.compile(r"data:([^,]{0,200}?)(;base64)?,", re.IGNORECASE)
ADDRESS = re.compile(r"(https?|file|gs|s3)://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class JsonRequest:
    """A recording, its media type ("" where none is given), and the other keys as texts of a form."""

    recording: bytes
    media_type: str
    values: Mapping[str, list[str]]


def is_json(content_type: str) -> bool:
    """Return whether a body of this content type is JSON."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def read_json_request(file: BinaryIO) -> JsonRequest:
    """Read a whole request.

    Raises:
        UploadTooLargeError: it has more than `MAX_JSON_BYTES`.
        ProtocolError: it is no JSON object, or has no recording in base64.
    """
    asked = read_recording(read_json_object(file))
    if asked is None:
        raise ProtocolError("the JSON has no recording: send base64 as `audio`", code="no_file", param="file")
    return asked


def read_json_object(file: BinaryIO) -> Mapping[str, Any]:
    """Read a whole body that is a JSON object.

    Raises:
        UploadTooLargeError: it has more than `MAX_JSON_BYTES`.
        ProtocolError: it is no JSON object.
    """
    data = file.read(MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        problem = (
            f"JSON of more than {MAX_JSON_BYTES} bytes is not taken: send the recording as a form or as the body"
        )
        raise UploadTooLargeError(problem, param="file")
    return _object(data)


def read_recording(message: Mapping[str, Any]) -> JsonRequest | None:
    """Read an object with a recording in base64, None for one without.

    Raises:
        ProtocolError: what stands for the recording is no base64, or there is text that is not Unicode.
    """
    key = next((name for name in AUDIO_KEYS if message.get(name) is not None), None)
    if key is None:
        return None
    recording, media_type = _decoded(key, message[key])
    return JsonRequest(recording, media_type, read_values(message, key))


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        raise ProtocolError("the body is not JSON, which its content type says", code="invalid_json") from None
    if not isinstance(message, dict):
        raise ProtocolError("the JSON is no object", code="invalid_json")
    return message


def _decoded(key: str, value: object) -> tuple[bytes, str]:
    """Return the bytes and the media type of a recording in text."""
    if isinstance(value, dict):
        value = next((value[name] for name in INNER_KEYS if isinstance(value.get(name), str)), None)
    if not isinstance(value, str):
        raise _invalid(key, "must be the recording as base64 text")
    if ADDRESS.match(value):
        raise _invalid(key, "must be the recording itself: addresses are not fetched")
    url = DATA_URL.match(value)
    if url is not None and url[2] is None:
        raise _invalid(key, "must be a data: URL with ;base64")
    text = "".join(value[url.end() if url else 0 :].split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True), url[1] if url else ""
    except (binascii.Error, ValueError):
        raise _invalid(key, "is not base64") from None


def read_values(message: Mapping[str, Any], recording_key: str = "") -> Mapping[str, list[str]]:
    """Return the other keys as a form would send them. Null is absent.

    Raises:
        ProtocolError: there is text that is not Unicode.
    """
    values = {}
    for name, value in message.items():
        if name != recording_key and value is not None:
            values[name] = [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # JSON can write half of a surrogate pair, UTF-8 cannot
        raise ProtocolError("the JSON has text that is not Unicode", code="invalid_json") from None
    return values


def _invalid(key: str, problem: str) -> ProtocolError:
    return ProtocolError(f"{key} {problem}", code="invalid_value", param=key)
