"""Loaded by Schemathesis: some of the files that it sends are recordings, so that it gets transcripts, too.

It sends parts of resumable uploads, too, whose media type is that of the tus protocol.
"""

import os
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies as st

RECORDING = Path(os.environ["RECORDING"]).read_bytes()
FILES = st.sampled_from([RECORDING, RECORDING[: len(RECORDING) // 2], RECORDING[:30]]) | st.binary(max_size=200)

schemathesis.openapi.format("binary", FILES)
schemathesis.openapi.media_type("application/octet-stream", FILES)

TUS = "application/offset+octet-stream"
schemathesis.openapi.media_type(TUS, FILES)

PATIENCE_S = 60


@schemathesis.serializer(TUS)
def part_of_upload(_context: Any, value: Any) -> Any:
    """Send the bytes as they are."""
    return value


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Give the server time: it says 504, as described, to a client that allows it none."""
    for fields in (case.body, case.query):
        if isinstance(fields, dict) and _is_positive(fields.get("timeout")):
            fields["timeout"] = PATIENCE_S
        if isinstance(fields, dict) and "wait_s" in fields:  # it waits for 10 s itself
            fields["wait_s"] = 0


def _is_positive(value: Any) -> bool:
    """Whether it is a number above 0, or the text of one, which a query has."""
    try:
        return float(value) > 0
    except (TypeError, ValueError):
        return False
