"""Refusals of the transport: before a request has reached the application, or where it never could."""

import json
import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType

import httptools

from paraserve.server.protocols.error_body import error_json

EXTRA_HEADERS: Mapping[int, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        426: (("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")),
        429: (("Retry-After", "1"),),
        503: (("Retry-After", "1"),),
    }
)


UNKNOWN_VERSIONS = frozenset(("Invalid HTTP version", "Pause on PRI/Upgrade"))
"""What the parser says of versions beside 1.0 and 1.1, and of HTTP/2's preface."""


class Refusal(Exception):  # noqa: N818 - it is an answer rather than a failure
    """The end of a connection, with an HTTP status, a stable code and a message for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def answer(self, default_headers: Sequence[tuple[bytes, bytes]] = ()) -> bytes:
        """Return the whole HTTP answer. The connection ends after it."""
        request_id = uuid.uuid4().hex
        content = error_json(self.message, status=self.status, code=self.code, request_id=request_id)
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        headers = (
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "Upgrade, close" if self.status == HTTPStatus.UPGRADE_REQUIRED else "close"),
            ("X-Request-Id", request_id),
            *EXTRA_HEADERS.get(self.status, ()),
        )
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            *(f"{name}: {of}" for name, of in headers),
        ]
        given = [name + b": " + value for name, value in default_headers]
        return b"\r\n".join([*(line.encode() for line in lines), *given, b"", body])


def refusal_of(error: Exception) -> Refusal:
    """Return the refusal that the parser, or a method that it called, ended with."""
    cause = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else error
    if isinstance(cause, Refusal):
        return cause
    if str(error) in UNKNOWN_VERSIONS:
        return Refusal(505, "http_version_not_supported", "the server speaks HTTP/1.1")
    return Refusal(400, "invalid_http", f"the request is no valid HTTP: {cause}")
