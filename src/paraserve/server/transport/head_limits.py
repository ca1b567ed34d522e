"""Bounds of a request's head, and of what stands in a body beside its data."""

from dataclasses import dataclass

from paraserve.server.transport.refusal import Refusal

MAX_HEAD_BYTES = 64 * 1024
MAX_URL_BYTES = 16 * 1024
MAX_HEAD_LINES = 128
"""Header lines of a request, its trailers among them."""
FREE_PER_BODY_BYTE = 3
FREE_PER_CHUNK_BYTES = 16
"""A chunk of one byte has five bytes beside it. What is more counts, until data makes up for it (as in Go's server,
CVE-2023-39326)."""


@dataclass(slots=True)
class HeadCount:
    """Counts a head while it comes in, and raises `Refusal` as soon as it is too large.

    `received_bytes` are bytes of a head that is not complete: the parser keeps part of them to itself.
    """

    received_bytes: int = 0
    n_lines: int = 0
    _url_bytes: int = 0
    _line_bytes: int = 0
    _excess_bytes: int = 0

    def begin(self) -> None:
        """Count a new request. Empty lines that came before it stay counted."""
        self.n_lines = self._url_bytes = self._line_bytes = self._excess_bytes = 0

    def add_received(self, n_bytes: int) -> None:
        """Count bytes after which the head is still not complete."""
        self.received_bytes += n_bytes
        if self.received_bytes > MAX_HEAD_BYTES:
            raise _too_large()

    def add_url(self, n_bytes: int) -> None:
        """Count a part of the URL."""
        self._url_bytes += n_bytes
        if self._url_bytes > MAX_URL_BYTES:
            raise Refusal(414, "url_too_long", f"the URL has more than {MAX_URL_BYTES} bytes")

    def add_line(self, n_bytes: int) -> None:
        """Count a header line."""
        self.n_lines += 1
        self._line_bytes += n_bytes
        if self.n_lines > MAX_HEAD_LINES or self._line_bytes > MAX_HEAD_BYTES:
            raise _too_large()

    def add_body(self, n_bytes: int, n_data_bytes: int, n_chunks: int) -> None:
        """Count bytes of a body, and how many of them are data. Chunk extensions and trailers are not."""
        free = FREE_PER_BODY_BYTE * n_data_bytes + FREE_PER_CHUNK_BYTES * n_chunks
        self._excess_bytes = max(0, self._excess_bytes + n_bytes - free)
        if self._excess_bytes > MAX_HEAD_BYTES:
            raise Refusal(400, "invalid_http", "the body has more chunk extensions or trailers than data")


def _too_large() -> Refusal:
    message = f"the request's head has more than {MAX_HEAD_LINES} header lines or {MAX_HEAD_BYTES} bytes"
    return Refusal(431, "head_too_large", message)
