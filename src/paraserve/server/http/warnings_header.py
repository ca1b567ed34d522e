"""Headers for what answers without a place for it, texts and subtitles, have to say beside the text."""

import json
from collections.abc import Sequence
from itertools import accumulate
from urllib.parse import quote

from paraserve.formats import quality_json
from paraserve.quality_types import AudioQuality
from paraserve.server.protocols.json_encoding import Json
from paraserve.types import FieldWarning, Notice

WARNINGS_HEADER = "X-Paraserve-Warnings"
NOTICE_HEADER = "X-Paraserve-Notice"
QUALITY_HEADER = "X-Paraserve-Audio-Quality"
CACHE_HEADER = "X-Cache"
MAX_CHARS = 1_000
"""A proxy refuses answers with long headers. The list in a JSON answer is not cut."""
PRINTABLE = "".join(map(chr, range(ord(" "), ord("~") + 1)))
HEADER_DESCRIPTION: Json = {
    WARNINGS_HEADER: {
        "description": "Codes of the warnings, each with its field: `unknown_field beam_size, not_honoured prompt`. "
        "A JSON answer says more in `warnings`. Absent without any.",
        "required": False,
        "schema": {"type": "string"},
    },
    NOTICE_HEADER: {
        "description": "Code and message of the `notice` of a JSON answer: `outside_vocabulary: 12 s of speech ...`. "
        "Absent without one.",
        "required": False,
        "schema": {"type": "string"},
    },
    QUALITY_HEADER: {
        "description": "The object `audio_quality` of a JSON answer. Present if the client asks for it.",
        "required": False,
        "schema": {"type": "string"},
    },
    CACHE_HEADER: {
        "description": "`hit` where the text is that of an earlier or an equal request, `miss` where it was made. "
        "Absent where the result cache is not used.",
        "required": False,
        "schema": {"type": "string", "enum": ["hit", "miss"]},
    },
}


def warnings_header(warnings: Sequence[FieldWarning]) -> str:
    """Return the codes of the warnings with their fields, in the letters that a header may have.

    Of many, the first are named and the others counted.
    """
    items = [f"{one.code} {quote(one.param or '')}".strip() for one in warnings]
    n_named = sum(length <= MAX_CHARS for length in accumulate(len(item) + 2 for item in items))
    more = len(items) - n_named
    return ", ".join(items[:n_named] + ([f"{more} more"] if more else []))


def answer_headers(
    warnings: Sequence[FieldWarning], notice: Notice | None, quality: AudioQuality | None
) -> dict[str, str]:
    """Return the headers of an answer with these facts, none where there is nothing to say."""
    headers = {WARNINGS_HEADER: warnings_header(warnings)} if warnings else {}
    headers |= {} if notice is None else {NOTICE_HEADER: _ascii(f"{notice.code}: {notice.message}")}
    figures = quality_json(quality).get("audio_quality")
    return headers if figures is None else headers | {QUALITY_HEADER: json.dumps(figures)}


def _ascii(text: str) -> str:
    """Return the text with percent codes for what a header cannot hold, at most `MAX_CHARS` of it."""
    return quote(text, safe=PRINTABLE)[:MAX_CHARS]
