"""Files over HTTP: several at a time, continued where they were cut, each checked before it gets its name."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from threading import Event, Lock
from typing import Any, TypeAlias, TypeVar

import httpx2

from paraserve import __version__
from paraserve.catalog.files import OnProgress, need_room, settle
from paraserve.catalog.manifest import file_problem
from paraserve.errors import ModelPullError

PARALLEL_FILES = 4
MAX_FAILURES = 4
"""So many in a row without a byte in between, and the server is given up."""
FIRST_PAUSE_S = 0.5
"""Before the second try; doubles with each failure."""
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 10.0, 20.0
PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Statuses that another try may change."""

Result = TypeVar("Result")
Client: TypeAlias = httpx2.Client


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at a URL; size and SHA-256 where the source states them."""

    name: str
    url: str
    n_bytes: int | None = None
    sha256: str | None = None


class _TryAgainError(Exception):
    """A fault that may pass."""


def open_client() -> Client:
    """For all requests of a pull; proxies and certificates as the environment says."""
    return httpx2.Client(
        follow_redirects=True,
        timeout=httpx2.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        headers={"User-Agent": f"paraserve/{__version__}", "Accept-Encoding": "identity"},
    )


def get_json(client: Client, url: str, params: dict[str, str] | None = None) -> tuple[Any, str | None]:
    """A JSON document, and the URL of the next page where there is one.

    Raises:
        ModelPullError: there is no such document.
    """

    def attempt() -> tuple[Any, str | None]:
        response = client.get(url, params=params)
        _check_status(response)
        return response.json(), response.links.get("next", {}).get("url")

    try:
        return _persist(url, attempt, lambda: 0)
    except ValueError as error:
        raise ModelPullError(f"{url} does not answer as a model hub does: {error}") from None


def download(client: Client, files: Sequence[RemoteFile], folder: Path, on_progress: OnProgress) -> None:
    """Bring files into a folder; those that are there already, and the beginnings of others, are kept.

    Raises:
        ModelPullError: one cannot be had, or is not what the source says; names it.
        OSError: the disk is full, or does not take them for another reason.
    """
    transfers = [_Transfer(client, file, folder / file.name) for file in files]
    need_room(sum(transfer.missing_bytes() for transfer in transfers), folder)
    meter, stop = _Meter(_total(files), on_progress), Event()
    with ThreadPoolExecutor(PARALLEL_FILES) as pool:
        tasks = [pool.submit(transfer.run, meter, stop) for transfer in transfers]
        try:
            for task in tasks:
                task.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


class _Meter:
    """Bytes of all files together."""

    def __init__(self, total: int | None, on_progress: OnProgress) -> None:
        self._total = total
        self._on_progress = on_progress
        self._done = 0
        self._lock = Lock()

    def add(self, n_bytes: int) -> None:
        with self._lock:
            self._done += n_bytes
            self._on_progress(self._done, self._total)


@dataclass(slots=True)
class _Transfer:
    """One file on its way; grows under another name until it is whole and checked."""

    client: Client
    file: RemoteFile
    path: Path
    etag: str | None = field(default=None, init=False)
    """Of what has been received, where no SHA-256 can tell whether the rest belongs to it."""

    @property
    def growing(self) -> Path:
        return self.path.with_name(self.path.name + ".part")

    def missing_bytes(self) -> int:
        return 0 if self.path.exists() else max(0, (self.file.n_bytes or 0) - _size(self.growing))

    def run(self, meter: _Meter, stop: Event) -> None:
        """Bring the file here, unless it is here."""
        if self.path.exists() and not file_problem(self.path, self.file.sha256, self.file.n_bytes):
            meter.add(self.path.stat().st_size)
            return
        self.path.unlink(missing_ok=True)
        if self.file.sha256 is None:
            self.growing.unlink(missing_ok=True)
        was_begun = self._receive(meter, stop)
        if was_begun and file_problem(self.growing, self.file.sha256, self.file.n_bytes):
            meter.add(-_size(self.growing))
            self.growing.unlink()
            self._receive(meter, stop)
        self._finish()

    def _receive(self, meter: _Meter, stop: Event) -> bool:
        """Get all that is missing; returns whether there was a beginning already."""
        begun = _size(self.growing)
        meter.add(begun)
        if self.file.n_bytes is None or begun != self.file.n_bytes:
            _persist(self.file.url, lambda: self._stream(meter, stop), lambda: _size(self.growing))
        return begun > 0

    def _stream(self, meter: _Meter, stop: Event) -> None:
        """One request for what is missing."""
        begun = _size(self.growing)
        headers = {}
        if begun and (self.file.sha256 or self.etag):
            headers = {"Range": f"bytes={begun}-"} | ({"If-Range": self.etag} if self.etag else {})
        with self.client.stream("GET", self.file.url, headers=headers) as response:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                meter.add(-begun)
                self.growing.unlink()
                raise _TryAgainError("the file is shorter than what was received of it")
            _check_status(response)
            if response.status_code != HTTPStatus.PARTIAL_CONTENT:
                meter.add(-begun)
                begun = 0
            self._check_size(begun, response)
            self.etag = _strong_etag(response)
            with self.growing.open("ab" if begun else "wb") as out:
                for chunk in response.iter_raw():
                    if stop.is_set():
                        raise ModelPullError("stopped")
                    out.write(chunk)
                    meter.add(len(chunk))

    def _check_size(self, begun: int, response: httpx2.Response) -> None:
        """Refuse a file of another size before its bytes are fetched."""
        length = response.headers.get("Content-Length")
        if length is None or self.file.n_bytes is None or begun + int(length) == self.file.n_bytes:
            return
        if begun:
            self.growing.unlink()
            raise _TryAgainError("the rest does not fit to what was received before")
        raise ModelPullError(f"{self.file.name}: the server sends {length} bytes instead of {self.file.n_bytes}")

    def _finish(self) -> None:
        problem = file_problem(self.growing, self.file.sha256, self.file.n_bytes)
        if problem:
            self.growing.unlink(missing_ok=True)
            raise ModelPullError(f"{self.file.name} is not what the source says that it is: {problem}")
        with self.growing.open("rb") as file:
            settle(file)
        self.growing.rename(self.path)


def _persist(url: str, attempt: Callable[[], Result], progress: Callable[[], int]) -> Result:
    """Try until it works, or has failed too often without any progress."""
    n_failures = 0
    while True:
        before = progress()
        try:
            return attempt()
        except (httpx2.TransportError, _TryAgainError) as error:
            n_failures = 0 if progress() > before else n_failures + 1
            if n_failures == MAX_FAILURES:
                raise ModelPullError(f"{_host(url)} cannot be reached or does not finish: {error}") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ModelPullError(f"{url}: {error}") from None
        if n_failures:
            time.sleep(FIRST_PAUSE_S * 2 ** (n_failures - 1))


def _check_status(response: httpx2.Response) -> None:
    if response.is_success:
        return
    answer = f"{response.status_code} {response.reason_phrase}"
    if response.status_code in PASSING:
        raise _TryAgainError(f"it answers {answer}")
    raise ModelPullError(f"{response.url}: the server answers {answer}")


def _strong_etag(response: httpx2.Response) -> str | None:
    etag = response.headers.get("ETag")
    return None if etag is None or etag.startswith("W/") else etag


def _total(files: Sequence[RemoteFile]) -> int | None:
    sizes = [file.n_bytes for file in files]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _host(url: str) -> str:
    return httpx2.URL(url).host
