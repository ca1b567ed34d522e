"""Clients that send no audio: told, and closed, after what they had said."""

import contextlib
import json
import time

import pytest
from websockets.exceptions import ConnectionClosed

from paraserve.settings import Settings
from support.fakes import FakeEngine
from support.live import eventually, handshake, heard, live, live_sessions, read_frames, speech

IDLE_S = 0.6


@pytest.fixture(scope="module")
def engine_held():
    return FakeEngine()


@pytest.fixture(scope="module")
def server(serve_app, engine_held):
    with serve_app(engine_held, live_idle_timeout_s=IDLE_S, ping_interval_s=0.1) as running:
        yield running


def messages_of(client):
    """All that comes until the server closes."""
    found = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            found.append(json.loads(client.ws.recv(20)))
    return found


def assert_told(messages, client):
    error = messages[-1]["error"]
    assert (error["code"], messages[-1]["is_final"], messages[-1]["text"]) == ("idle_timeout", False, "")
    assert (client.ws.close_code, client.ws.close_reason) == (1008, "idle_timeout")


def test_silent_from_the_start(server):
    """A client that never says anything, and answers pings, is told and closed."""
    with live(server.url) as client:
        messages = messages_of(client)
        assert len(messages) == 1
        assert_told(messages, client)
    eventually(lambda: live_sessions(server) == 0)


@pytest.mark.parametrize("mode", ["2pass", "online", "offline"])
def test_silent_within_an_utterance(server, mode):
    """What was said before gets its final text first."""
    with live(server.url) as client:
        client.say(mode=mode)
        client.send(speech(700), 1920)
        messages = messages_of(client)
    assert [m["is_final"] for m in messages if "error" not in m].count(True) == 1
    if mode != "online":
        assert messages[-2]["text"] == heard(700)
    assert_told(messages, client)


def test_messages_are_no_audio(server):
    """Settings, end markers, nonsense, empty audio and pings keep nobody in."""
    started = time.monotonic()
    with live(server.url) as client, contextlib.suppress(ConnectionClosed):
        while time.monotonic() - started < 15:
            client.say(mode="2pass")
            client.end()
            client.ws.send("nonsense")
            client.ws.send(b"")
            client.ws.ping()
            time.sleep(0.05)
            while (time.monotonic() - started) < 15 and client.receive().get("error") is None:
                pass
    assert client.ws.close_reason == "idle_timeout"


@pytest.mark.slow
def test_a_client_that_speaks_now_and_then(server):
    """Pauses shorter than the limit are fine, within an utterance and between two."""
    with live(server.url) as client:
        for _ in range(3):
            for _ in range(3):
                client.send(speech(100))
                time.sleep(IDLE_S / 2)
            client.end()
            assert client.until_final()[-1]["text"] == heard(300)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["2pass", "offline"])
def test_a_client_that_waits_for_its_text(server, engine_held, mode):
    """The time of the recognition is not the client's: it gets its text, then may go on."""
    engine_held.is_held = True
    with live(server.url) as client:
        client.say(mode=mode)
        client.send(speech(700))
        client.end()
        time.sleep(3 * IDLE_S)
        engine_held.is_held = False
        assert client.until_final()[-1]["text"] == heard(700)
        assert client.utterance(speech(500))[-1]["text"] == heard(500)


def test_never(serve_app):
    """0 switches the limit off."""
    with serve_app(FakeEngine(), live_idle_timeout_s=0) as server, live(server.url) as client:
        client.assert_silent(1.0)
        assert client.utterance(speech(500))[-1]["text"] == heard(500)


def test_vosk_clients_are_told_in_their_way(server):
    """The last result, the error, 1008."""
    with live(server.url, "/vosk") as client:
        client.ws.send(speech(300))
        messages = messages_of(client)
        assert messages[-1]["error"]["code"] == "idle_timeout"
        assert any(m.get("text") for m in messages[:-1]), messages
        assert client.ws.close_reason == "idle_timeout"


@pytest.mark.slow
def test_too_long_a_session_is_told(serve_app):
    """The oldest limit tells, too."""
    with serve_app(FakeEngine(), max_session_s=0.5) as server, live(server.url) as client:
        client.send(speech(300))
        messages = messages_of(client)
    assert [m.get("error", {}).get("code") for m in messages[-2:]] == [None, "session_too_long"]
    assert messages[-2]["text"] == heard(300)


@pytest.mark.slow
def test_half_open(serve_app):
    """A client that vanished without a word is gone after interval and timeout of pings, long before it is idle."""
    with serve_app(FakeEngine(), ping_interval_s=0.4, ping_timeout_s=0.4) as server:
        started = time.monotonic()
        with handshake(server.url) as sock:
            list(read_frames(sock))
        assert time.monotonic() - started < 5
        eventually(lambda: live_sessions(server) == 0)


def test_half_open_clients_are_gone_in_time():
    """With the default settings within 45 s."""
    settings = Settings()
    assert settings.ping_interval_s + settings.ping_timeout_s <= 45
