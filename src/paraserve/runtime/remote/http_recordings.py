"""Recordings that are fetched by http and https."""

import re
import ssl
from typing import BinaryIO
from urllib.parse import unquote

import httpcore2

from paraserve.remote_errors import RemoteAwayError, RemoteRecordingError
from paraserve.runtime.remote.address_guard import AddressGuard
from paraserve.runtime.remote.fetched import Fetched, shown_name, too_large, write_pieces
from paraserve.runtime.remote.http_connections import header, open_connections, requested
from paraserve.runtime.remote.urls import HttpUrl, redirected

MAX_REDIRECTS = 5
HEADERS = {"Accept": "audio/*, video/*, application/octet-stream, */*;q=0.5", "Accept-Encoding": "identity"}
REDIRECTS = (301, 302, 303, 307, 308)
PASSING = (408, 425, 429)
"""Refusals that another try may not meet, as all from 500 on."""
SECONDS = re.compile(r"[0-9]{1,6}")
PAGES = ("text/html", "application/xhtml+xml")


async def fetch_http(
    url: HttpUrl, to: BinaryIO, max_bytes: int, *, guard: AddressGuard, tls: ssl.SSLContext
) -> Fetched:
    """Fetch a recording into a file, over at most five redirects, each of which is checked like the first URL.

    Raises:
        UrlNotAllowedError: the URL leads to a place that clients may not name.
        RemoteRecordingError: the answer is no recording, refuses, or is too large.
        RemoteAwayError: the host does not answer, or not completely.
        StorageError: the recording cannot be written.
    """
    async with open_connections(guard, tls, "url") as connections:
        for _ in range(MAX_REDIRECTS + 1):
            async with requested(connections, "GET", url, HEADERS) as answer:
                if answer.status not in REDIRECTS:
                    return await _receive(answer, url, to, max_bytes)
                url = redirected(url, _location(answer))
    raise RemoteRecordingError(f"url is redirected more than {MAX_REDIRECTS} times", param="url")


def _location(answer: httpcore2.Response) -> str:
    location = header(answer, "Location")
    if not location:
        raise RemoteRecordingError("url is redirected without a Location", param="url")
    return location


async def _receive(answer: httpcore2.Response, url: HttpUrl, to: BinaryIO, max_bytes: int) -> Fetched:
    content_type = header(answer, "Content-Type")
    _check_status(answer, url)
    _check_content(answer, content_type)
    announced = header(answer, "Content-Length")
    if announced and int(announced) > max_bytes:  # digits, which httpcore2 has checked
        raise too_large(max_bytes)
    n_bytes = await write_pieces(answer.aiter_stream(), to, max_bytes)
    return Fetched(n_bytes, shown_name(unquote(url.target.partition("?")[0])), content_type)


def _check_status(answer: httpcore2.Response, url: HttpUrl) -> None:
    if answer.status == 200:
        return
    message = f"{url.host} answered with status {answer.status} to url"
    if answer.status >= 500 or answer.status in PASSING:
        wait = header(answer, "Retry-After")
        raise RemoteAwayError(message, param="url", retry_after_s=int(wait) if SECONDS.fullmatch(wait) else None)
    raise RemoteRecordingError(message, param="url")


def _check_content(answer: httpcore2.Response, content_type: str) -> None:
    if content_type.partition(";")[0].strip().lower() in PAGES:
        raise RemoteRecordingError("url leads to a web page instead of a recording", param="url")
    encoding = header(answer, "Content-Encoding").lower()
    if encoding not in ("", "identity"):
        # A small compressed answer may grow without bounds, and recordings are compressed already.
        message = f"the answer to url is compressed ({encoding[:20]}), which was not asked for"
        raise RemoteRecordingError(message, param="url")
