"""The header that tells of warnings in answers that have no place for them: texts and subtitles."""

from collections.abc import Sequence
from urllib.parse import quote

from paraserve.server.protocols.json_encoding import Json
from paraserve.types import FieldWarning

WARNINGS_HEADER = "X-Paraserve-Warnings"
MAX_ITEMS = 20
"""A proxy refuses answers with long headers. The list in a JSON answer is never cut."""
HEADER_DESCRIPTION: Json = {
    WARNINGS_HEADER: {
        "description": "Codes of the warnings, each with its field: `unknown_field beam_size, not_honoured prompt`. "
        "A JSON answer says more in `warnings`. Absent without any.",
        "required": False,
        "schema": {"type": "string"},
    }
}


def warnings_header(warnings: Sequence[FieldWarning]) -> str:
    """Return the codes of the warnings with their fields, in the letters that a header may have."""
    items = [f"{one.code} {quote(one.param or '')}".strip() for one in warnings[:MAX_ITEMS]]
    return ", ".join(items)
