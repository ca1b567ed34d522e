"""Names of the files that transcripts are written to, and how they are written."""

from pathlib import Path

import pytest

from paraserve.cli.inputs import Source
from paraserve.cli.output_files import output_paths, write_atomically


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.wav", "b/c.d.mp3"], ["a.srt", "c.d.srt"]),
        (["a.wav", "x/a.mp3", "y/a.ogg"], ["a.srt", "a-2.srt", "a-3.srt"]),
        (["a.wav", "a.mp3", "a-2.wav"], ["a.srt", "a-2.srt", "a-2-2.srt"]),
        (["-", "stdin.wav"], ["stdin.srt", "stdin-2.srt"]),
    ],
)
def test_output_paths(names, expected):
    """Stem and format; equal stems are numbered in the order given, and no two names are the same."""
    paths = output_paths([Source(name) for name in names], Path("out"), "srt")
    assert paths == [Path("out") / name for name in expected]


def test_write_replaces(tmp_path):
    """An older transcript is replaced, and nothing else stays in the folder."""
    path = tmp_path / "a.text"
    path.write_text("old and longer")
    write_atomically(path, "新")
    assert path.read_text("utf-8") == "新"
    assert list(tmp_path.iterdir()) == [path]


def test_failed_write_leaves_the_old(tmp_path):
    """When writing fails, what was there stays, and no partial file."""
    path = tmp_path / "a.text"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "new \ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
