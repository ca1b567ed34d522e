"""Files that people write: hotwords, settings, files of models."""

import logging

import pytest

from paraserve.hotword_types import Hotword
from paraserve.inference.models.model_files import read_units
from paraserve.inference.models.recognizers.paraformer_hotwords import read_hotword_file, read_segments
from paraserve.settings import Settings
from paraserve.text_files import read_text_file

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16")
LINE_ENDS = ("\n", "\r\n")


@pytest.fixture(params=[(encoding, end) for encoding in ENCODINGS for end in LINE_ENDS], ids="-".join)
def write(request, tmp_path):
    """Writes lines in one encoding with one kind of line ends."""
    encoding, end = request.param

    def write(*lines):
        path = tmp_path / "file"
        path.write_bytes(end.join(lines).encode(encoding))
        return path

    return write


def test_big_endian(tmp_path):
    """Each byte order has its mark, and no mark is left in the text."""
    (tmp_path / "file").write_bytes("\ufeff阿里 20\n".encode("utf-16-be"))
    assert read_text_file(tmp_path / "file") == "阿里 20\n"


def test_hotwords(write):
    """No word is lost to a mark, to line ends, blank lines, tabs, or spaces at the end."""
    path = write("阿里巴巴 20", "", "  ", "open ai\t30", "魔搭 \t 10  ", "\t通义 5", "")
    assert read_hotword_file(path) == (("阿里巴巴", 20), ("open ai", 30), ("魔搭", 10), ("通义", 5))


def test_lines_without_a_weight(write, caplog):
    """They do not count, as in FunASR, and the log says how many there are."""
    with caplog.at_level(logging.WARNING):
        assert read_hotword_file(write("阿里巴巴", "魔搭 20", "open ai")) == (Hotword("魔搭", 20),)
    assert "2 lines have no weight" in caplog.text


def test_settings(write):
    """A file of settings."""
    assert Settings(config=str(write("port = 5000", 'host = "::1"'))).port == 5000


def test_files_of_models(write):
    """The vocabulary, and the units of words."""
    path = write('["<blank>", "阿"]')
    assert read_units(path.rename(path.with_name("tokens.json")).parent) == ["<blank>", "阿"]
    assert read_segments(write("hello hel@@ lo", "", "ai a@@ i")) == {"hello": ("hel@@", "lo"), "ai": ("a@@", "i")}
