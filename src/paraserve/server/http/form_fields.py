"""Form and query fields of an upload, checked before any work begins. `upload_forms.py` describes them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from paraserve.errors import ProtocolError
from paraserve.types import RecognitionOptions

MAX_DIGITS = 5
GRANULARITIES = ("segment", "word")
GRANULARITY_FIELDS = ("timestamp_granularities[]", "timestamp_granularities")


@dataclass(frozen=True, slots=True)
class FormFields:
    """The text fields of a request by name. A field may have several values, in the order of the request."""

    values: Mapping[str, list[str]]

    def last(self, name: str) -> str | None:
        """Return the last value of a field, None if it is absent or empty."""
        return self.all(name)[-1] or None if self.all(name) else None

    def all(self, name: str) -> list[str]:
        """Return all values of a field."""
        return self.values.get(name, [])


def recognition_options(fields: FormFields) -> RecognitionOptions:
    """Read the choices that all upload routes take.

    Raises:
        ProtocolError: names the field whose value cannot be understood.
    """
    return RecognitionOptions(
        hotwords=tuple((fields.last("hotwords") or "").split()),
        itn=_flag(fields, "itn", default=True),
        punctuate=_flag(fields, "punctuate", default=True),
        language=_language(fields),
        deterministic=_flag(fields, "deterministic", default=False),
        prompt=fields.last("prompt"),
        channel=_number(fields, "channel"),
        track=_number(fields, "track"),
    )


def openai_granularities(fields: FormFields) -> list[str]:
    """Read which times OpenAI's `verbose_json` should carry. Check the call's other fields, too.

    Raises:
        ProtocolError: a value that OpenAI's API does not know, or `stream=true`.
    """
    _check_temperature(fields)
    if _flag(fields, "stream", default=False):
        raise ProtocolError("stream=true is not supported", code="unsupported_parameter", param="stream")
    asked = [value for name in GRANULARITY_FIELDS for value in fields.all(name)]
    for value in asked:
        if value not in GRANULARITIES:
            message = f"unknown timestamp granularity {value!r}: {one_of(GRANULARITIES)}"
            raise ProtocolError(message, code="invalid_value", param="timestamp_granularities")
    if "word" in asked and fields.last("response_format") != "verbose_json":
        message = "word timestamps need response_format=verbose_json"
        raise ProtocolError(message, code="invalid_value", param="timestamp_granularities")
    return asked


def one_of(names: Iterable[str]) -> str:
    """Return the end of a message about an unknown value: the values that are known."""
    return "expected one of " + ", ".join(names)


def _flag(fields: FormFields, name: str, *, default: bool) -> bool:
    value = (fields.last(name) or "").lower()
    if not value:
        return default
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise ProtocolError(f"{name} must be true or false, not {value!r}", code="invalid_value", param=name)


def _language(fields: FormFields) -> str | None:
    """Read a language code without its region ("zh" of "zh-CN"), None where the model is to find out."""
    code = re.split("[-_]", (fields.last("language") or "auto").strip().lower())[0]
    return None if code == "auto" else code


def _number(fields: FormFields, name: str) -> int | None:
    """Read a number that counts from 0."""
    value = fields.last(name)
    if value is None:
        return None
    if not value.isdecimal() or len(value) > MAX_DIGITS:
        message = f"{name} must be 0, 1, ..., not {value[:20]!r}"
        raise ProtocolError(message, code="invalid_value", param=name)
    return int(value)


def _check_temperature(fields: FormFields) -> None:
    value = fields.last("temperature") or "0"
    try:
        temperature = float(value)
    except ValueError:
        temperature = -1.0
    if not 0.0 <= temperature <= 1.0:
        message = f"temperature must be between 0 and 1, not {value!r}"
        raise ProtocolError(message, code="invalid_value", param="temperature")
