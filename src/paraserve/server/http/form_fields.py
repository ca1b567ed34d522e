"""Form and query fields of an upload, checked before any work begins."""

import re
from collections.abc import Iterable

from paraserve.errors import ProtocolError
from paraserve.server.http.uploads import Upload
from paraserve.types import RecognitionOptions

MAX_CHANNEL_DIGITS = 5
GRANULARITIES = ("segment", "word")


def recognition_options(upload: Upload) -> RecognitionOptions:
    """The choices that all upload routes take.

    Raises:
        ProtocolError: names the field whose value cannot be understood.
    """
    return RecognitionOptions(
        hotwords=tuple((upload.field("hotwords") or "").split()),
        itn=_flag(upload, "itn", default=True),
        punctuate=_flag(upload, "punctuate", default=True),
        language=_language(upload),
        deterministic=_flag(upload, "deterministic", default=False),
        prompt=upload.field("prompt"),
        channel=_channel(upload),
    )


def _flag(upload: Upload, name: str, *, default: bool) -> bool:
    value = (upload.field(name) or "").lower()
    if not value:
        return default
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise ProtocolError(f"{name} must be true or false, not {value!r}", code="invalid_value", param=name)


def _language(upload: Upload) -> str | None:
    """A code without its region: "zh" of "zh-CN"; None where the model is to find out."""
    code = re.split("[-_]", (upload.field("language") or "auto").strip().lower())[0]
    return None if code == "auto" else code


def _channel(upload: Upload) -> int | None:
    value = upload.field("channel")
    if value is None:
        return None
    if not value.isdecimal() or len(value) > MAX_CHANNEL_DIGITS:
        message = f"channel must be 0, 1, ..., not {value[:20]!r}"
        raise ProtocolError(message, code="invalid_value", param="channel")
    return int(value)


def _check_temperature(upload: Upload) -> None:
    value = upload.field("temperature") or "0"
    try:
        temperature = float(value)
    except ValueError:
        temperature = -1.0
    if not 0.0 <= temperature <= 1.0:
        message = f"temperature must be between 0 and 1, not {value!r}"
        raise ProtocolError(message, code="invalid_value", param="temperature")


def openai_granularities(upload: Upload) -> list[str]:
    """Which times OpenAI's `verbose_json` should carry. Checks the call's other fields too.

    Raises:
        ProtocolError: a value that OpenAI's contract does not know, or `stream=true`.
    """
    _check_temperature(upload)
    if _flag(upload, "stream", default=False):
        raise ProtocolError("stream=true is not supported", code="unsupported_parameter", param="stream")
    names = ("timestamp_granularities[]", "timestamp_granularities")
    asked = [value for name in names for value in upload.fields.get(name, [])]
    for value in asked:
        if value not in GRANULARITIES:
            message = f"unknown timestamp granularity {value!r}: {one_of(GRANULARITIES)}"
            raise ProtocolError(message, code="invalid_value", param="timestamp_granularities")
    if "word" in asked and upload.field("response_format") != "verbose_json":
        message = "word timestamps need response_format=verbose_json"
        raise ProtocolError(message, code="invalid_value", param="timestamp_granularities")
    return asked


def one_of(names: Iterable[str]) -> str:
    """Ends a message about an unknown value."""
    return "expected one of " + ", ".join(names)
