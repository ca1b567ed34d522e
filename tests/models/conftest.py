"""Recordings of people, from where a machine can get them."""

import re
from pathlib import Path

import pytest

from paraserve.catalog.store import models_folder
from support.debian_packages import unpacked

PACKAGE = "pocketsphinx-testdata"
FOLDER = "usr/share/pocketsphinx/test/data/librivox"
LINE = re.compile(r"<s> (.*) </s> \((.*)\)")


@pytest.fixture(scope="session")
def read_aloud() -> dict[Path, str]:
    """Sentences of a novel, read by a volunteer of LibriVox: recording to text, from a Debian package."""
    folder = Path("/") / FOLDER
    if not folder.is_dir():
        folder = unpacked(PACKAGE, models_folder().with_name("test-recordings")) / FOLDER
    lines = (folder / "transcription").read_text("utf-8").splitlines()
    return {folder / f"{match[2]}.wav": match[1] for match in map(LINE.fullmatch, lines) if match}
