"""Clients of the protocols on WebSockets, which differ in path, first and last messages, and answers."""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from support.live import address_of, reset
from support.protocols.said import TIMEOUT_S, Closed, End, Event, Target, narrow_socket

Json = Mapping[str, object]


@dataclass(frozen=True)
class Dialect:
    """One protocol on WebSockets.

    `first` and `last` are the messages around the audio, `audio` makes a message of audio, and `events_of` reads a
    message of the server. `ends_by_closing`: the close of the connection is the only end of the texts. `examples` are
    messages of clients that ask for all they can.
    """

    path: str
    events_of: Callable[[Json], Iterator[Event]]
    first: Sequence[Json] = ()
    last: Sequence[Json] = ()
    audio: Callable[[bytes], str | bytes] = bytes
    ends_by_closing: bool = False
    examples: Sequence[Json] = ()


@dataclass
class WebSocketClient:
    """A live client of one of them."""

    ws: ClientConnection
    dialect: Dialect

    def send(self, pcm: bytes) -> None:
        self.send_frame(self.dialect.audio(pcm))

    def send_frame(self, frame: str | bytes) -> None:
        with contextlib.suppress(ConnectionClosed):
            self.ws.send(frame)

    def end(self) -> None:
        for message in self.dialect.last:
            self.send_frame(json.dumps(message))

    def events(self) -> Iterator[Event]:
        try:
            while True:
                message = json.loads(self.ws.recv(TIMEOUT_S))
                yield from self.dialect.events_of(message)
        except ConnectionClosed:
            if self.dialect.ends_by_closing and self.ws.close_code == 1000:
                yield End()
            reason = self.ws.close_reason or ""
            yield Closed(f"{self.ws.close_code} {reason if reason.isidentifier() else ''}".strip())

    def leave(self) -> None:
        self.ws.close()

    def vanish(self) -> None:
        reset(self.ws)


@contextlib.contextmanager
def web_socket(dialect: Dialect, target: Target, *, is_plain: bool = False) -> Iterator[WebSocketClient]:
    """A connection that has said what it says first; `is_plain`: nothing yet.

    It takes in little that is not read.
    """
    url = target.url.replace("http", "ws", 1) + dialect.path
    options = {"additional_headers": target.authorization, "max_size": None, "close_timeout": 2, "max_queue": 4}
    sock = narrow_socket(*address_of(target.url))
    with connect(url, compression=None, proxy=None, open_timeout=TIMEOUT_S, sock=sock, **options) as ws:
        client = WebSocketClient(ws, dialect)
        for message in () if is_plain else dialect.first:
            client.send_frame(json.dumps(message))
        yield client
