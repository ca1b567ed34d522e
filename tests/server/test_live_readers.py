"""Clients that do not read, or flood: bounded memory, coalesced partials, every final or 1013."""

import contextlib
import json
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

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
    read_frames,
    send_quietly,
    silence,
    speech,
)

FLOOD_OF_SEGMENTS = masked_frame(BINARY, (speech(100) + silence(300)) * 2000) * 10


def wait_until_idle():
    """Wait until this process, in which the server is, has had nothing to do for half a second."""
    spent_s = -1.0
    while time.process_time() - spent_s > 0.05:
        spent_s = time.process_time()
        time.sleep(0.5)


@pytest.mark.slow
def test_partials_become_fewer(fake_server):
    """A client that is behind gets in one partial what would have been many; nothing is missing."""
    n_chunks = 5_000
    with handshake(fake_server.url, receive_buffer_bytes=4096) as sock:
        # So long a name is in each message that the buffers of the system do not take them all.
        asked = {"mode": "online", "chunk_size": [0, 2, 0], "wav_name": "x" * 1000}
        sock.sendall(masked_frame(TEXT, json.dumps(asked).encode()))
        sock.sendall(masked_frame(BINARY, speech(120 * n_chunks)))
        sock.sendall(masked_frame(TEXT, b'{"is_speaking":false}'))
        wait_until_idle()
        messages = []
        for _, payload in read_frames(sock):
            messages.append(json.loads(payload))
            if messages[-1]["is_final"]:
                break
    assert "".join(m["text"] for m in messages) == "<1920>" * n_chunks
    assert len(messages) < n_chunks / 2


@pytest.mark.slow
def test_slow_reader_gets_everything(fake_server):
    """No final is lost to a client that reads late."""
    n_segments = 200
    with live(fake_server.url) as client:
        client.send((speech(700) + silence(300)) * n_segments, 64_000)
        client.end()
        time.sleep(1)
        messages = client.until_final()
    assert [m["text"].strip() for m in messages if m["mode"] == "2pass-offline"] == [heard(700)] * n_segments + [""]


@pytest.mark.slow
def test_stalled_reader(serve_app, engine):
    """Finals that are not read in time end the connection with 1013; others go on."""
    with serve_app(engine, send_timeout_s=1) as server, live(server.url) as other:
        with handshake(server.url, receive_buffer_bytes=4096) as sock:
            sender = threading.Thread(target=send_quietly, args=(sock, FLOOD_OF_SEGMENTS))
            sender.start()
            eventually(lambda: engine.started > 300)
            eventually(lambda: live_sessions(server) == 1)
            assert closing_of(sock) == (1013, b"slow_client")
            assert other.utterance(speech(700))[-1]["text"] == heard(700)
            sender.join()
        eventually(lambda: engine.open_streams == 0)


@pytest.mark.full
def test_stalled_reader_that_never_comes_back(start_fake_server):
    """Its socket is given up, too."""
    server = start_fake_server(send_timeout_s=1)
    assert_works(server.url)
    process = server.worker
    before = process.num_fds()
    with handshake(server.url, receive_buffer_bytes=4096) as sock:
        sender = threading.Thread(target=send_quietly, args=(sock, FLOOD_OF_SEGMENTS))
        sender.start()
        eventually(lambda: live_sessions(server) == 0)
        deadline = time.monotonic() + 30
        while process.num_fds() > before and time.monotonic() < deadline:
            time.sleep(0.1)
        assert process.num_fds() <= before
        sender.join()


@pytest.mark.slow
def test_flood(start_fake_server):
    """A client that sends much faster than real time is slowed down; memory stays bounded; all is recognised."""
    server = start_fake_server()
    assert_works(server.url)
    process = server.worker
    before = process.memory_info().rss
    with live(server.url) as client:
        for _ in range(40):
            client.send(silence(60_000), 3840)
        messages = client.utterance(speech(700))
        assert messages[-1]["text"] == heard(700)
    assert process.memory_info().rss - before < 40_000_000


def test_flood_of_nonsense(fake_server):
    """Each message is answered."""
    with live(fake_server.url) as client:
        for _ in range(1000):
            client.ws.send("nonsense")
            client.receive()
        assert client.utterance(speech(700))[-1]["text"] == heard(700)


@pytest.mark.slow
def test_flood_of_nonsense_that_is_not_read(serve_app, engine):
    """Answers that nobody reads are not kept for ever: 1013."""
    with serve_app(engine, send_timeout_s=1) as server, handshake(server.url, receive_buffer_bytes=4096) as sock:
        sender = threading.Thread(target=send_quietly, args=(sock, masked_frame(TEXT, b"nonsense" * 20) * 100_000))
        sender.start()
        eventually(lambda: server.metric("paraserve_live_sessions") == 1)
        eventually(lambda: live_sessions(server) == 0)
        assert closing_of(sock) == (1013, b"slow_client")
        sender.join()


@pytest.mark.slow
def test_pings_under_load(start_fake_server):
    """Answered at once while other clients flood the server."""
    server = start_fake_server(max_live=50)
    stop = threading.Event()

    def flood():
        with live(server.url) as client:
            reader = threading.Thread(target=drain, args=(client.ws,))
            reader.start()
            while not stop.is_set():
                client.send((speech(700) + silence(300)) * 10, 6400)
            client.ws.close()
            reader.join()

    threads = [threading.Thread(target=flood) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        with live(server.url) as client:
            for _ in range(20):
                client.send(speech(60))
                assert client.ws.ping().wait(5)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def drain(ws):
    with contextlib.suppress(ConnectionClosed):
        while True:
            ws.recv()


def test_pings_of_the_client_while_it_waits(fake_server, engine):
    """Answered while its own utterance is being recognised."""
    engine.is_held = True
    with connect(fake_server.url.replace("http", "ws"), proxy=None) as ws:
        ws.send(speech(700))
        ws.send('{"is_speaking":false}')
        eventually(lambda: engine.started == 1)
        assert ws.ping().wait(5)
        engine.is_held = False
        assert json.loads(ws.recv(10))["text"]


@pytest.mark.slow
def test_no_pong_while_results_wait(serve_app, engine, caplog):
    """A client that reads nothing is given up by whichever limit comes first, and its connection is closed once."""
    with serve_app(engine, ping_interval_s=0.3, ping_timeout_s=0.6, send_timeout_s=1.5) as server:
        with handshake(server.url, receive_buffer_bytes=4096) as sock:
            sender = threading.Thread(target=send_quietly, args=(sock, FLOOD_OF_SEGMENTS))
            sender.start()
            eventually(lambda: engine.open_streams == 1)
            eventually(lambda: live_sessions(server) == 0)
            sender.join()
        assert_works(server.url)
    assert "Exception in ASGI application" not in caplog.text
