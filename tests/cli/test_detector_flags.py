"""`paraserve transcribe` and `stream` with the detector's knobs, in this process and by a server."""

import json

import pytest

from support.commands import paraserve, server


@pytest.fixture(scope="module")
def server_url():
    """A server with the embedded bundle."""
    with server() as url:
        yield url


def transcripts(recording, url, *flags):
    """The JSON of this process, and that of a server."""
    for place in ((), ("--server", url)):
        done = paraserve("transcribe", recording, "--format", "json", *flags, *place)
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout)


@pytest.mark.slow
def test_flags_of_the_detector(data_dir, server_url):
    """Each flag changes what the detector finds, here and by a server alike."""
    recording = data_dir / "mixed_long.wav"
    plain, _ = transcripts(recording, server_url)
    choices = ["--speech-noise-thres 1", "--vad-tail-sil 0", "--merge-vad", "--merge-length-s 30"]
    for flags in map(str.split, choices):
        here, there = transcripts(recording, server_url, *flags)
        figures = [{key: one[key] for key in ("text", "speech_ms", "sentences")} for one in (plain, here, there)]
        assert figures[1] == figures[2] != figures[0], flags


def test_a_value_out_of_range(data_dir):
    """It is refused before any model is loaded, with the range."""
    done = paraserve("transcribe", data_dir / "zh_date.wav", "--vad-tail-sil", "70000")
    assert done.returncode == 2
    assert "60000" in done.stderr


def test_flags_of_a_live_client(data_dir, server_url):
    """`stream` sends the knobs: with none of the speech found there is no text."""
    url = server_url.replace("http", "ws", 1)
    recording = data_dir / "zh_date.wav"
    assert paraserve("stream", recording, "--server", url).stdout.strip()
    assert not paraserve("stream", recording, "--server", url, "--speech-noise-thres", "1").stdout.strip()
    assert paraserve("stream", recording, "--server", url, "--semantic-endpoint").stdout.strip()
