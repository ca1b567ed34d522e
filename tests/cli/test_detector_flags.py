"""`paraserve transcribe` and `stream` with the detector's knobs, in this process and by a server."""

import json

import pytest

from support.commands import paraserve, server
from support.tiers import first_quick


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


@pytest.fixture(scope="module")
def plain(data_dir, server_url):
    """What the detector finds without flags, where a server looks."""
    _, there = transcripts(data_dir / "mixed_long.wav", server_url)
    return there


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags", first_quick(["--vad-tail-sil 0", "--merge-length-s 30", "--speech-noise-thres 1", "--merge-vad"], 2)
)
def test_flags_of_the_detector(data_dir, server_url, plain, flags):
    """Each flag changes what the detector finds, here and by a server alike."""
    here, there = transcripts(data_dir / "mixed_long.wav", server_url, *flags.split())
    figures = [{key: one[key] for key in ("text", "speech_ms", "sentences")} for one in (plain, here, there)]
    assert figures[1] == figures[2] != figures[0]


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
