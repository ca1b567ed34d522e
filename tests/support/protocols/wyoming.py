"""The Wyoming protocol, on a socket, by its own library's reading and writing of events."""

import contextlib
import io
import json
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from wyoming.event import Event as WireEvent
from wyoming.event import read_event, write_event

from support.protocols.said import Closed, End, Event, Final, Partial, Problem, Target, narrow_socket

FORMAT = {"rate": 16_000, "width": 2, "channels": 1}


def event_bytes(kind: str, data: dict[str, object] | None = None, payload: bytes = b"") -> bytes:
    """An event as it is sent."""
    written = io.BytesIO()
    write_event(WireEvent(kind, data or {}, payload), written)
    return written.getvalue()


EXAMPLES = [
    event_bytes("describe"),
    event_bytes("ping", {"text": "a"}),
    event_bytes("transcribe", {"name": "demo", "language": "zh", "context": {"a": "b"}}),
    event_bytes("audio-start", FORMAT),
    event_bytes("audio-chunk", FORMAT, bytes(64)),
    event_bytes("audio-stop", {"timestamp": 5}),
    json.dumps({"type": "audio-chunk", "data": FORMAT, "payload_length": 8}).encode() + b"\n" + bytes(8),
]


@dataclass
class WyomingClient:
    """A live client."""

    sock: socket.socket
    reader: BinaryIO

    def send(self, pcm: bytes) -> None:
        self.send_frame(event_bytes("audio-chunk", FORMAT, pcm))

    def send_frame(self, frame: str | bytes) -> None:
        with contextlib.suppress(OSError):
            self.sock.sendall(frame.encode() if isinstance(frame, str) else frame)

    def end(self) -> None:
        self.send_frame(event_bytes("audio-stop"))

    def events(self) -> Iterator[Event]:
        while (event := read_event(self.reader)) is not None:
            match event.type:
                case "transcript-chunk":
                    yield Partial(event.data["text"])
                case "transcript":
                    yield Final(event.data["text"])
                    yield End()
                case "error":
                    yield Problem(event.data["code"])
        yield Closed("")

    def leave(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def vanish(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.reader.close()
        self.sock.close()


@contextlib.contextmanager
def wyoming(target: Target, *, is_plain: bool = False) -> Iterator[WyomingClient]:
    """A connection that has begun an utterance; `is_plain`: that has said nothing yet."""
    with narrow_socket("127.0.0.1", target.wyoming_port) as sock, sock.makefile("rb") as reader:
        client = WyomingClient(sock, reader)
        if not is_plain:
            client.send_frame(event_bytes("transcribe") + event_bytes("audio-start", FORMAT))
        yield client
