"""What a server says to a client, whatever its protocol."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

TIMEOUT_S = 60
CHUNK_BYTES = 3200
"""100 ms of audio at 16 kHz."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and the key that its clients send, "" for none."""

    url: str
    grpc_port: int = 0
    wyoming_port: int = 0
    key: str = ""

    @property
    def authorization(self) -> dict[str, str]:
        """The header with the key."""
        return {"authorization": f"Bearer {self.key}"} if self.key else {}


@dataclass(frozen=True, slots=True)
class Partial:
    """Text of a segment that is still being spoken; how much of it a protocol repeats is its own choice."""

    text: str


@dataclass(frozen=True, slots=True)
class Final:
    """Final text, and start and end of each word in ms where the protocol has them."""

    text: str
    times_ms: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """An error by its code."""

    code: str


@dataclass(frozen=True, slots=True)
class End:
    """All texts of the utterance are out."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection is over, with the protocol's own status and reason."""

    status: str


def narrow_socket(host: str, port: int) -> socket.socket:
    """A connection whose buffer for what is not read is small."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(TIMEOUT_S)
    sock.connect((host, port))
    return sock


Event: TypeAlias = Partial | Final | Problem | End | Closed


class LiveClient(Protocol):
    """One connection of a live client."""

    def send(self, pcm: bytes) -> None:
        """Audio at 16 kHz. A connection that is closed takes it and drops it."""
        ...

    def send_frame(self, frame: str | bytes) -> None:
        """A message word for word."""
        ...

    def end(self) -> None:
        """Nothing more is said."""
        ...

    def events(self) -> Iterator[Event]:
        """What comes, until the connection is over."""
        ...

    def leave(self) -> None:
        """Close the connection in good order. What has come before can be read still."""
        ...

    def vanish(self) -> None:
        """Break the connection."""
        ...


@dataclass
class Told:
    """All that a client was told of one recording."""

    events: list[Event] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)

    def hear(self, event: Event) -> None:
        """The next event, which comes now."""
        self.events.append(event)
        self.at_s.append(time.monotonic())

    def of(self, kind: type) -> list[Event]:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def text(self) -> str:
        """The final texts without spaces: protocols join segments in their own ways."""
        return "".join("".join(one.text for one in self.of(Final)).split())

    @property
    def times_ms(self) -> list[tuple[int, int]]:
        """Start and end of each word."""
        return [pair for one in self.of(Final) for pair in one.times_ms]

    @property
    def codes(self) -> list[str]:
        """The errors."""
        return [one.code for one in self.of(Problem)]

    @property
    def status(self) -> str:
        """How the connection was closed, "" where the client left it."""
        return self.events[-1].status if self.events and isinstance(self.events[-1], Closed) else ""


def until_closed(client: LiveClient) -> Told:
    """Read until the connection is over."""
    told = Told()
    for event in client.events():
        told.hear(event)
    return told


def send_all(client: LiveClient, pcm: bytes, chunk_bytes: int = CHUNK_BYTES) -> None:
    """Send a recording as fast as it is taken, without its end."""
    for start in range(0, len(pcm), chunk_bytes):
        client.send(pcm[start : start + chunk_bytes])


def say(client: LiveClient, pcm: bytes) -> Told:
    """Send a recording, read to its end, and leave; what comes behind the end is read, too."""
    send_all(client, pcm)
    client.end()
    return until_left(client)


def say_while_reading(client: LiveClient, pcm: bytes) -> Told:
    """The same in messages of a second, reading from the start."""

    def send() -> None:
        send_all(client, pcm, 10 * CHUNK_BYTES)
        client.end()

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    told = until_left(client)
    sender.join(TIMEOUT_S)
    return told


def until_left(client: LiveClient) -> Told:
    """Read to the end of the recording, leave, and read what comes behind."""
    told = Told()
    for event in client.events():
        told.hear(event)
        if isinstance(event, End):
            client.leave()
    return told
