"""Clients, and models, that vanish: all state is released, others are untouched."""

import threading
import time

import pytest

from paraserve.errors import InferenceError
from support.fakes import FakeEngine
from support.live import (
    BINARY,
    TEXT,
    assert_works,
    closing_of,
    eventually,
    handshake,
    heard,
    live,
    live_sessions,
    masked_frame,
    reset,
    send_quietly,
    silence,
    speech,
)


def leave_by_reset(url):
    with live(url) as client:
        client.send(speech(300))
        reset(client.ws)


def leave_by_fin(url):
    with handshake(url) as sock:
        sock.sendall(masked_frame(TEXT, b'{"mode":"online"}') + masked_frame(BINARY, speech(300)))


def leave_after_end_marker(url):
    with live(url) as client:
        client.send(speech(300))
        client.end(is_end=True)
        reset(client.ws)


def leave_offline(url):
    with live(url) as client:
        client.say(mode="offline", wav_format="wav")
        client.send(bytes(400_000))
        reset(client.ws)


def leave_in_the_middle_of_a_frame(url):
    with handshake(url) as sock:
        sock.sendall(masked_frame(BINARY, bytes(1000), announced=100_000))


def leave_at_the_door(url):
    handshake(url).close()


VANISHING = (
    leave_by_reset,
    leave_by_fin,
    leave_after_end_marker,
    leave_offline,
    leave_in_the_middle_of_a_frame,
    leave_at_the_door,
)


@pytest.mark.parametrize("leave", VANISHING)
def test_vanishing(fake_server, engine, leave):
    """Nothing is left of it, and nobody else notices."""
    with live(fake_server.url) as other:
        other.send(speech(500))
        leave(fake_server.url)
        eventually(lambda: live_sessions(fake_server) == 1)
        assert other.utterance(speech(500))[-1]["text"] == heard(1000)
    eventually(lambda: engine.open_streams == 0)


@pytest.mark.parametrize("mode", ["2pass", "offline"])
def test_vanishing_while_recognised(fake_server, engine, mode):
    """What runs for it is cancelled."""
    engine.is_held = True
    with live(fake_server.url) as client:
        client.say(mode=mode)
        client.send(speech(1000))
        client.end()
        eventually(lambda: engine.started == 1)
        reset(client.ws)
        eventually(lambda: (engine.cancelled, engine.open_streams, live_sessions(fake_server)) == (1, 0, 0))


@pytest.mark.slow
def test_half_open(serve_app, engine):
    """A peer that does not answer pings is gone after the timeout, whatever it was in the middle of."""
    with serve_app(engine, ping_interval_s=0.5, ping_timeout_s=4.0) as server:
        with handshake(server.url) as sock:
            sock.sendall(masked_frame(BINARY, speech(300)))
            eventually(lambda: live_sessions(server) == 1)
            eventually(lambda: (live_sessions(server), engine.open_streams) == (0, 0))
        assert_works(server.url)


@pytest.mark.slow
def test_a_client_that_is_waited_for_is_not_half_open(serve_app, engine):
    """Its pongs lie behind audio that we have not read: it stays."""
    engine.is_held = True
    with serve_app(engine, ping_interval_s=0.2, ping_timeout_s=4.0) as server, live(server.url) as client:
        sending = threading.Thread(target=client.send, args=((speech(800) + silence(400)) * 800, 6400))
        sending.start()
        time.sleep(6.0)
        assert sending.is_alive()
        engine.is_held = False
        sending.join(60)
        client.end()
        assert [m["text"].strip() for m in client.until_final()].count(heard(800)) == 800


@pytest.mark.slow
def test_many_vanishing_clients(start_fake_server, full):
    """Descriptors, sessions and temporary files are what they were."""
    server = start_fake_server(max_live=1000)
    for leave in VANISHING:
        leave(server.url)
    eventually(lambda: live_sessions(server) == 0)
    process = server.worker
    before = process.num_fds()
    for k in range(1000 if full else 100):
        VANISHING[k % len(VANISHING)](server.url)
    eventually(lambda: live_sessions(server) == 0)
    eventually(lambda: process.num_fds() <= before)
    assert list(server.temp_dir.iterdir()) == []
    assert_works(server.url)
    assert "Traceback" not in server.log


def test_no_task_is_left(fake_server):
    """The event loop has as many tasks as before, whatever a client was doing when it left."""
    leave_by_reset(fake_server.url)
    eventually(lambda: live_sessions(fake_server) == 0)
    before = fake_server.n_tasks()
    for leave in VANISHING * 2:
        leave(fake_server.url)
    eventually(lambda: live_sessions(fake_server) == 0)
    eventually(lambda: fake_server.n_tasks() <= before)


@pytest.mark.slow
def test_vanishing_model(serve_app):
    """A model that fails while much more waits for it: the client is told, and nothing of it is left."""
    engine = FakeEngine(is_held=True, error=InferenceError("broken"))
    flood = masked_frame(BINARY, (speech(800) + silence(400)) * 5) * 500
    with serve_app(engine) as server:
        with handshake(server.url) as sock:
            sender = threading.Thread(target=send_quietly, args=(sock, flood))
            sender.start()
            sender.join(1)
            assert sender.is_alive(), "not so much that it waits"
            engine.is_held = False
            assert closing_of(sock) == (1011, b"inference_failed")
            eventually(lambda: (live_sessions(server), engine.open_streams) == (0, 0))
        sender.join()
