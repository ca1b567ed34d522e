"""SIGTERM under live load: every utterance gets its last result, every client 1012, and the process ends with 0."""

import contextlib
import json
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection

import pytest
from websockets.exceptions import ConnectionClosed

from support.audio_files import pcm_wav
from support.live import address_of, handshake, heard, live, masked_frame, silence, speech

FRAME_MS = 20
BINARY = 2


@dataclass
class Goodbye:
    """What a client got to see, and what it should have."""

    expected: set[str] = field(default_factory=set)
    messages: list[dict] = field(default_factory=list)
    close: tuple[int, str] = (0, "")

    def read(self, client) -> None:
        """Everything until the server closes."""
        try:
            while True:
                self.messages.append(json.loads(client.ws.recv(30)))
        except ConnectionClosed:
            self.close = (client.ws.close_code, client.ws.close_reason)

    @property
    def finals(self) -> list[str]:
        return [m["text"].strip() for m in self.messages if m["is_final"]]


def speak_until_told(url, ready, stopped):
    """A microphone that goes on and on: what it said before the signal is in the last result."""
    seen = Goodbye()
    with live(url) as client:
        reader = threading.Thread(target=seen.read, args=(client,))
        reader.start()
        n_frames = n_before = 0
        while reader.is_alive():
            try:
                client.send(speech(FRAME_MS))
            except ConnectionClosed:
                break
            n_frames += 1
            if not stopped.is_set():
                n_before = n_frames
            if n_frames == 10:
                ready()
            time.sleep(FRAME_MS / 1000)
        reader.join()
    seen.expected = {heard(n * FRAME_MS) for n in range(n_before, n_frames + 1)}
    return seen


def fall_silent(url, ready, stopped):
    """Said something and went quiet, without an end marker."""
    seen = Goodbye(expected={heard(500)})
    with live(url) as client:
        client.send(speech(500), 640)
        ready()
        seen.read(client)
    return seen


def end_at_the_same_time(url, ready, stopped):
    """Its end marker is on its way together with the signal."""
    seen = Goodbye(expected={heard(700)})
    with live(url) as client:
        client.send(speech(300), 640)
        ready()
        stopped.wait()
        client.send(speech(400), 640)
        client.end(is_end=True)
        seen.read(client)
        assert [m["is_final"] for m in seen.messages if m.get("is_end")] in ([True], [])
        seen.messages = [m for m in seen.messages if not m.get("is_end")]
    return seen


def send_a_recording(url, ready, stopped):
    """In the middle of a recording in mode offline."""
    seen = Goodbye(expected={heard(3000)})
    with live(url) as client:
        client.say(mode="offline")
        client.send(speech(3000), 1920)
        ready()
        seen.read(client)
    return seen


def send_faster_than_real_time(url, ready, stopped):
    """Minutes of audio at once: all of it is heard."""
    seen = Goodbye(expected={""})
    with live(url) as client:
        client.send((speech(700) + silence(300)) * 100, 64_000)
        ready()
        seen.read(client)
        texts = [m["text"].strip() for m in seen.messages if m["mode"] == "2pass-offline"]
        assert texts == [heard(700)] * 100 + [""]
    return seen


def listen_only(url, ready, stopped):
    """Between two utterances there is nothing to say."""
    seen = Goodbye()
    with live(url) as client:
        client.utterance(speech(300))
        ready()
        seen.read(client)
    return seen


CLIENTS = (
    speak_until_told,
    fall_silent,
    end_at_the_same_time,
    send_a_recording,
    send_faster_than_real_time,
    listen_only,
)


def stop_under_load(server):
    """Start all clients, send SIGTERM while they are busy; gives what they saw."""
    waiting = threading.Semaphore(0)
    stopped = threading.Event()
    with ThreadPoolExecutor(len(CLIENTS)) as pool:
        futures = [pool.submit(client, server.url, waiting.release, stopped) for client in CLIENTS]
        for _ in CLIENTS:
            assert waiting.acquire(timeout=20)
        server.process.send_signal(signal.SIGTERM)
        stopped.set()
        return {client.__name__: future.result(40) for client, future in zip(CLIENTS, futures, strict=True)}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_restarts_under_live_load(start_fake_server, full):
    """No last result is lost, in any phase of an utterance."""
    for _ in range(100 if full else 3):
        server = start_fake_server(drain_timeout_s=20)
        started = time.monotonic()
        for name, seen in stop_under_load(server).items():
            assert seen.close == (1012, "shutting_down"), name
            if name == "listen_only":
                assert seen.messages == []
            else:
                assert len(seen.finals) == 1, name
                assert seen.finals[0] in seen.expected, name
        assert server.wait(10) == 0
        assert time.monotonic() - started < 20
        assert "Traceback" not in server.log


@pytest.mark.slow
def test_restart_with_real_models(start_server, samples):
    """What was heard until then is in the segments' texts, of which the last is final."""
    sample = samples["zh_phone"]
    server = start_server()
    seen = Goodbye()
    with live(server.url) as client:
        client.say(itn=False, punctuate=False)
        client.send(sample.data, 1920)
        server.process.send_signal(signal.SIGTERM)
        seen.read(client)
    assert seen.close == (1012, "shutting_down")
    assert "".join(m["text"] for m in seen.messages if m["mode"] == "2pass-offline") == sample.text
    assert len(seen.finals) == 1
    assert server.wait(10) == 0


@pytest.mark.slow
def test_nobody_is_let_in_while_it_ends(start_fake_server):
    """While a live session ends nobody is let in, and an upload on an open connection is served as the last one."""
    server = start_fake_server()
    with live(server.url) as client, contextlib.closing(HTTPConnection(*address_of(server.url))) as http:
        assert asked(http, "/readyz")[0] == 200
        speaking = threading.Event()
        sender = threading.Thread(target=speak_for, args=(client, 5, speaking))
        sender.start()
        assert speaking.wait(10)
        server.process.send_signal(signal.SIGTERM)
        while is_let_in(server.url):
            time.sleep(0.01)
        assert sender.is_alive()
        assert asked(http, "/readyz")[0] == 503
        http.request("POST", "/transcribe", pcm_wav(speech(700)))
        answer = http.getresponse()
        assert (answer.status, answer.getheader("Connection")) == (200, "close")
        assert json.loads(answer.read())["text"] == heard(700)
        assert client.until_final()[-1]["is_final"]
        assert client.close_code() == (1012, "shutting_down")
        sender.join()
    assert server.wait(10) == 0


def asked(http, path):
    """Status and body, over a connection that stays open."""
    http.request("GET", path)
    answer = http.getresponse()
    return answer.status, json.loads(answer.read())


def is_let_in(url):
    """Whether the server takes connections."""
    try:
        socket.create_connection(address_of(url), 5).close()
    except OSError:
        return False
    return True


def speak_for(client, seconds, speaking):
    for _ in range(seconds * 1000 // FRAME_MS):
        try:
            client.send(speech(FRAME_MS))
        except ConnectionClosed:
            return
        speaking.set()
        time.sleep(FRAME_MS / 1000)


@pytest.mark.slow
def test_stalled_client_at_the_end(start_fake_server):
    """A client that reads nothing delays the end by `drain_timeout_s` and no more."""
    server = start_fake_server(drain_timeout_s=1, send_timeout_s=60)
    with handshake(server.url, receive_buffer_bytes=4096) as sock:
        frames = masked_frame(BINARY, (speech(100) + silence(300)) * 200)
        sock.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            while True:
                sock.sendall(frames)
        server.process.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0  # a busy machine is slow, and the limit of a send is 60 s
