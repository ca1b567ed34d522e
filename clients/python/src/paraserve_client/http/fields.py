"""Fields of an upload as texts of a form."""

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

FieldValue: TypeAlias = str | float | bool | Sequence[str] | Mapping[str, str] | Mapping[str, float] | None
Fields: TypeAlias = Mapping[str, FieldValue]


def field_texts(fields: Fields) -> dict[str, str]:
    """Return the fields of a request as texts of a form. Those that are None are left out."""
    return {name: _text(value) for name, value in fields.items() if value is not None}


def _text(value: FieldValue) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(value if isinstance(value, Mapping) else list(value or ()), ensure_ascii=False)
