"""Plain sockets for tests of the wire: bytes go out as they are, answers are split into head and body."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

TIMEOUT_S = 30
WEBSOCKET_KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@dataclass(frozen=True)
class RawAnswer:
    """One HTTP answer, and whatever came after it."""

    status: int
    headers: dict[str, str]
    body: bytes
    rest: bytes

    @property
    def code(self) -> str:
        """The code of an error in the one shape of errors, its other fields checked."""
        error = json.loads(self.body)["error"]
        assert set(error) == {"message", "type", "param", "code", "request_id"}
        assert error["type"] == ("server_error" if self.status >= 500 else "invalid_request_error")
        assert error["request_id"] == self.headers["x-request-id"]
        return error["code"]


class RawClient:
    """One connection."""

    def __init__(self, address: tuple[str, int] | str, source: str = "") -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(TIMEOUT_S)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(address)
        self._received = b""

    def send(self, *parts: bytes, pause_s: float = 0.0) -> None:
        """Send each part; a server that has closed by then is no failure: its answer says why."""
        for part in parts:
            with contextlib.suppress(ConnectionError):
                self.socket.sendall(part)
            time.sleep(pause_s)

    def flood(self, block: bytes, most_bytes: int) -> int:
        """Send the block again and again until the server closes; return how much it took."""
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < most_bytes:
                sent += self.socket.send(block)
        return sent

    def read(self) -> RawAnswer:
        """Read one answer."""
        while b"\r\n\r\n" not in self._received:
            self._more()
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        n_bytes = int(headers.get("content-length", 0))
        while len(self._received) < n_bytes:
            self._more()
        body, self._received = self._received[:n_bytes], self._received[n_bytes:]
        return RawAnswer(int(first.split()[1]), headers, body, self._received)

    def read_until(self, *parts: bytes) -> None:
        """Read until all of these have come, in whatever order."""
        while not all(part in self._received for part in parts):
            self._more()

    def is_closed(self) -> bool:
        """Whether the server ends the connection within the time limit, and sends nothing more."""
        try:
            return self.socket.recv(65536) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"the server closed after {self._received!r}")
        self._received += data


@contextlib.contextmanager
def raw_client(address: tuple[str, int] | str, source: str = "") -> Iterator[RawClient]:
    """A connection that ends with the context."""
    client = RawClient(address, source)
    try:
        yield client
    finally:
        client.socket.close()


def handshake(*lines: str, path: str = "/", version: str = "13", key: str = WEBSOCKET_KEY) -> bytes:
    """The head of a WebSocket handshake."""
    given = ["Sec-WebSocket-Key: " + key] if key else []
    head = [f"GET {path} HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade"]
    return "\r\n".join([*head, f"Sec-WebSocket-Version: {version}", *given, *lines, "", ""]).encode()


def masked_frame(opcode: int, data: bytes) -> bytes:
    """A whole frame of a client, at most 125 bytes long."""
    return bytes([0x80 | opcode, 0x80 | len(data)]) + bytes(4) + data
