"""The moving picture of the command line in docs/, recorded from a real session in a terminal."""

import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.text import Text

from support.commands import PROGRAM, clean_environment, server
from support.terminal_picture import moving_picture
from support.terminal_recording import Terminal, without_pauses

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "terminal.svg"
LABEL = "Live text of a recording as it is spoken, a folder of recordings to files, and one of them as subtitles."
COMMANDS = (
    "paraserve stream tests/data/mixed_long.wav --realtime",
    "paraserve transcribe tests/data --output texts --format srt",
    "cat texts/mixed_long.srt",
)
LONGEST_S = 1.6
MAX_BYTES = 200_000


@pytest.fixture
def terminal(tmp_path, data_dir):
    """A shell beside the sample recordings, with a server."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    folder = tmp_path / "paraserve"
    (folder / "tests").mkdir(parents=True)
    shutil.copytree(
        data_dir, folder / "tests/data", ignore=lambda _, names: [n for n in names if not n.endswith(".wav")]
    )
    path = f"{Path(PROGRAM).parent}:{clean_environment()['PATH']}"
    with server() as url:
        one = Terminal(tmp_path / "tmux", folder, {"PATH": path, "PARASERVE_SERVER": url, "HOME": str(tmp_path)})
        try:
            yield one
        finally:
            one.close()


def plain(screens):
    return "\n".join(Text.from_ansi(line).plain for one in screens for line in one.lines)


@pytest.mark.full
@pytest.mark.slow
def test_terminal_picture(terminal):
    """Partial texts, final ones, the bar of a folder and subtitles are seen; the picture needs nothing of others."""
    for command in COMMANDS:
        terminal.type(command)
    screens = without_pauses(terminal.screens, LONGEST_S)
    text = plain(screens)
    assert "july 19 2067." in text
    assert "00:00:10,740 --> 00:00:12,635" in text
    assert "二三零三八三" in text  # a partial text, before it is written as a number
    assert re.search(r"\d+/\d+|\d+ ?%", text)  # a bar
    assert max(plain([one]).count("paraserve: wrote texts/") for one in screens) == 9  # bars cover none of them
    picture = moving_picture(screens, LABEL)
    PICTURE.write_text(picture, "utf-8")
    assert len(picture.encode()) < MAX_BYTES
    names = {element.tag.rpartition("}")[2] for element in ET.fromstring(picture).iter()}
    assert names == {"svg", "title", "style", "defs", "g", "text", "rect", "circle", "use"}
    assert picture.count("http") == 1  # the name of SVG's vocabulary
