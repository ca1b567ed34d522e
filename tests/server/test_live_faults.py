"""Clients that vanish, stall, flood or talk nonsense: a clear error, all state released, others untouched."""

import contextlib
import json
import threading
import time

import numpy as np
import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from fakes import FakeEngine
from live import handshake, heard, live, masked_frame, read_frames, reset, silence, speech
from paraserve.errors import InferenceError

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
SETTLE_S = 15


@pytest.fixture
def engine():
    return FakeEngine()


@pytest.fixture
def server(serve_app, engine):
    with serve_app(engine, max_live=400) as running:
        yield running


def eventually(is_so):
    """Within seconds."""
    deadline = time.monotonic() + SETTLE_S
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert is_so()


def live_sessions(server):
    return server.metric("paraserve_live_sessions")


def assert_works(url):
    with live(url) as client:
        assert client.utterance(speech(700))[-1]["text"] == heard(700)


# Messages that cannot be obeyed


NONSENSE = {
    "not JSON": ("START", "invalid_json", None),
    "cut off": ('{"mode":', "invalid_json", None),
    "deep": ("[" * 100_000, "invalid_json", None),
    "a list": ("[1,2]", "invalid_message", None),
    "a number": ("5", "invalid_message", None),
    "audio as text": ("AAAA" * 1000, "invalid_json", None),
    "too long": (json.dumps({"wav_name": "x" * 1_000_001}), "message_too_large", None),
    "unknown mode": ('{"mode":"both"}', "unknown_mode", "2pass-offline"),
    "mode of another type": ('{"mode":2}', "invalid_value", "2pass-offline"),
    "chunk_size": ('{"mode":"online","chunk_size":[5,0,5]}', "invalid_value", "2pass-offline"),
    "half a character": ('{"wav_name":"\\ud800"}', "invalid_value", "2pass-offline"),
    "is_speaking as text": ('{"is_speaking":"false"}', "invalid_value", "2pass-offline"),
    "hotwords": ('{"hotwords":["a"]}', "invalid_value", "2pass-offline"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense(server, name):
    """A result without text and with `error`; the socket stays, and the message has changed nothing."""
    text, code, _ = NONSENSE[name]
    with live(server.url) as client:
        client.say(wav_name="mine")
        client.send(speech(400))
        client.ws.send(text)
        refused = client.receive()
        assert (refused["mode"], refused["text"], refused["wav_name"], refused["is_final"]) == (
            "2pass-offline",
            "",
            "mine",
            True,
        )
        assert set(refused["error"]) == {"code", "message", "request_id"}
        assert refused["error"]["code"] == code
        messages = client.utterance(speech(600))
        assert (messages[-1]["text"], messages[-1]["wav_name"]) == (heard(1000), "mine")


def test_end_marker_with_a_mistake(server):
    """It is an end marker all the same; the acknowledgement says what was wrong."""
    with live(server.url) as client:
        client.send(speech(700))
        client.end(is_end=True, audio_fs="fast")
        messages = [client.receive() for _ in range(4)]
        refused, *_, final, acknowledgement = messages
        assert "error" in refused or "error" in messages[1]
        assert (final["text"], final["is_final"]) == (heard(700), True)
        assert acknowledgement["error"].startswith("audio_fs must be a number")


def test_request_id(server):
    """A client's own id comes back in its errors."""
    with live(server.url, additional_headers={"X-Request-Id": "call-7"}) as client:
        client.ws.send("nonsense")
        assert client.receive()["error"]["request_id"] == "call-7"


HOSTILE_KEYS = (
    *("mode", "wav_name", "wav_format", "audio_fs", "chunk_size", "chunk_interval", "encoder_chunk_look_back"),
    *("decoder_chunk_look_back", "is_speaking", "is_finished", "is_end", "hotwords", "itn", "svs_lang", "svs_itn"),
    *("vad_tail_sil", "max_single_segment_time", "speech_noise_thres", "deterministic", "punctuate", "timing"),
)
HOSTILE_VALUES = (
    *("null", "[]", "{}", "-1", "1e400", "NaN", "1.5", '"\\ud83d"', '"\\u0000"', "[[[[[]]]]]", '{"a":{"b":[null]}}'),
    *(
        '"' + "x" * 70_000 + '"',
        '"１２"',
        '"é́' * 1 + '"',
        "9" * 4000,
        '"-"',
        '["5","10"]',
        '{"\\udfff":1}',
        '"; DROP"',
    ),
)


def hostile_messages(n):
    """Each key with each value first, then seeded mixtures of several."""
    pairs = [(key, value) for key in HOSTILE_KEYS for value in HOSTILE_VALUES]
    rng = np.random.default_rng(3)
    order = rng.permutation(len(pairs))
    for k in range(n):
        n_keys = 1 if k < len(pairs) else int(rng.integers(2, 6))
        chosen = [pairs[order[k % len(pairs)]], *(pairs[i] for i in rng.integers(0, len(pairs), n_keys - 1))]
        yield "{" + ",".join(f'"{key}":{value}' for key, value in chosen) + "}"


def test_hostile_first_messages(server, full):
    """Each gets an error with a code or is harmless; the connection's audio is recognised after it."""
    n_errors = n_messages = 0
    for text in hostile_messages(2000 if full else 200):
        n_messages += 1
        with live(server.url) as client:
            client.ws.send(text)
            client.say(mode="2pass", wav_format="pcm", audio_fs=16000, wav_name="w")
            client.send(speech(200))
            client.end(is_end=False)
            messages = [client.receive()]
            while messages[-1]["text"] != heard(200):
                messages.append(client.receive())
            errors = [m["error"] for m in messages if "error" in m]
            assert all(error["code"] in {"invalid_value", "invalid_json", "unknown_mode"} for error in errors)
            n_errors += bool(errors)
    assert n_errors > 0.7 * n_messages
    assert_works(server.url)


# Frames that are too big, connections that are too many or too long


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


def test_announced_frame_over_the_limit(server):
    """2^40 bytes announced: refused before they come."""
    with handshake(server.url) as sock:
        sock.sendall(masked_frame(BINARY, b"", announced=2**40))
        assert closing_of(sock)[0] == 1009
    eventually(lambda: live_sessions(server) == 0)


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
def test_broken_frames(server, frame, code):
    """What is not WebSocket is closed with the code that the standard has for it."""
    with handshake(server.url) as sock:
        sock.sendall(masked_frame(BINARY, speech(300)) + frame)
        assert closing_of(sock)[0] == code
    eventually(lambda: live_sessions(server) == 0)


def test_frame_at_the_limit(server):
    """32 MiB in one frame: 17 minutes of audio, as good as in small ones."""
    audio = speech(200) + silence(300)
    with live(server.url) as client:
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


def test_session_over_the_limit(serve_app, engine):
    """Its utterance is ended and answered, then 1008."""
    with serve_app(engine, max_session_s=1.5) as server, live(server.url) as client:
        client.send(speech(700))
        assert client.until_final()[-1]["text"] == heard(700)
        assert client.close_code() == (1008, "session_too_long")


# Clients that vanish


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
def test_vanishing(server, engine, leave):
    """Nothing is left of it, and nobody else notices."""
    with live(server.url) as other:
        other.send(speech(500))
        leave(server.url)
        eventually(lambda: live_sessions(server) == 1)
        assert other.utterance(speech(500))[-1]["text"] == heard(1000)
    eventually(lambda: engine.open_streams == 0)


@pytest.mark.parametrize("mode", ["2pass", "offline"])
def test_vanishing_while_recognised(server, engine, mode):
    """What runs for it is cancelled."""
    engine.is_held = True
    with live(server.url) as client:
        client.say(mode=mode)
        client.send(speech(1000))
        client.end()
        eventually(lambda: engine.started == 1)
        reset(client.ws)
        eventually(lambda: (engine.cancelled, engine.open_streams, live_sessions(server)) == (1, 0, 0))


def test_half_open(serve_app, engine):
    """A peer that does not answer pings is gone after the timeout, whatever it was in the middle of."""
    with serve_app(engine, ping_interval_s=0.5, ping_timeout_s=1.5) as server:
        with handshake(server.url) as sock:
            sock.sendall(masked_frame(BINARY, speech(300)))
            eventually(lambda: live_sessions(server) == 1)
            eventually(lambda: (live_sessions(server), engine.open_streams) == (0, 0))
        assert_works(server.url)


def test_a_client_that_is_waited_for_is_not_half_open(serve_app, engine):
    """Its pongs lie behind audio that we have not read: it stays."""
    engine.is_held = True
    with serve_app(engine, ping_interval_s=0.2, ping_timeout_s=1.5) as server, live(server.url) as client:
        sending = threading.Thread(target=client.send, args=((speech(800) + silence(400)) * 800, 6400))
        sending.start()
        time.sleep(2.5)
        assert sending.is_alive()
        engine.is_held = False
        sending.join(60)
        client.end()
        assert [m["text"].strip() for m in client.until_final()].count(heard(800)) == 800


def test_many_vanishing_clients(start_fake_server, full):
    """Descriptors, sessions and temporary files are what they were."""
    server = start_fake_server(max_live=1000)
    for leave in VANISHING:
        leave(server.url)
    eventually(lambda: live_sessions(server) == 0)
    process = psutil.Process(server.process.pid)
    before = process.num_fds()
    for k in range(1000 if full else 100):
        VANISHING[k % len(VANISHING)](server.url)
    eventually(lambda: live_sessions(server) == 0)
    eventually(lambda: process.num_fds() <= before)
    assert list(server.temp_dir.iterdir()) == []
    assert_works(server.url)
    assert "Traceback" not in server.log


def test_no_task_is_left(server):
    """The event loop has as many tasks as before, whatever a client was doing when it left."""
    leave_by_reset(server.url)
    eventually(lambda: live_sessions(server) == 0)
    before = server.n_tasks()
    for leave in VANISHING * 2:
        leave(server.url)
    eventually(lambda: live_sessions(server) == 0)
    eventually(lambda: server.n_tasks() <= before)


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


# Clients that do not read


FLOOD_OF_SEGMENTS = masked_frame(BINARY, (speech(100) + silence(300)) * 2000) * 10


def closing_of(sock):
    """Code and reason of the server's close frame, behind the results that were never read."""
    payload = next(payload for opcode, payload in read_frames(sock) if opcode == CLOSE)
    return int.from_bytes(payload[:2]), payload[2:]


def test_partials_become_fewer(server):
    """A client that is behind gets in one partial what would have been many; nothing is missing."""
    n_chunks = 10_000
    with handshake(server.url, receive_buffer_bytes=4096) as sock:
        sock.sendall(masked_frame(TEXT, b'{"mode":"online","chunk_size":[0,1,0]}'))
        sock.sendall(masked_frame(BINARY, speech(60 * n_chunks)))
        sock.sendall(masked_frame(TEXT, b'{"is_speaking":false}'))
        time.sleep(2)
        messages = []
        for _, payload in read_frames(sock):
            messages.append(json.loads(payload))
            if messages[-1]["is_final"]:
                break
    assert "".join(m["text"] for m in messages) == "<960>" * n_chunks
    assert len(messages) < n_chunks / 2


def test_slow_reader_gets_everything(server):
    """No final is lost to a client that reads late."""
    n_segments = 200
    with live(server.url) as client:
        client.send((speech(700) + silence(300)) * n_segments, 64_000)
        client.end()
        time.sleep(1)
        messages = client.until_final()
    assert [m["text"].strip() for m in messages if m["mode"] == "2pass-offline"] == [heard(700)] * n_segments + [""]


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
    process = psutil.Process(server.process.pid)
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


def send_quietly(sock, data):
    with contextlib.suppress(OSError):
        sock.sendall(data)


def test_flood(start_fake_server):
    """A client that sends much faster than real time is slowed down; memory stays bounded; all is recognised."""
    server = start_fake_server()
    assert_works(server.url)
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    with live(server.url) as client:
        for _ in range(40):
            client.send(silence(60_000), 3840)
        messages = client.utterance(speech(700))
        assert messages[-1]["text"] == heard(700)
    assert process.memory_info().rss - before < 40_000_000


def test_flood_of_nonsense(server):
    """Each message is answered."""
    with live(server.url) as client:
        for _ in range(1000):
            client.ws.send("nonsense")
            client.receive()
        assert client.utterance(speech(700))[-1]["text"] == heard(700)


def test_flood_of_nonsense_that_is_not_read(serve_app, engine):
    """Answers that nobody reads are not kept for ever: 1013."""
    with serve_app(engine, send_timeout_s=1) as server, handshake(server.url, receive_buffer_bytes=4096) as sock:
        sender = threading.Thread(target=send_quietly, args=(sock, masked_frame(TEXT, b"nonsense") * 300_000))
        sender.start()
        eventually(lambda: server.metric("paraserve_live_sessions") == 1)
        eventually(lambda: live_sessions(server) == 0)
        assert closing_of(sock) == (1013, b"slow_client")
        sender.join()


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


def test_pings_of_the_client_while_it_waits(server, engine):
    """Answered while its own utterance is being recognised."""
    engine.is_held = True
    with connect(server.url.replace("http", "ws"), proxy=None) as ws:
        ws.send(speech(700))
        ws.send('{"is_speaking":false}')
        eventually(lambda: engine.started == 1)
        assert ws.ping().wait(5)
        engine.is_held = False
        assert json.loads(ws.recv(10))["text"]
