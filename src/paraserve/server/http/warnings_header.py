"""The header that tells of warnings in answers that have no place for them: texts and subtitles."""

from collections.abc import Sequence
from itertools import accumulate
from urllib.parse import quote

from paraserve.server.protocols.json_encoding import Json
from paraserve.types import FieldWarning

WARNINGS_HEADER = "X-Paraserve-Warnings"
MAX_CHARS = 1_000
"""A proxy refuses answers with long headers. The list in a JSON answer is not cut."""
HEADER_DESCRIPTION: Json = {
    WARNINGS_HEADER: {
        "description": "Codes of the warnings, each with its field: `unknown_field beam_size, not_honoured prompt`. "
        "A JSON answer says more in `warnings`. Absent without any.",
        "required": False,
        "schema": {"type": "string"},
    }
}


def warnings_header(warnings: Sequence[FieldWarning]) -> str:
    """Return the codes of the warnings with their fields, in the letters that a header may have.

    Of many, the first are named and the others counted.
    """
    items = [f"{one.code} {quote(one.param or '')}".strip() for one in warnings]
    n_named = sum(length <= MAX_CHARS for length in accumulate(len(item) + 2 for item in items))
    more = len(items) - n_named
    return ", ".join(items[:n_named] + ([f"{more} more"] if more else []))
