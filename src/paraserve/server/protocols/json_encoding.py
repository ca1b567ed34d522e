"""JSON of transcripts, written piece by piece.

Python's encoder holds the interpreter while it works. For hours of speech all other clients would wait.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
"""A JSON object."""
PIECE_ITEMS = 64
"""Items of a list that are written at once: sentences with their tokens, a few milliseconds."""


def object_text(body: Mapping[str, Any]) -> str:
    """Return compact JSON of an object. Lists in it are written piece by piece, so that other threads get their turn.

    Raises:
        ValueError: a number is not finite.
    """
    return "{" + ",".join(f"{_text(key)}:{_value_text(value)}" for key, value in body.items()) + "}"


def list_text(items: Sequence[Any]) -> str:
    """Return compact JSON of a list, written piece by piece.

    Raises:
        ValueError: a number is not finite.
    """
    pieces = (items[start : start + PIECE_ITEMS] for start in range(0, len(items), PIECE_ITEMS))
    return "[" + ",".join(_text(piece)[1:-1] for piece in pieces) + "]"


def _value_text(value: Any) -> str:
    return list_text(value) if isinstance(value, list) else _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
