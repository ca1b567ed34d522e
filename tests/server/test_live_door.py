"""What one client's frames can do to others: nothing. Floods of any kind, without and with keys, read and unread."""

import contextlib
import itertools
import threading
import time

import psutil
import pytest
from websockets.sync.client import connect

from paraserve.server.access.api_keys import hashed, new_key, write_keys
from support.live import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    closing_of,
    eventually,
    handshake,
    heard,
    live,
    live_sessions,
    masked_frame,
    read_frames,
    send_quietly,
    short_frame,
    speech,
)

MAX_ANSWER_S = 10.0
"""A safety net: the event loop used to stand for half a minute."""
GONE_S = 45
MAX_MEMORY_BYTES = 64_000_000
FIRST = short_frame(BINARY, b"xy", fin=False)
FLOODS = {
    "empty pings": (b"", short_frame(PING)),
    "long pings": (b"", short_frame(PING, b"p" * 125)),
    "pongs": (b"", short_frame(PONG)),
    "fragments of 2 bytes": (FIRST, short_frame(0, b"xy", fin=False)),
    "empty fragments": (FIRST, short_frame(0, fin=False)),
    "fragments of 64 bytes": (FIRST, short_frame(0, b"x" * 64, fin=False)),
    "text in fragments": (short_frame(TEXT, fin=False), short_frame(0, b"x", fin=False)),
    "pings between fragments": (FIRST, short_frame(PING) + short_frame(0, b"x" * 100, fin=False)),
    "empty messages": (b"", short_frame(BINARY)),
    "messages of 2 bytes": (b"", short_frame(BINARY, b"xy")),
    "empty texts": (b"", short_frame(TEXT)),
    "texts that are no JSON": (b"", short_frame(TEXT, b"ping")),
    "end markers": (b"", short_frame(TEXT, b'{"is_speaking":false}')),
    "closes": (b"", short_frame(CLOSE, b"\x03\xe8")),
    "bad closes": (b"", short_frame(CLOSE, b"\x00")),
    "reserved opcodes": (b"", short_frame(3)),
    "reserved bits": (b"", b"\xf2\x80\0\0\0\0"),
    "unmasked": (b"", b"\x82\x00"),
    "invalid UTF-8": (short_frame(TEXT, b"\xff"), short_frame(TEXT, b"\xff")),
    "a huge frame": (masked_frame(BINARY, b"", announced=2**40), bytes(1000)),
    "zeros": (b"", bytes(1000)),
}
BLOCK_BYTES = 500_000


class Flood:
    """Sends one thing over and over until the server hangs up."""

    def __init__(self, sock, first, unit, *, is_read):
        self._sock, self._first, self._block = sock, first, unit * (BLOCK_BYTES // len(unit))
        self._threads = [threading.Thread(target=self._send)]
        if is_read:
            self._threads.append(threading.Thread(target=self._read))
        self._stop = threading.Event()

    def __enter__(self):
        self._sock.settimeout(0.5)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._sock.close()
        for thread in self._threads:
            thread.join()

    def _send(self):
        with contextlib.suppress(OSError):
            self._sock.sendall(self._first)
        while not self._stop.is_set():
            try:
                self._sock.sendall(self._block)
            except TimeoutError:
                continue
            except OSError:
                return

    def _read(self):
        while not self._stop.is_set():
            try:
                if not self._sock.recv(65536):
                    return
            except TimeoutError:
                continue
            except OSError:
                return


@pytest.fixture(scope="module")
def flooded(start_shared_server):
    return start_shared_server(max_live=400)


@pytest.fixture(scope="module")
def key():
    return new_key()


@pytest.fixture(scope="module")
def flooded_with_keys(start_shared_server, key, tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "keys"
    write_keys(path, [hashed("one", key)])
    return start_shared_server(api_keys_file=path)


def assert_answers(server, seconds, **options):
    """Probes and an honest client are served meanwhile, and memory stays."""
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    deadline = time.monotonic() + seconds
    with live(server.url, **options) as other:
        while time.monotonic() < deadline:
            started = time.monotonic()
            assert server.get("/livez").status_code == 200
            assert other.utterance(speech(300))[-1]["text"] == heard(300)
            assert time.monotonic() - started < MAX_ANSWER_S
            assert process.memory_info().rss - before < MAX_MEMORY_BYTES
            time.sleep(0.02)


@pytest.mark.parametrize("is_read", [True, False], ids=["read", "unread"])
@pytest.mark.parametrize("name", FLOODS)
def test_flood(flooded, full, name, is_read):
    """Others are answered, and memory is bounded, whatever a client sends and whether or not it reads."""
    sock = handshake(flooded.url, receive_buffer_bytes=0 if is_read else 4096)
    with Flood(sock, *FLOODS[name], is_read=is_read):
        assert_answers(flooded, 10 if full else 0.2)
    if full:  # what it had sent is read first
        eventually(lambda: live_sessions(flooded) == 0, GONE_S)


@pytest.mark.parametrize("name", ["empty pings", "fragments of 2 bytes", "messages of 2 bytes", "zeros"])
def test_flood_without_a_key(flooded_with_keys, key, full, name):
    """A client that is being refused floods no better."""
    with Flood(handshake(flooded_with_keys.url), *FLOODS[name], is_read=False):
        options = {"additional_headers": {"authorization": f"Bearer {key}"}}
        assert_answers(flooded_with_keys, 10 if full else 0.2, **options)


@pytest.mark.slow
def test_many_floods_at_once(flooded, full):
    """Several at once are no worse."""
    with contextlib.ExitStack() as stack:
        for name, _ in zip(itertools.cycle(FLOODS), range(8), strict=False):
            stack.enter_context(Flood(handshake(flooded.url), *FLOODS[name], is_read=False))
        assert_answers(flooded, 30 if full else 1)


CLOSINGS = {
    "empty pings": (1008, b"too_many_control_frames"),
    "pongs": (1008, b"too_many_control_frames"),
    "fragments of 2 bytes": (1008, b"too_many_fragments"),
    "empty fragments": (1008, b"too_many_fragments"),
    "text in fragments": (1008, b"too_many_fragments"),
    "invalid UTF-8": (1007, None),
    "reserved opcodes": (1002, None),
    "reserved bits": (1002, None),
    "unmasked": (1002, None),
    "a huge frame": (1009, None),
}


@pytest.mark.parametrize("name", CLOSINGS)
def test_reason(flooded, name):
    """A client is told why it is cut off, though it still sends."""
    first, unit = FLOODS[name]
    code, reason = CLOSINGS[name]
    with handshake(flooded.url) as sock:
        send_quietly(sock, first + unit * 5000)
        found = closing_of(sock)
    assert found[0] == code
    assert reason in (None, found[1])


@pytest.mark.full
@pytest.mark.parametrize("name", ["empty messages", "messages of 2 bytes"])
def test_tiny_messages_have_an_end(flooded, name):
    """Tens of thousands are taken, as of a client that sends single bytes, but not for ever."""
    with handshake(flooded.url) as sock:
        sender = threading.Thread(target=send_quietly, args=(sock, FLOODS[name][1] * 200_000))
        sender.start()
        assert closing_of(sock) == (1008, b"too_many_tiny_messages")
        sender.join()


def test_refusals_are_counted(flooded):
    """By kind in the metrics, once a minute in the log."""
    pattern = 'paraserve_refusals_total{kind="too_many_control_frames"}'
    first, unit = FLOODS["empty pings"]
    before = len(refusals_in(flooded.log))
    for _ in range(3):
        with handshake(flooded.url) as sock:
            send_quietly(sock, first + unit * 5000)
            closing_of(sock)
    assert flooded.metric(pattern.replace("{", r"\{").replace("}", r"\}")) >= 3
    assert len(refusals_in(flooded.log)) <= before + 1


def refusals_in(log):
    return [line for line in log.splitlines() if "too_many_control_frames" in line and '"refused"' in line]


def test_pings_are_answered(flooded):
    """Each of a hundred pings at once, in order, with its payload, while audio comes between them."""
    payloads = [b"%d" % n for n in range(100)]
    with handshake(flooded.url) as sock:
        sock.sendall(b"".join(short_frame(PING, one) + short_frame(BINARY, b"ab" * 50) for one in payloads))
        pongs = [payload for opcode, payload in itertools.islice(read_frames(sock), 100) if opcode == PONG]
    assert pongs == payloads


def test_pings_of_a_patient_client(flooded):
    """20 pings a second for as long as it likes are no flood."""
    with connect(flooded.url.replace("http", "ws"), proxy=None, ping_interval=None) as ws:
        for _ in range(200):
            ws.ping()
        time.sleep(1)
        assert all(ws.ping().wait(5) for _ in range(20))


@pytest.mark.slow
@pytest.mark.parametrize("fragment_bytes", [4096, 65536])
def test_long_messages_in_fragments(flooded, fragment_bytes):
    """A message of 32 MiB may come in fragments of the usual sizes."""
    data = bytes(32 * 1024**2 - 1400 * 32) + speech(1400)
    fragments = [data[at : at + fragment_bytes] for at in range(0, len(data), fragment_bytes)]
    with live(flooded.url) as client:
        client.say(mode="offline")
        client.ws.send(fragments)
        client.end()
        assert client.until_final()[-1]["text"].strip()


def test_many_small_messages(flooded):
    """Thousands of messages at once, as of a client that sends a file in frames of 10 ms, are all heard."""
    frame = short_frame(BINARY, speech(3))  # 96 bytes, fewer than those that are read without a pause
    with handshake(flooded.url) as sock:
        end = short_frame(TEXT, b'{"is_end":true,"is_speaking":false}')
        sender = threading.Thread(target=sock.sendall, args=(frame * 4000 + end,))
        sender.start()
        texts = [payload for opcode, payload in read_until_end(sock) if opcode == TEXT]
        sender.join()
    assert heard(12_000).encode() in b"".join(texts)


def read_until_end(sock):
    for opcode, payload in read_frames(sock):
        yield opcode, payload
        if b'"is_end"' in payload:
            return


@pytest.mark.parametrize(
    "pieces",
    [(b"\xce\xba\xe1", b"\xff"), (b"a", b"\xed\xa0\x80"), (b"\xf4\x90", b"x"), ("é".encode()[:1], "é".encode()[:1])],
)
def test_invalid_text_is_refused_at_once(flooded, pieces):
    """Without waiting for the end of the message."""
    with handshake(flooded.url) as sock:
        sock.sendall(short_frame(TEXT, pieces[0], fin=False) + short_frame(0, pieces[1], fin=False))
        assert closing_of(sock)[0] == 1007


def test_text_may_be_cut_within_characters(flooded):
    """Fragments end where they like."""
    text = '{"wav_name":"今天é🎤"}'.encode()
    with handshake(flooded.url) as sock:
        sock.sendall(short_frame(TEXT, text[:1], fin=False))
        for place in range(1, len(text)):
            sock.sendall(short_frame(0, text[place : place + 1], fin=False))
        sock.sendall(short_frame(0) + short_frame(TEXT, b'{"is_speaking":false}'))
        assert "今天é🎤" in next(read_frames(sock))[1].decode()
