"""Which folders are Whisper models. What they say is tested in tests/models."""

import subprocess
import sys

import pytest

from paraserve.errors import ModelLoadError
from paraserve.inference.models.recognizers.whisper import FILES, load_whisper


@pytest.mark.parametrize("missing", FILES)
def test_a_missing_file_is_named(tmp_path, missing):
    """Also the tokenizer, for which the library would ask a model hub."""
    for name in FILES:
        if name != missing:
            (tmp_path / name).write_text("{}")
    with pytest.raises(ModelLoadError, match=f"model file not found: .*{missing}"):
        load_whisper(tmp_path)


def test_a_file_that_is_no_model(tmp_path):
    """Refused with the folder's name and the library's reason."""
    pytest.importorskip("faster_whisper")
    for name in FILES:
        (tmp_path / name).write_text("{}")
    with pytest.raises(ModelLoadError, match=f"cannot load {tmp_path}: ."):
        load_whisper(tmp_path)


def test_without_the_library(tmp_path):
    """It is an extra: the message says what to install."""
    for name in FILES:
        (tmp_path / name).write_text("{}")
    program = (
        "import sys, pathlib; sys.modules['faster_whisper'] = None\n"
        "from paraserve.inference.models.recognizers.whisper import load_whisper\n"
        "load_whisper(pathlib.Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=False)
    assert done.stderr.strip().endswith("needs faster-whisper: pip install faster-whisper")
