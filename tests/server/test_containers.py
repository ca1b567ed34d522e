"""A recording in any container gives its text, and what is refused says which format it is and why."""

import numpy as np
import pytest
import soundfile

import support.audio_files as files
from support.containers import EXACT, LOSSY, TELEPHONE, with_tracks, write

ROUTE = "/transcribe"


def silence(n_samples):
    """Digital silence."""
    return np.zeros(n_samples, np.float32)


@pytest.fixture(scope="module")
def speech(data_dir):
    """zh_date as samples, and its text as a wav gives it."""
    return soundfile.read(data_dir / "zh_date.wav", dtype="float32")[0]


@pytest.fixture(scope="module")
def text(server, samples):
    """The text of the wav."""
    return server.post(ROUTE, samples["zh_date"].data).json()["text"]


@pytest.mark.parametrize("how", [*EXACT, *LOSSY], ids=lambda how: f"{how.muxer}-{how.codec}")
def test_every_container_gives_the_text(server, speech, text, how):
    """FFmpeg writes the recording, and the server reads what a wav of it says."""
    answer = server.post_raw(ROUTE, write(how, speech))
    assert answer.status_code == 200, answer.text
    assert answer.json()["text"] == text


@pytest.mark.parametrize("how", TELEPHONE, ids=lambda how: f"{how.muxer}-{how.codec}")
def test_telephone_codecs_give_text(server, speech, how):
    """They are decoded to their full length, whatever they did to the sound."""
    answer = server.post_raw(ROUTE, write(how, speech)).json()
    assert abs(answer["duration_ms"] - 2750) < 100
    assert answer["text"]


REFUSED = {
    "concat": files.playlists("other.mp3")["ffconcat"],
    "png_pipe": files.not_audio()["png"],
    "ffmetadata": b";FFMETADATA1\ntitle=speech\n",
    "srt": "1\n00:00:00,000 --> 00:00:02,000\n你好\n\n".encode() * 3,
    "webvtt": "WEBVTT\n\n00:00.000 --> 00:02.000\n你好\n".encode(),
    "ass": b"[Script Info]\nTitle: speech\n",
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_a_refused_format_is_named(server, is_error, name):
    """415 says which format was found and why it is not taken."""
    error = is_error(server.post(ROUTE, REFUSED[name]), 415, "unsupported_format", param="file")
    assert f"the file's format is {name}: it " in error["message"]


def test_raw_samples_are_refused(server, is_error, speech):
    """Nothing in them tells rate and format."""
    data = (speech * 32767).astype("<i2").tobytes()
    is_error(server.post(ROUTE, data), 415, "unsupported_format", param="file")


PCM = "pcm_s16le"
CONTAINERS = (
    ("matroska", "pcm_s16le"),
    ("mp4", "aac"),
    ("mov", "pcm_s16le"),
    ("mpegts", "mp2"),
    ("avi", "pcm_s16le"),
)


@pytest.mark.parametrize(("muxer", "codec"), CONTAINERS, ids=[muxer for muxer, _ in CONTAINERS])
def test_a_silent_first_track_is_passed_over(server, speech, text, muxer, codec):
    """The first track with sound is taken, and `track` takes any, from 0."""
    data = with_tracks(muxer, codec, [silence(len(speech)), speech])
    assert server.post(ROUTE, data).json()["text"] == text
    assert server.post(ROUTE, data, track=1).json()["text"] == text
    assert server.post_raw(ROUTE, data, track=0).json()["text"] == ""


def test_the_default_track_counts_if_it_has_sound(server, samples, speech, text):
    """A default track is taken before an earlier one, unless it is silent."""
    other = soundfile.read(samples["en_date"].path, dtype="float32")[0]
    loud = with_tracks("matroska", PCM, [other, speech, silence(100)], default=1)
    silent = with_tracks("matroska", PCM, [silence(100), speech, silence(len(speech))], default=2)
    assert server.post(ROUTE, loud).json()["text"] == text
    assert server.post(ROUTE, silent).json()["text"] == text


def test_a_track_that_is_not_there_is_refused(server, is_error, samples, speech):
    """The error names the field, for files with several tracks and for a wav."""
    data = with_tracks("matroska", PCM, [speech, speech])
    for file, track in ((data, 2), (samples["zh_date"].data, 1), (files.encode_voice(files.encoding("mp3"), 1.0), 1)):
        is_error(server.post(ROUTE, file, track=track), 400, "track_out_of_range", param="track")
    for value in ("-1", "one", "1.5"):
        is_error(server.post(ROUTE, data, track=value), 400, "invalid_value", param="track")
