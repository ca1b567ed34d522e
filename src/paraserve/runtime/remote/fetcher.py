"""Recordings that clients name by URL: http and https, files under a folder, and S3 buckets that are allowed."""

import asyncio
import importlib.util
import ssl
from collections.abc import Sequence
from typing import BinaryIO

from paraserve.errors import ParaserveError
from paraserve.remote_errors import RemoteAwayError
from paraserve.runtime.in_thread import in_thread
from paraserve.runtime.remote.address_guard import AddressGuard
from paraserve.runtime.remote.fetched import Fetched
from paraserve.runtime.remote.file_recordings import copy_file, parts_under
from paraserve.runtime.remote.s3_urls import S3Url, read_buckets, read_s3_url
from paraserve.runtime.remote.tls import system_tls
from paraserve.runtime.remote.urls import read_http_url
from paraserve.user_folders import expanded


class Fetcher:
    """Fetches recordings. What it needs for a kind of URL is imported with the first one.

    Args:
        guard: says which hosts may be called.
        file_root: the folder under which files may be named; "" allows none.
        buckets: `s3://BUCKET/PREFIX` of objects that may be named.
        tls: for https; None trusts the authorities that the system trusts.

    Raises:
        ParaserveError: one of `buckets` has another form, or needs the package `obstore`, which is not installed.
    """

    def __init__(
        self,
        guard: AddressGuard,
        *,
        file_root: str = "",
        buckets: Sequence[str] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = guard
        self._file_root = str(expanded(file_root)) if file_root else ""
        self._buckets: Sequence[S3Url] = read_buckets(buckets)
        self._tls = tls
        if buckets and importlib.util.find_spec("obstore") is None:
            message = "url_buckets needs the package obstore: pip install 'paraserve[remote]'"
            raise ParaserveError(message, code="invalid_settings")

    async def check(self, url: str) -> None:
        """Refuse a URL that clients may not name, before anything is fetched.

        Raises:
            UrlNotAllowedError: it has a form that is not taken, or leads to a place that is not allowed.
        """
        scheme = _scheme(url)
        if scheme == "file":
            parts_under(self._file_root, url)
        elif scheme == "s3":
            read_s3_url(url, self._buckets)
        else:
            target = read_http_url(url)
            await self._guard.check(target.host, target.port)

    async def fetch(self, url: str, to: BinaryIO, max_bytes: int, timeout_s: float) -> Fetched:
        """Write the recording at the URL to a file, from the file's position on.

        Args:
            url: as a client gave it.
            to: is left half-written after an error.
            max_bytes: largest recording.
            timeout_s: longest time in all.

        Raises:
            UrlNotAllowedError: as `check`, or a redirect leads to such a place.
            RemoteRecordingError: the recording cannot be had, and will not be: not found, refused, or too large.
            RemoteAwayError: the place does not answer now, breaks off, or takes too long.
            StorageError: the recording cannot be written.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._fetch(url, to, max_bytes)
        except TimeoutError as error:
            raise RemoteAwayError(f"url took longer than {timeout_s:g} s to fetch", param="url") from error

    async def _fetch(self, url: str, to: BinaryIO, max_bytes: int) -> Fetched:
        scheme = _scheme(url)
        if scheme == "file":
            return await in_thread(copy_file, self._file_root, parts_under(self._file_root, url), to, max_bytes)
        if scheme == "s3":
            from paraserve.runtime.remote.bucket_recordings import fetch_object  # noqa: PLC0415 - an extra

            return await fetch_object(read_s3_url(url, self._buckets), to, max_bytes)
        from paraserve.runtime.remote.http_recordings import fetch_http  # noqa: PLC0415 - memory that few want to spend

        if self._tls is None:
            self._tls = await in_thread(system_tls)
        return await fetch_http(read_http_url(url), to, max_bytes, guard=self._guard, tls=self._tls)


def _scheme(url: str) -> str:
    return url.partition(":")[0].lower()
