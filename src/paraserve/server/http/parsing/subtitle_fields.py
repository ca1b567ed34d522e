"""Fields about subtitles, which all upload routes take. Those without subtitles in their answer say so."""

import re
from dataclasses import replace

from paraserve.errors import ProtocolError
from paraserve.server.http.parsing.form_fields import FormFields, one_of
from paraserve.server.protocols.option_warnings import not_honoured
from paraserve.subtitle_options import (
    CHINESE_CHARS_RANGE,
    CUE_S_RANGE,
    LATIN_CHARS_RANGE,
    LINES_RANGE,
    SubtitleOptions,
)

TEXTS = ("written", "spoken")
CUE_S, LINES, LATIN_CHARS, CHINESE_CHARS, TEXT = NAMES = (
    "subtitle_cue_s",
    "subtitle_lines",
    "subtitle_latin_chars",
    "subtitle_chinese_chars",
    "subtitle_text",
)
SECONDS = re.compile(r"[0-9]{1,4}(\.[0-9]{1,9})?")
WHOLE = re.compile(r"[0-9]{1,4}")


def read_subtitles(fields: FormFields, defaults: SubtitleOptions, *, has_cues: bool) -> SubtitleOptions:
    """Read the options of subtitles, and note those that an answer without cues leaves without effect.

    Args:
        fields: those of the request.
        defaults: the limits where the client gives none.
        has_cues: whether the answer is in a format that has cues.

    Raises:
        ProtocolError: names the field whose value is not taken.
    """
    cue_s = _number(fields, CUE_S, CUE_S_RANGE, SECONDS)
    chosen = {
        "cue_ms": None if cue_s is None else round(cue_s * 1000),
        "lines": _whole(fields, LINES, LINES_RANGE),
        "latin_chars": _whole(fields, LATIN_CHARS, LATIN_CHARS_RANGE),
        "chinese_chars": _whole(fields, CHINESE_CHARS, CHINESE_CHARS_RANGE),
    }
    is_spoken = _is_spoken(fields)
    if not has_cues:
        for name in sorted(set(NAMES) & set(fields.names), key=NAMES.index):
            fields.warn(not_honoured(name, "the answer is in a format without subtitles"))
    given = {name: value for name, value in chosen.items() if value is not None}
    return replace(defaults, is_spoken=is_spoken, **given)


def _whole(fields: FormFields, name: str, limits: tuple[int, int]) -> int | None:
    number = _number(fields, name, limits, WHOLE)
    return None if number is None else int(number)


def _number(fields: FormFields, name: str, limits: tuple[int, int], kind: re.Pattern[str]) -> float | None:
    value = fields.last(name)
    if value is None:
        return None
    least, most = limits
    if not kind.fullmatch(value) or not least <= float(value) <= most:
        what = "a whole number" if kind is WHOLE else "a number"
        message = f"{name} must be {what} from {least} to {most}, not {value[:20]!r}"
        raise ProtocolError(message, code="invalid_value", param=name)
    return float(value)


def _is_spoken(fields: FormFields) -> bool:
    value = fields.last(TEXT) or TEXTS[0]
    if value not in TEXTS:
        message = f"unknown {TEXT} {value[:40]!r}: {one_of(TEXTS)}"
        raise ProtocolError(message, code="invalid_value", param=TEXT)
    return value == "spoken"
