"""Frames that are too big or broken, connections that are too many or too long."""

import contextlib

import pytest
from websockets.exceptions import ConnectionClosed

from support.live import (
    BINARY,
    PING,
    TEXT,
    assert_works,
    closing_of,
    eventually,
    handshake,
    heard,
    live,
    live_sessions,
    masked_frame,
    silence,
    speech,
)


@pytest.mark.slow
def test_frame_over_the_limit(serve_app, engine):
    """Closed with 1009, which a client that is still sending gets to see."""
    with serve_app(engine, max_frame_bytes=1_000_000) as server:
        for n_bytes in (1_000_001, 50_000_000):
            with live(server.url) as client:
                client.say(wav_name="big")
                with contextlib.suppress(ConnectionClosed):
                    client.ws.send(bytes(n_bytes))
                assert client.close_code()[0] == 1009
        eventually(lambda: live_sessions(server) == 0)
        assert_works(server.url)


def test_client_that_sends_all_of_a_big_frame_before_it_reads(serve_app, engine):
    """It gets the close frame, too, not a broken connection."""
    with serve_app(engine, max_frame_bytes=1_000_000) as server, handshake(server.url) as sock:
        sock.sendall(masked_frame(BINARY, bytes(50_000_000)))
        assert closing_of(sock)[0] == 1009


def test_announced_frame_over_the_limit(fake_server):
    """2^40 bytes announced: refused before they come."""
    with handshake(fake_server.url) as sock:
        sock.sendall(masked_frame(BINARY, b"", announced=2**40))
        assert closing_of(sock)[0] == 1009
    eventually(lambda: live_sessions(fake_server) == 0)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (masked_frame(TEXT, b"\xff\xfe"), 1007),
        (b"\x82\x02no", 1002),
        (masked_frame(5, b""), 1002),
        (masked_frame(PING, bytes(200)), 1002),
    ],
    ids=["text that is not UTF-8", "not masked", "unknown opcode", "long ping"],
)
def test_broken_frames(fake_server, frame, code):
    """What is not WebSocket is closed with the code that the standard has for it."""
    with handshake(fake_server.url) as sock:
        sock.sendall(masked_frame(BINARY, speech(300)) + frame)
        assert closing_of(sock)[0] == code
    eventually(lambda: live_sessions(fake_server) == 0)


def test_frame_at_the_limit(fake_server):
    """32 MiB in one frame: 17 minutes of audio, as good as in small ones."""
    audio = speech(200) + silence(300)
    with live(fake_server.url) as client:
        client.send(audio + bytes(32 * 1024**2 - len(audio)))
        client.end()
        assert [m["text"] for m in client.until_final()][-2:] == [heard(200), ""]


def test_file_over_the_limit(serve_app, engine):
    """A file in mode offline has the limit of uploads: an error result, then 1009."""
    with serve_app(engine, max_upload_bytes=100_000) as server, live(server.url) as client:
        client.say(mode="offline", wav_format="mp3")
        client.send(bytes(100_001), 10_000)
        assert client.receive()["error"]["code"] == "file_too_large"
        assert client.close_code() == (1009, "file_too_large")


def test_recording_over_the_limit(serve_app, engine):
    """Raw audio in mode offline has the limit on duration: an error in place of the result, and the next is taken."""
    with serve_app(engine, max_duration_s=2) as server, live(server.url) as client:
        client.say(mode="offline")
        (refused,) = client.utterance(speech(5000))
        assert refused["error"]["code"] == "audio_too_long"
        assert [m["text"] for m in client.utterance(speech(1000))] == [heard(1000)]


def test_too_many_connections(serve_app, engine):
    """Told and closed with 1013; a place that becomes free is given to the next."""
    with serve_app(engine, max_live=2) as server:
        with live(server.url), live(server.url), live(server.url) as third:
            refused = third.receive()
            assert (refused["error"]["code"], refused["is_final"]) == ("overloaded", True)
            assert third.close_code() == (1013, "overloaded")
            assert live_sessions(server) == 2
        eventually(lambda: live_sessions(server) == 0)
        assert_works(server.url)


@pytest.mark.slow
def test_session_over_the_limit(serve_app, engine):
    """Its utterance is ended and answered, then 1008."""
    with serve_app(engine, max_session_s=1.5) as server, live(server.url) as client:
        client.send(speech(700))
        assert client.until_final()[-1]["text"] == heard(700)
        assert client.close_code() == (1008, "session_too_long")
