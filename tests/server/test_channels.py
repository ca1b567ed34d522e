"""`channel=split`: each channel of a call has the text that it has alone, in files and live, in every format."""

import functools
import json
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from paraserve.options import MAX_SPLIT_CHANNELS
from support import audio_files
from support.live import live
from support.recordings import pcm
from support.two_people import call

WAYS = ("in turns", "at once")
N_CALLS = 10
CALLS = [pytest.param(n, marks=[] if n == 0 else pytest.mark.full) for n in range(N_CALLS)]
STEREO = {
    "wav": audio_files.Encoding("wav", "sf", "WAV", "PCM_16", 16_000, 2),
    "flac": audio_files.Encoding("flac", "sf", "FLAC", "PCM_16", 16_000, 2),
    "webm": audio_files.Encoding("webm", "av", "webm", "libopus", 16_000, 2),
    "mp3": audio_files.Encoding("mp3", "av", "mp3", "libmp3lame", 16_000, 2),
}


def wav(samples):
    return audio_files.pcm_wav(pcm(samples), channels=1 if samples.ndim == 1 else samples.shape[1])


@pytest.fixture(scope="module")
def alone(server):
    """The text of one channel of a call, as a recording and live, each sent alone."""

    @functools.cache
    def texts(number, way, channel):
        samples = call(number, way)[:, channel]
        file = server.post("/transcribe", wav(samples)).json()["text"]
        with live(server.url) as client:
            said = "".join(one["text"] for one in client.utterance(pcm(samples)) if "offline" in one["mode"])
        return file, said

    return texts


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", CALLS)
def test_channels_of_a_file(server, alone, number, way):
    """Each channel has the text of its mono recording; sentences come by their starts, each with its channel."""
    body = server.post("/transcribe", wav(call(number, way)), channel="split").json()
    assert [one["text"] for one in body["channels"]] == [alone(number, way, n)[0] for n in (0, 1)]
    assert all(one["text"] for one in body["channels"])
    starts = [one["start_ms"] for one in body["sentences"]]
    assert all(before <= after for before, after in pairwise(starts))
    for n in (0, 1):
        said = [one["text"] for one in body["sentences"] if one["channel"] == n]
        assert "".join(said).replace(" ", "") == body["channels"][n]["text"].replace(" ", "")
    assert {line[:4] for line in body["text"].splitlines()} == {"[0] ", "[1] "}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", CALLS)
def test_channels_live(server, alone, number, way):
    """The finals of each channel are those of its mono session, partials add up, and one result is the last."""
    with live(server.url) as client:
        client.say(channels=2, channel="split")
        results = client.utterance(pcm(call(number, way)), frame_bytes=3840)
        client.assert_silent(0.05)
    assert [one["is_final"] for one in results].count(True) == 1
    for n in (0, 1):
        finals = [one["text"] for one in results if one["channel"] == n and "offline" in one["mode"]]
        assert "".join(finals) == alone(number, way, n)[1]
    assert {one["channel"] for one in results if one["mode"] == "2pass-online"} == {0, 1}


@pytest.mark.parametrize("name", STEREO)
def test_channels_of_other_formats(server, name):
    """Live and as a file, each channel of a compressed call is heard as that channel alone, and mode offline too."""
    data = audio_files.encode(STEREO[name], call(0, "in turns"))
    told = server.post("/transcribe", data, channel="split").json()["channels"]
    assert [one["text"] for one in told] == [
        server.post("/transcribe", data, channel=str(n)).json()["text"] for n in (0, 1)
    ]
    with live(server.url) as client:
        client.say(channel="split")
        results = client.utterance(data, frame_bytes=999)
        for n in (0, 1):
            assert "".join(r["text"] for r in results if r["channel"] == n and "offline" in r["mode"])
        client.say(mode="offline", wav_format=name)
        assert [one["text"] for one in client.utterance(data)[-1]["channels"]] == [one["text"] for one in told]


@pytest.mark.parametrize("mode", ["2pass", "offline"])
@pytest.mark.parametrize("channel", [0, 1])
def test_one_channel_of_raw_audio(server, alone, mode, channel):
    """A live client may name the channel that is to be heard."""
    with live(server.url) as client:
        client.say(mode=mode, channels=2, channel=channel)
        results = client.utterance(pcm(call(0, "at once")))
    text = "".join(one["text"] for one in results if "offline" in one["mode"])
    assert text == alone(0, "at once", channel)[mode == "2pass"]


def test_raw_channels_in_mode_offline(server, alone):
    """Raw interleaved audio of mode offline is split like a file."""
    with live(server.url) as client:
        client.say(mode="offline", channels=2, channel="split")
        (result,) = client.utterance(pcm(call(0, "in turns")))
    assert [one["text"] for one in result["channels"]] == [alone(0, "in turns", n)[0] for n in (0, 1)]


FORMATS = {
    "/transcribe?format=text": "[1] ",
    "/transcribe?format=srt": "\n[1] ",
    "/transcribe?format=vtt": "\n[1] ",
    "/transcribe?format=tsv": "\t[1] ",
    "/transcribe?format=ass": ",[1] ",
    "/transcribe?format=ttml": "[1] ",
    "/transcribe?format=lrc": "] [1] ",
    "/transcribe": '"channel":1',
    "/v1/audio/transcriptions": '"channel":1',
    "/v1/audio/transcriptions?response_format=verbose_json&timestamp_granularities=word": '"channel":1',
    "/recognition": '"channel":1',
    "/asr": '"channel":1',
    "/": '"channel":1',
}


@pytest.mark.parametrize("path", FORMATS)
def test_every_format_names_the_channel(server, path):
    """The number that `channel` takes stands before the text of cues and lines, and beside it in JSON."""
    separator = "&" if "?" in path else "?"
    answer = server.post(f"{path}{separator}channel=split", wav(call(0, "in turns"))).text
    mark = FORMATS[path]
    assert mark in answer.replace(" ", "") if mark.startswith('"') else mark in answer
    assert mark.replace("1", "0") in (answer.replace(" ", "") if mark.startswith('"') else answer)


def test_mono_is_one_channel(server, samples):
    """A mono recording has one channel, with its text."""
    body = server.post("/transcribe", samples["zh_date"].data, channel="split", itn="false", punctuate="false").json()
    assert [(one["channel"], one["text"]) for one in body["channels"]] == [(0, samples["zh_date"].text)]


def test_too_many_channels(server, is_error):
    """More channels than are transcribed for one client are refused, in files and live."""
    data = wav(np.zeros((1600, MAX_SPLIT_CHANNELS + 1), np.float32))
    is_error(server.post("/transcribe", data, channel="split"), 400, "too_many_channels", param="channel")
    with live(server.url) as client:
        client.say(channel="split")
        assert client.utterance(data)[-1]["error"]["code"] == "too_many_channels"


def test_channels_cost_places(serve_app, engine):
    """Each channel takes the place of a session, also those that only the audio tells of."""
    with serve_app(engine, max_live=3) as server, live(server.url) as other, live(server.url) as client:
        other.ws.send(b"")
        client.say(channels=3, channel="split")
        refused = json.loads(client.ws.recv(10))
        assert refused["error"]["code"] == "overloaded"
        with live(server.url) as third:
            third.say(channel="split")
            third.send(wav(np.full((16_000, 3), 0.5, np.float32)))
            assert json.loads(third.ws.recv(10))["error"]["code"] == "overloaded"


def test_opposite_channels_live(server, samples):
    """Channels of opposite sign, which a plain mean would silence, are heard live as they are in files."""
    mono, _ = soundfile.read(samples["zh_date"].path, dtype="float32")
    with live(server.url) as client:
        client.say(itn=False, punctuate=False)
        results = client.utterance(wav(np.stack([mono, -mono], axis=1)))
    assert "".join(one["text"] for one in results if "offline" in one["mode"]) == samples["zh_date"].text
