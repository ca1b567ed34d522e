"""Codecs of live clients: the text is that of PCM, live and as a file, as soon as PCM gives it."""

import functools
import re
import signal
from difflib import SequenceMatcher

import numpy as np
import psutil
import pytest
import soundfile

from support import audio_files, live_codecs
from support.decode_children import decode_children
from support.fakes import FakeEngine
from support.live import assert_works, eventually, live, reset, speech
from support.recordings import pcm
from support.tiers import first_quick

MAX_DISTANCE = 0.05
ALL_NAMES = ("zh_phone", "en_digits", "zh_date", "en_date", "zh_en", "zh_home", "zh_number", "mixed_long")
"""Without en_weather: the beginning of its segment decides between "chance" and "chance chance", in PCM as well."""
NAMES = first_quick(ALL_NAMES, 2)
MEDIA_TYPE = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def plain(server, samples):
    """Samples of a recording, its text as a file, and its finals as live PCM."""

    @functools.cache
    def texts(name):
        audio, _ = soundfile.read(samples[name].path, dtype="float32")
        return audio, server.post("/transcribe", samples[name].data).json()["text"], live_text(server, pcm(audio))

    return texts


def live_text(server, data, frame_bytes=1920, **keys):
    """The finals of an utterance."""
    with live(server.url) as client:
        client.say(**keys)
        results = client.utterance(data, frame_bytes=frame_bytes)
    assert not any("error" in one or "warnings" in one for one in results), results
    return "".join(one["text"] for one in results if "offline" in one["mode"])


def assert_near(text, right, name):
    """Equal, or for lossy codecs nearly so, without marks."""
    if name in live_codecs.LOSSLESS:
        assert text == right
        return
    one, other = (re.sub(r"\W", "", words.lower()) for words in (text, right))
    n_same = sum(block.size for block in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks())
    assert max(len(one), len(other)) - n_same <= MAX_DISTANCE * len(other), (text, right)


@pytest.mark.parametrize("recording", NAMES)
@pytest.mark.parametrize("codec", live_codecs.RAW)
def test_raw_codecs(server, plain, codec, recording):
    """Raw audio of each encoding, live by `wav_format` and as a file by `encoding`."""
    audio, as_file, as_live = plain(recording)
    data = live_codecs.raw(audio, codec)
    assert_near(live_text(server, data, wav_format=codec), as_live, codec)
    body = server.post_raw("/transcribe", data, headers=MEDIA_TYPE, encoding=codec, sample_rate=rate_of(codec))
    assert_near(body.json()["text"], as_file, codec)


def rate_of(codec):
    return 8000 if codec in {"alaw", "mulaw"} else 16_000


@pytest.mark.parametrize("recording", NAMES)
@pytest.mark.parametrize("codec", live_codecs.CONTAINERS)
def test_containers(server, plain, codec, recording):
    """A file as it is recorded, live by its first bytes or by its name, and uploaded."""
    audio, as_file, as_live = plain(recording)
    data = live_codecs.file(audio, codec)
    assert_near(live_text(server, data, frame_bytes=700), as_live, codec)
    assert_near(live_text(server, data, frame_bytes=5000, wav_format=codec.partition("-")[0]), as_live, codec)
    assert_near(server.post("/transcribe", data).json()["text"], as_file, codec)


@pytest.fixture(scope="module")
def fake(serve_app):
    with serve_app(FakeEngine(), live_decode_workers=2) as server:
        yield server


@pytest.fixture(scope="module")
def webm():
    return live_codecs.file(audio_files.voice(3), "webm")


def test_a_lost_decoder(fake, webm):
    """A decoder that is killed ends the utterance with an error that says to try again, and the next one is heard."""
    with live(fake.url) as client:
        client.send(webm[:8000], 500)
        assert client.receive()["mode"] == "2pass-online"
        for child in decode_children():
            child.send_signal(signal.SIGKILL)
        client.send(webm[8000:], 500)
        assert client.until_final()[-1]["error"]["code"] == "decoder_unavailable"
        assert client.close_code()[0] == 1013
    assert_works(fake.url)
    with live(fake.url) as client:
        assert "error" not in client.utterance(webm)[-1]


def test_more_streams_than_decoders(fake, webm):
    """Who comes while all decoders are taken is told so; who sends PCM is served, and places are freed."""
    with live(fake.url) as one, live(fake.url) as two, live(fake.url) as three:
        for client in (one, two):
            client.send(webm[:4000])
            assert client.receive()["mode"] == "2pass-online"
        three.send(webm[:4000])
        assert three.receive()["error"]["code"] == "decoder_unavailable"
        assert three.close_code() == (1013, "decoder_unavailable")
        assert_works(fake.url)
        one.utterance(webm[4000:])
        reset(two.ws)
        eventually(lambda: len(decode_children()) <= 2)
    with live(fake.url) as client:
        assert "error" not in client.utterance(webm)[-1]


@pytest.mark.parametrize("name", ["mp3", "webm", "opus", "flac", "others", "silk"])
def test_audio_that_is_not_what_it_is_named(fake, name):
    """Noise that is named as a file gives an error that names the format, and no text."""
    noise = np.random.default_rng(3).integers(0, 255, 60_000, np.uint8).tobytes()
    with live(fake.url) as client:
        client.say(wav_format=name)
        results = client.utterance(noise)
        assert results[-1]["error"]["param"] == "wav_format"
        assert "mode offline" in results[-1]["error"]["message"]
        client.say(wav_format="pcm")
        assert client.utterance(speech(700))[-1]["is_final"]


def test_a_recorder_that_goes_on(fake, webm):
    """What a browser's recorder sends behind an end without a new beginning is an error, and not noise."""
    cluster = webm.index(b"\x1fC\xb6u", len(webm) // 2)
    with live(fake.url) as client:
        assert "error" not in client.utterance(webm[:cluster])[-1]
        assert "WebM" in client.utterance(webm[cluster:])[-1]["error"]["message"]
        assert "error" not in client.utterance(speech(700))[-1]


def test_damaged_packets_are_told(fake):
    """Packets that cannot be decoded are counted in a warning of the last result."""
    data = bytearray(live_codecs.file(audio_files.voice(3), "mp3"))
    for at in range(9000, 10_000):
        data[at] = 0x55
    with live(fake.url) as client:
        last = client.utterance(bytes(data))[-1]
    assert [one["code"] for one in last["warnings"]] == ["damaged_packets"]


@pytest.mark.slow
def test_hours_in_a_few_bytes(fake):
    """Compressed silence is heard as fast as it is decoded, block by block, and others are served meanwhile."""
    before = psutil.Process().memory_info().rss
    with live(fake.url) as client:
        client.send(audio_files.silent_flac(0.5))
        client.end()
        assert_works(fake.url)
        assert client.until_final()[-1]["is_final"]
    assert psutil.Process().memory_info().rss - before < 100e6
