"""The server that is loaded: its address and key, HTTP requests to it, and requests that came to nothing."""

import contextlib
import http.client
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


class LostError(Exception):
    """A request that brought no right answer. Losses with one text are counted together."""


@dataclass(frozen=True, slots=True)
class Server:
    """`address` is `http://HOST:PORT` or `https://HOST:PORT`, and a path where a gateway wants one.

    With `insecure` any certificate is taken. `timeout_s` is the longest silence of the server.
    """

    address: str
    api_key: str
    insecure: bool
    timeout_s: float

    @property
    def headers(self) -> dict[str, str]:
        """The key, where there is one."""
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}

    @property
    def websocket_address(self) -> str:
        """`ws://` or `wss://`."""
        return "ws" + self.address.removeprefix("http").rstrip("/")

    def tls(self) -> ssl.SSLContext:
        """Return how certificates are checked."""
        context = ssl.create_default_context()
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    @contextlib.contextmanager
    def request(
        self, method: str, path: str, body: bytes | None = None, content_type: str = "audio/wav"
    ) -> Iterator[http.client.HTTPResponse]:
        """Send a request over a connection of its own, and give the answer once its head is there.

        Raises:
            LostError: the server does not answer, breaks off, or answers with an error.
        """
        headers = self.headers | ({"Content-Type": content_type} if body is not None else {})
        connection = self._connection()
        try:
            connection.request(method, urlsplit(self.address).path.rstrip("/") + path, body, headers)
            answer = connection.getresponse()
            if answer.status >= 300:
                raise LostError(f"{answer.status} {error_code(answer.read())}".strip())
            yield answer
        except (OSError, http.client.HTTPException) as error:
            raise LostError(in_words(error)) from error
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.address)
        host = parts.hostname or ""
        if parts.scheme == "https":
            return http.client.HTTPSConnection(host, parts.port, timeout=self.timeout_s, context=self.tls())
        return http.client.HTTPConnection(host, parts.port, timeout=self.timeout_s)


def read_json(data: str | bytes) -> dict[str, Any]:
    """Return an object of the server.

    Raises:
        LostError: it is not one.
    """
    try:
        value = json.loads(data)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise LostError("the answer is no JSON object")
    return value


def error_code(body: bytes) -> str:
    """Return the code in an error of this server, or the beginning of another's."""
    try:
        return str(json.loads(body)["error"]["code"])
    except (ValueError, LookupError, TypeError):
        return " ".join(body[:80].decode("utf-8", "replace").split())


def in_words(error: Exception) -> str:
    """Return a failure of the network, without what differs from one to the next."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
