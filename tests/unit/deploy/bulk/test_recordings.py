"""The recordings of a bulk run."""

import json
import os
from pathlib import Path

import pytest

from paraserve.deploy.bulk.recordings import Recording, read_recordings
from paraserve.errors import ParaserveError
from support.object_stores import start_s3


@pytest.fixture
def manifest(tmp_path):
    """Write a list of recordings, and return what is read from it."""

    def read(*lines: str | bytes) -> list[Recording]:
        path = tmp_path / "list.txt"
        path.write_bytes(b"\n".join(os.fsencode(line) for line in lines))
        return read_recordings(str(path))

    return read


def test_a_list_has_paths_from_its_own_folder_on_and_urls(manifest, tmp_path):
    (tmp_path / "b.wav").write_bytes(b"12345")
    found = manifest("b.wav", "", "  /data/c.wav ", "https://host/d.wav", "S3://bucket/e.wav")
    b = str(tmp_path / "b.wav")
    assert found == [
        Recording(b, b, 5),
        Recording("/data/c.wav", "/data/c.wav"),
        Recording("https://host/d.wav", "https://host/d.wav"),
        Recording("S3://bucket/e.wav", "S3://bucket/e.wav"),
    ]


def test_a_line_of_json_has_flags_of_its_own(manifest):
    line = {"path": "/a.wav", "id": "call 1", "language": "en", "hotwords": "foo", "model": "m"}
    assert manifest(json.dumps(line)) == [
        Recording("call 1", "/a.wav", 0, {"language": "en", "hotwords": "foo", "model": "m"})
    ]


def test_a_path_that_is_no_utf_8_has_an_id_that_any_file_may_hold(manifest):
    (found,) = manifest(b"/a\xff.wav")
    assert (found.id, os.fsencode(found.path)) == ("/a\\xff.wav", b"/a\xff.wav")


def test_a_recording_that_is_listed_twice_is_taken_once(manifest):
    assert len(manifest("/a.wav", "/a.wav", "/b/../a.wav")) == 1


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["ftp://host/a.wav"], "line 1: ftp is none of http, https, s3"),
        (["/a.wav", '{"path": "/b.wav", "lang": "en"}'], "line 2: lang: known are"),
        (['{"path": "/b.wav"'], "line 1: no JSON"),
        (['{"id": "b"}'], "path is needed"),
        (['{"path": "/b.wav", "language": 3}'], "each value is a text"),
        (['{"path": "/b.wav", "id": "\\ud800"}'], "no Unicode text"),
        (['{"path": "/a.wav", "id": "x"}', '{"path": "/b.wav", "id": "x"}'], "the id x: /a.wav, /b.wav"),
        (["", " "], "no recording is in"),
    ],
)
def test_a_list_that_is_wrong_says_where(manifest, lines, message):
    with pytest.raises(ParaserveError, match=message):
        manifest(*lines)


def test_a_list_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ParaserveError, match="No such file"):
        read_recordings(str(tmp_path / "none.txt"))


def test_a_folder_has_the_recordings_of_its_folders(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name, n_bytes in (("in/a.wav", 3), ("in/deep/b.mp3", 4), ("in/notes.txt", 5), ("in/.c.wav", 6)):
        (tmp_path / name).write_bytes(b"x" * n_bytes)
    found = read_recordings(str(tmp_path / "in"))
    assert [(Path(one.path).name, one.size_bytes) for one in found] == [("a.wav", 3), ("b.mp3", 4)]


@pytest.mark.full
def test_a_prefix_has_the_objects_below_it():
    for server in start_s3():
        server.make_bucket("speech")
        for key in ("calls/a.wav", "calls/may/b.mp3", "calls/notes.txt", "calls-of-others/c.wav"):
            server.put(f"speech/{key}", b"x" * len(key))
        assert read_recordings("s3://speech/calls") == [
            Recording("s3://speech/calls/a.wav", "s3://speech/calls/a.wav", 11),
            Recording("s3://speech/calls/may/b.mp3", "s3://speech/calls/may/b.mp3", 15),
        ]
        with pytest.raises(ParaserveError, match="cannot be listed"):
            read_recordings("s3://of-nobody/calls")
