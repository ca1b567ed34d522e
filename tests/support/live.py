"""A live client on the `websockets` library, and audio that `FakeEngine` can tell apart."""

import contextlib
import json
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from support.fakes import text_of
from support.live_messages import check_from_server

TIMEOUT_S = 20
SETTLE_S = 15
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
"""Opcodes of WebSocket frames."""


def speech(ms: int, level: int = 8000) -> bytes:
    """Raw PCM as loud as `level` (of 32768) throughout."""
    return struct.pack("<h", level) * (16 * ms)


def silence(ms: int) -> bytes:
    """Raw PCM of nothing."""
    return bytes(32 * ms)


def heard(ms: int, level: int = 8000) -> str:
    """What `FakeEngine` says of `speech(ms, level)`."""
    return text_of(np.full(16 * ms, level / 32768, np.float32))


@dataclass
class LiveClient:
    """One connection; every message that comes must be one of those that `/asyncapi.json` describes."""

    ws: ClientConnection

    def say(self, **fields) -> None:
        """A text frame."""
        self.ws.send(json.dumps(fields))

    def send(self, data: bytes | str, frame_bytes: int = 0) -> None:
        """Audio (or raw text) in one frame, or in frames of this size."""
        step = frame_bytes or max(1, len(data))
        for start in range(0, len(data), step):
            self.ws.send(data[start : start + step])

    def end(self, **fields) -> None:
        """The end marker."""
        self.say(is_speaking=False, **fields)

    def receive(self, timeout_s: float = TIMEOUT_S) -> dict[str, object]:
        """The next message."""
        text = self.ws.recv(timeout_s)
        check_from_server("funasr", text)
        body = json.loads(text)
        assert {"mode", "text", "wav_name", "is_final"} <= set(body), body
        assert isinstance(body.get("timestamp", ""), str), body
        return body

    def until_final(self) -> list[dict[str, object]]:
        """Messages up to the first final one."""
        messages = [self.receive()]
        while not messages[-1]["is_final"]:
            messages.append(self.receive())
        return messages

    def utterance(self, audio: bytes, *, frame_bytes: int = 1920, **end) -> list[dict[str, object]]:
        """Send audio and the end marker; gives all messages up to the final one."""
        self.send(audio, frame_bytes)
        self.end(**end)
        return self.until_final()

    def close_code(self) -> tuple[int, str]:
        """Code and reason with which the server closes; results before it are passed over."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.ws.recv(TIMEOUT_S)
        return self.ws.close_code, self.ws.close_reason

    def assert_silent(self, for_s: float = 0.2) -> None:
        """Nothing more comes."""
        with contextlib.suppress(TimeoutError):
            raise AssertionError(self.ws.recv(for_s))


def address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 0


@contextlib.contextmanager
def live(url: str, path: str = "/", **options) -> Iterator[LiveClient]:
    """A connection to the server at this http:// address."""
    target = url.replace("http", "ws", 1) + path
    with connect(target, compression=None, proxy=None, open_timeout=TIMEOUT_S, **options) as ws:
        yield LiveClient(ws)


def reset(ws: ClientConnection) -> None:
    """Break the connection so that the peer gets a TCP reset."""
    ws.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    ws.socket.close()


def handshake(url: str, receive_buffer_bytes: int = 0, headers: Mapping[str, str] | None = None) -> socket.socket:
    """A socket after the WebSocket handshake, of a client that will not answer anything by itself."""
    sock = socket.socket()
    if receive_buffer_bytes:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    sock.settimeout(TIMEOUT_S)
    with contextlib.ExitStack() as stack:
        stack.callback(sock.close)
        sock.connect(address_of(url))
        shake_hands(sock, **(headers or {}))
        stack.pop_all()
    return sock


def shake_hands(sock: socket.socket, path: str = "/", **headers: str) -> str:
    """Make a WebSocket of a connection; the server's answer. A keyword is a header."""
    lines = {"host": "localhost", **headers}
    sock.sendall(
        f"GET {path} HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n".encode()
        + "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items()).encode()
        + b"\r\n"
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += sock.recv(1) or b"end\r\n\r\n"
    assert answer.startswith(b"HTTP/1.1 101 "), answer
    return answer.decode()


def masked_frame(opcode: int, payload: bytes, announced: int | None = None) -> bytes:
    """A client's frame with the mask 0; `announced` lies about its length."""
    length = len(payload) if announced is None else announced
    return struct.pack("!BBQI", 0x80 | opcode, 0x80 | 127, length, 0) + payload


def short_frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """A client's frame of at most 125 bytes with the mask 0, in as few bytes as there can be."""
    return bytes((0x80 * fin | opcode, 0x80 | len(payload), 0, 0, 0, 0)) + payload


def read_frames(sock: socket.socket) -> Iterator[tuple[int, bytes]]:
    """Opcode and payload of each frame of the server, until it closes."""
    with sock.makefile("rb") as stream:
        while head := stream.read(2):
            length = head[1]
            if length >= 126:
                (length,) = struct.unpack("!H" if length == 126 else "!Q", stream.read(2 if length == 126 else 8))
            yield head[0] & 0x0F, stream.read(length)


def eventually(is_so: Callable[[], bool], timeout_s: float = SETTLE_S) -> None:
    """Within seconds."""
    deadline = time.monotonic() + timeout_s
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert is_so()


def live_sessions(server) -> float:
    """Connections that are open, by its metrics."""
    return server.metric("paraserve_live_sessions")


def assert_works(url: str) -> None:
    """An utterance is answered."""
    with live(url) as client:
        assert client.utterance(speech(700))[-1]["text"] == heard(700)


def closing_of(sock: socket.socket) -> tuple[int, bytes]:
    """Code and reason of the server's close frame, behind the results that were never read."""
    payload = next(payload for opcode, payload in read_frames(sock) if opcode == CLOSE)
    return int.from_bytes(payload[:2]), payload[2:]


def send_quietly(sock: socket.socket, data: bytes) -> None:
    """Whether or not the other side still reads."""
    with contextlib.suppress(OSError):
        sock.sendall(data)
