"""Loaded by Schemathesis: some of the files that it sends are recordings, so that it gets transcripts, too."""

import os
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies as st

RECORDING = Path(os.environ["RECORDING"]).read_bytes()
FILES = st.sampled_from([RECORDING, RECORDING[: len(RECORDING) // 2], RECORDING[:30]]) | st.binary(max_size=200)

schemathesis.openapi.format("binary", FILES)
schemathesis.openapi.media_type("application/octet-stream", FILES)

PATIENCE_S = 60


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Give the server time: it says 504, as described, to a client that allows it none."""
    for fields in (case.body, case.query):
        if isinstance(fields, dict) and isinstance(fields.get("timeout"), int | float) and fields["timeout"] > 0:
            fields["timeout"] = PATIENCE_S
