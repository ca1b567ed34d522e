"""Loaded by Schemathesis: some of the files that it sends are recordings, so that it gets transcripts, too."""

import os
from pathlib import Path

import schemathesis
from hypothesis import strategies as st

RECORDING = Path(os.environ["RECORDING"]).read_bytes()
FILES = st.sampled_from([RECORDING, RECORDING[: len(RECORDING) // 2], RECORDING[:30]]) | st.binary(max_size=200)

schemathesis.openapi.format("binary", FILES)
schemathesis.openapi.media_type("application/octet-stream", FILES)
