"""Readers of JSON messages of clients: each returns a checked value, or raises an error that names the key."""

import json
import re
import reprlib
from collections.abc import Mapping
from typing import Any

from paraserve.errors import ProtocolError
from paraserve.types import Task

MAX_MESSAGE_CHARS = 1_000_000
MAX_NAME_CHARS = 1_024
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 4_000, 192_000
"""Hz. One byte at a lower rate would become too much audio."""
NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,12})?")


def read_object(text: str) -> Mapping[str, Any]:
    """Return the JSON object of a text frame.

    Raises:
        ProtocolError: the text is too long, is not JSON, or is not an object.
    """
    if len(text) > MAX_MESSAGE_CHARS:
        problem = f"the message has {len(text)} characters, at most {MAX_MESSAGE_CHARS} are taken"
        raise ProtocolError(problem, code="message_too_large")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise ProtocolError(
            "the text frame is not JSON; audio goes into binary frames", code="invalid_json"
        ) from None
    if not isinstance(message, dict):
        raise ProtocolError(f"expected a JSON object, not {reprlib.repr(message)}", code="invalid_message")
    return message


def invalid_value(key: str, value: object, expected: str) -> ProtocolError:
    """Return the error for a value that is not what its key takes."""
    return ProtocolError(f"{key} must be {expected}, not {reprlib.repr(value)}", code="invalid_value", param=key)


def read_mapping(key: str, value: object) -> Mapping[str, Any]:
    """Return a JSON object.

    Raises:
        ProtocolError: the value is of another type.
    """
    if not isinstance(value, dict):
        raise invalid_value(key, value, "an object")
    return value


def read_flag(key: str, value: object) -> bool:
    """Return a JSON boolean.

    Raises:
        ProtocolError: the value is of another type.
    """
    if not isinstance(value, bool):
        raise invalid_value(key, value, "true or false")
    return value


def read_task(key: str, value: object) -> Task:
    """Return what to write of the speech.

    Raises:
        ProtocolError: the value is no task.
    """
    if value == "transcribe":
        return "transcribe"
    if value == "translate":
        return "translate"
    raise invalid_value(key, value, "transcribe or translate")


def read_text(key: str, value: object, max_chars: int = MAX_NAME_CHARS) -> str:
    """Return text that can be sent as UTF-8.

    Raises:
        ProtocolError: the value is of another type, too long, or holds half of a surrogate pair.
    """
    if not isinstance(value, str):
        raise invalid_value(key, value, "text")
    if len(value) > max_chars:
        raise invalid_value(key, value, f"at most {max_chars} characters")
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON can write half of a surrogate pair, UTF-8 cannot
        raise invalid_value(key, value, "Unicode text") from None
    return value


def read_number(key: str, value: object, low: float, high: float) -> float:
    """Return a number between `low` and `high`, from a JSON number or its text.

    Raises:
        ProtocolError: the value is not a number, or out of range.
    """
    number = float(value) if isinstance(value, str) and NUMBER.fullmatch(value) else value
    # Not a number fails every comparison.
    if isinstance(number, bool) or not isinstance(number, int | float) or not low <= number <= high:
        raise invalid_value(key, value, f"a number from {low:g} to {high:g}")
    return number


def read_whole(key: str, value: object, low: int, high: int) -> int:
    """Return a whole number between `low` and `high`, also from a float without a fraction (16000.0).

    Raises:
        ProtocolError: the value is not a whole number, or out of range.
    """
    number = read_number(key, value, low, high)
    if number != int(number):
        raise invalid_value(key, value, "a whole number")
    return int(number)
