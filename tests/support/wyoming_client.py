"""A client of the Wyoming protocol on a socket, whose events are read and written by the protocol's own package."""

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from wyoming.event import Event, read_event, write_event

TIMEOUT_S = 20
FORMAT = {"rate": 16_000, "width": 2, "channels": 1}


@dataclass
class WyomingClient:
    """One connection."""

    sock: socket.socket
    stream: IO[bytes]

    def say(self, kind: str, payload: bytes | None = None, **data: object) -> None:
        """An event."""
        write_event(Event(kind, data, payload), self.stream)

    def send(self, data: bytes) -> None:
        """Whatever."""
        self.stream.write(data)
        self.stream.flush()

    def begin(self, **transcribe: object) -> None:
        """The events before the audio."""
        self.say("transcribe", **transcribe)
        self.say("audio-start", **FORMAT)

    def speak(self, pcm: bytes, chunk_bytes: int = 2048) -> None:
        """Audio in chunks."""
        for start in range(0, len(pcm), chunk_bytes):
            self.say("audio-chunk", pcm[start : start + chunk_bytes], **FORMAT)

    def receive(self) -> Event | None:
        """The next event, None at the end."""
        return read_event(self.stream)

    def until(self, kind: str) -> list[Event]:
        """Events up to the first one of this type."""
        events = []
        while not events or events[-1].type != kind:
            event = self.receive()
            assert event is not None, events
            events.append(event)
        return events

    def rest(self) -> list[Event]:
        """Events up to the end of the connection."""
        return list(iter(self.receive, None))

    def utterance(self, pcm: bytes, **transcribe: object) -> list[Event]:
        """A whole utterance, and what is answered."""
        self.begin(**transcribe)
        self.speak(pcm)
        self.say("audio-stop")
        return self.until("transcript-stop")


@contextlib.contextmanager
def wyoming_client(address: Path | tuple[str, int]) -> Iterator[WyomingClient]:
    """A connection to a port or a Unix socket."""
    is_path = isinstance(address, Path)
    with socket.socket(socket.AF_UNIX if is_path else socket.AF_INET) as sock:
        sock.settimeout(TIMEOUT_S)
        sock.connect(str(address) if is_path else address)
        with sock.makefile("rwb") as stream:
            yield WyomingClient(sock, stream)
