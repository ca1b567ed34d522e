"""JSON of transcripts. The encoder holds the interpreter while it works, which for hours of speech would be felt."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

PIECE_ITEMS = 64
"""Written at once: sentences with their tokens, a few milliseconds."""


def object_text(body: Mapping[str, Any]) -> str:
    """Compact JSON of an object; the lists in it are written piece by piece, so that others get their turn between.

    Raises:
        ValueError: a number is not finite.
    """
    return "{" + ",".join(f"{_text(key)}:{_value_text(value)}" for key, value in body.items()) + "}"


def list_text(items: Sequence[Any]) -> str:
    """Compact JSON of a list, written piece by piece.

    Raises:
        ValueError: a number is not finite.
    """
    pieces = (items[start : start + PIECE_ITEMS] for start in range(0, len(items), PIECE_ITEMS))
    return "[" + ",".join(_text(piece)[1:-1] for piece in pieces) + "]"


def _value_text(value: Any) -> str:
    return list_text(value) if isinstance(value, list) else _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
