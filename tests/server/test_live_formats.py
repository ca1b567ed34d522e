"""Files and codecs that live clients send: decoded as they arrive, or refused by their names."""

import json
import socket

import numpy as np
import pytest

from support import audio_files
from support.fakes import FakeEngine
from support.live import TEXT, live, masked_frame, read_frames, shake_hands, speech

ALAW_8000, MULAW_8000 = b"\x8a", b"\xa0"
"""The codes of samples near 8000 of 32768 (ITU-T G.711, tables 1a and 2a)."""
WITH_THEIR_INDEX_LAST = {"m4a", "m4a-alac", "mp4", "3gp-amr", "mov-pcm", "caf-alac"}
"""Files that cannot be read before their end is there."""
NAMES = [one.name for one in audio_files.ENCODINGS]


@pytest.fixture(scope="module")
def url(serve_app):
    with serve_app(FakeEngine()) as client:
        yield client.url


def n_heard(messages):
    """Samples that reached the recognizer."""
    return sum(int(m["text"].split("x")[0]) for m in messages if "offline" in m["mode"] and m["text"].strip())


@pytest.mark.parametrize("mode", ["2pass", "online", "offline"])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_sent_as_raw_audio(url, mode, name):
    """Each is decoded as it arrives, or refused by a name and what to do; mode offline decodes them all."""
    data = audio_files.encode_voice(audio_files.encoding(name), 2)
    with live(url) as client:
        client.say(mode=mode)
        messages = client.utterance(data, frame_bytes=4800)
        error = messages[-1].get("error")
        if mode == "offline" or name not in WITH_THEIR_INDEX_LAST:
            assert error is None
            assert mode == "online" or abs(n_heard(messages) - 32_000) < 3_200
        elif error is not None:
            assert error["code"] == "invalid_audio"
            assert "mode offline" in error["message"]
        else:
            assert mode == "online" or n_heard(messages) > 0  # so short that it was all there at once
        assert client.utterance(speech(700))[-1]["is_final"]
        client.assert_silent(0.05)


def test_a_file_in_small_frames(url):
    """Its first bytes may come one by one."""
    data = audio_files.encode_voice(audio_files.encoding("webm"), 1)
    with live(url) as client:
        client.send(data[:400], frame_bytes=1)
        assert abs(n_heard(client.utterance(data[400:])) - 16_000) < 1_600
        (refused,) = client.utterance(audio_files.not_audio()["zip"], frame_bytes=3)
        assert "ZIP" in refused["error"]["message"]


@pytest.mark.parametrize("mode", ["2pass", "offline"])
@pytest.mark.parametrize("rate", [None, 16_000, 8000])
@pytest.mark.parametrize(
    ("name", "code"), [("alaw", ALAW_8000), ("PCMA", ALAW_8000), ("mulaw", MULAW_8000), ("ulaw", MULAW_8000)]
)
def test_telephony(url, mode, rate, name, code):
    """Raw G.711 is one byte a sample, 8,000 a second, even where a client names 16 kHz from habit."""
    with live(url) as client:
        client.say(mode=mode, wav_format=name, **({} if rate is None else {"audio_fs": rate}))
        messages = client.utterance(code * 8400, frame_bytes=160)
        assert not any("error" in m for m in messages)
        (text,) = [m["text"].strip() for m in messages if m["text"].strip() and m["mode"] == "2pass-offline"]
        n_samples, level = text.split("x")
        assert abs(int(n_samples) - 16_800) < 400
        assert int(level) / 1000 == pytest.approx(8000 / 32768, rel=0.2)


@pytest.mark.parametrize("asked", [None, 8000, 16_000, 48_000])
def test_the_rate_of_a_wav_header_counts(url, asked):
    """A client that names another rate is told so; one that names none, or the right one, is told nothing."""
    with live(url) as client:
        client.say(mode="2pass", **({} if asked is None else {"audio_fs": asked}))
        messages = client.utterance(audio_files.pcm_wav(b"\xb8\x0b" * 8400, sample_rate=8000))
    told = [(one["code"], one["param"]) for m in messages for one in m.get("warnings", [])]
    assert told == ([("not_honoured", "audio_fs")] if asked in (16_000, 48_000) else [])
    (text,) = [m["text"].strip() for m in messages if m["text"].strip() and m["mode"] == "2pass-offline"]
    assert abs(int(text.split("x")[0]) - 16_800) < 400


def test_raw_audio_is_no_file(url):
    """Loud noise from its first sample on is heard, whatever bytes it begins with."""
    rng = np.random.default_rng(1)
    with live(url) as client:
        for _ in range(50):
            noise = rng.integers(-32768, 32767, 1600, np.int16)
            noise[0] = rng.choice(np.array([-1, -1025, -3329, 0x4449, 0x4952], np.int16))
            messages = client.utterance(noise.astype("<i2").tobytes())
            assert not any("error" in m for m in messages)


def subprotocol_of(url, offered):
    with socket.create_connection(tuple(url.removeprefix("http://").split(":"))) as sock:
        answer = shake_hands(sock, Sec_WebSocket_Protocol=offered) if offered else shake_hands(sock)
        sock.sendall(masked_frame(TEXT, b'{"is_speaking":false}'))
        assert json.loads(next(read_frames(sock))[1])["is_final"]
    headers = dict(line.lower().split(": ", 1) for line in answer.splitlines()[1:] if line)
    return headers.get("sec-websocket-protocol")


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ("", None),
        ("binary", "binary"),
        ("chat, binary", "binary"),
        ("graphql-ws", "graphql-ws"),
        ("a.b, c", "a.b"),
    ],
)
def test_subprotocol(url, offered, chosen):
    """FunASR's, else the first that the client offers: a browser fails the connection that has none of its own."""
    assert subprotocol_of(url, offered) == chosen
