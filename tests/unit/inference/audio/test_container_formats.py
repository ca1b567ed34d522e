"""Each demuxer and each audio decoder of the installed FFmpeg is decided: taken, or refused for a reason."""

import contextlib
import io
import re
from pathlib import Path

import av
import pytest
from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.format import ContainerFormat

import support.audio_files as files
from paraserve.inference.audio.container_formats import CODECS, OPENS_OTHER_FILES, REASONS, REFUSED, TAKEN, refusal
from paraserve.inference.audio.demux import OPEN_OPTIONS

DEVICES = {"alsa", "oss", "fbdev", "kmsgrab", "x11grab", "v4l2", "video4linux2", "lavfi"}
"""Not found by the name of a file format."""
DOCS = Path(__file__).parents[4] / "docs" / "formats.md"


def demuxers():
    return {name for names in av.formats_available if ContainerFormat(names).is_input for name in names.split(",")}


def test_each_demuxer_of_this_ffmpeg_is_decided():
    """A newer FFmpeg brings new ones: put each into one of the lists."""
    assert demuxers() - set(TAKEN) - set(REFUSED) == set()
    assert not set(TAKEN) & set(REFUSED)
    assert sum(len(names.split()) for names in REASONS.values()) == len(REFUSED)


def test_no_name_is_invented():
    """What is taken exists, and of the refused ones only what this build lacks is missing."""
    assert set(TAKEN) <= demuxers()
    assert set(REFUSED) - demuxers() <= {"dash"}
    assert set(av.codecs_available) | {"libspeex"} >= CODECS


def test_all_decoders_are_of_sound():
    """No video decoder runs, so a picture in a recording cannot attack one."""
    for name in CODECS & set(av.codecs_available):
        try:
            codec = Codec(name, "r")
        except UnknownCodecError:
            continue
        assert codec.type == "audio", name


def refused_by_name(name):
    """Open zeros as that format, under the bounds: the last message of FFmpeg says whether the name was refused."""
    with av.logging.Capture() as messages, contextlib.suppress(av.FFmpegError, ValueError):
        av.open(io.BytesIO(bytes(4096)), "r", format=name, options=dict(OPEN_OPTIONS)).close()
    return any("Format not on whitelist" in text for _, _, text in messages)


@pytest.fixture
def _logging():
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    yield
    av.logging.set_level(None)


@pytest.mark.usefixtures("_logging")
@pytest.mark.parametrize("reason", list(REASONS))
def test_a_refused_demuxer_is_never_used(reason):
    """FFmpeg itself refuses each of them, even where it is named instead of guessed."""
    names = set(REASONS[reason].split()) & demuxers() - DEVICES
    assert [name for name in sorted(names) if not refused_by_name(name)] == []


@pytest.mark.usefixtures("_logging")
def test_a_taken_demuxer_is_allowed():
    """The list reaches FFmpeg: what is taken is not refused by its name."""
    assert [name for name in TAKEN if refused_by_name(name)] == []


def test_what_names_other_files_is_refused_for_that():
    """Playlists, manifests, sessions and picture series."""
    for name in ("concat", "hls", "dash", "sdp", "rtsp", "rtp", "image2", "webm_dash_manifest", "vobsub"):
        assert refusal(name) == OPENS_OTHER_FILES
    assert refusal("video4linux2,v4l2") != OPENS_OTHER_FILES
    assert "not known" in refusal("a_new_one")


def test_the_documentation_lists_them_all():
    """Each demuxer stands in the table, each refused one beside its reason."""
    text = DOCS.read_text("utf-8")
    rows = {cells[0].strip(): set(re.findall(r"`([^`]+)`", cells[1])) for cells in table_rows(text)}
    for reason, names in REASONS.items():
        assert rows[reason] == set(names.split())
    assert set().union(*(names for row, names in rows.items() if row not in REASONS)) >= set(TAKEN) | CODECS


def table_rows(text):
    return [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ") and "`" in line]


def test_a_playlist_opens_nothing(tmp_path, monkeypatch):
    """The file that it names is there, and is not read."""
    (tmp_path / "other.mp3").write_bytes(files.long_mp3(1))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(av.FFmpegError):
        av.open(io.BytesIO(files.playlists("other.mp3")["ffconcat"]), "r", options=dict(OPEN_OPTIONS))
