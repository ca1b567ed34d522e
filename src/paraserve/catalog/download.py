"""Download over HTTP: several files at once, resumed after a break, each checked before it gets its name."""

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
from paraserve.catalog.files import OnProgress, check_room, sync_file
from paraserve.catalog.manifest import file_problem
from paraserve.errors import ModelPullError

PARALLEL_FILES = 4
MAX_FAILURES = 4
"""Failures in a row without a byte in between after which a download is given up."""
FIRST_PAUSE_S = 0.5
"""Wait before the second attempt; it doubles with each failure."""
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 10.0, 20.0
TEMPORARY_STATUSES = {408, 425, 429, 500, 502, 503, 504}
"""HTTP statuses after which another attempt may succeed."""

Result = TypeVar("Result")
Client: TypeAlias = httpx2.Client


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at a URL, with size and SHA-256 if the source states them."""

    name: str
    url: str
    n_bytes: int | None = None
    sha256: str | None = None


class _TemporaryError(Exception):
    """A fault after which another attempt may succeed."""


def open_client() -> Client:
    """Open the client for all requests of a pull, with proxies and certificates from the environment."""
    return httpx2.Client(
        follow_redirects=True,
        timeout=httpx2.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        headers={"User-Agent": f"paraserve/{__version__}", "Accept-Encoding": "identity"},
    )


def get_json(client: Client, url: str, params: dict[str, str] | None = None) -> tuple[Any, str | None]:
    """Return a JSON document, and the URL of the next page if there is one.

    Raises:
        ModelPullError: there is no such document.
    """

    def attempt() -> tuple[Any, str | None]:
        response = client.get(url, params=params)
        _check_status(response)
        return response.json(), response.links.get("next", {}).get("url")

    try:
        return _with_retries(url, attempt, lambda: 0)
    except ValueError as error:
        raise ModelPullError(f"{url} does not answer as a model hub does: {error}") from None


def download(client: Client, files: Sequence[RemoteFile], folder: Path, on_progress: OnProgress) -> None:
    """Download files into a folder. Complete files are kept, and partly received ones are resumed.

    Args:
        client: from `open_client`.
        files: names are relative to the folder.
        folder: must exist.
        on_progress: counts the bytes of all files together.

    Raises:
        ModelPullError: a file cannot be downloaded, or is not the one that the source states; names it.
        OSError: a file cannot be written, for example because the disk is full.
    """
    transfers = [_Transfer(client, file, folder / file.name) for file in files]
    check_room(sum(transfer.missing_bytes() for transfer in transfers), folder)
    progress, stop = _Progress(_total(files), on_progress), Event()
    with ThreadPoolExecutor(PARALLEL_FILES) as pool:
        tasks = [pool.submit(transfer.run, progress, stop) for transfer in transfers]
        try:
            for task in tasks:
                task.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


class _Progress:
    """Bytes received of all files together, reported from any thread."""

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
    """The download of one file, which grows as `NAME.part` until it is complete and checked."""

    client: Client
    file: RemoteFile
    path: Path
    etag: str | None = field(default=None, init=False)
    """ETag of the part received, for files without a SHA-256: a resumed download must be of the same version."""

    @property
    def partial(self) -> Path:
        return self.path.with_name(self.path.name + ".part")

    def missing_bytes(self) -> int:
        return 0 if self.path.exists() else max(0, (self.file.n_bytes or 0) - _size(self.partial))

    def run(self, progress: _Progress, stop: Event) -> None:
        """Download the file unless it is complete already."""
        if self.path.exists() and not file_problem(self.path, self.file.sha256, self.file.n_bytes):
            progress.add(self.path.stat().st_size)
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        if self.file.sha256 is None:
            self.partial.unlink(missing_ok=True)
        was_resumed = self._receive(progress, stop)
        if was_resumed and file_problem(self.partial, self.file.sha256, self.file.n_bytes):
            progress.add(-_size(self.partial))
            self.partial.unlink()
            self._receive(progress, stop)
        self._finish()

    def _receive(self, progress: _Progress, stop: Event) -> bool:
        """Receive the missing bytes; return True if some had been received before."""
        received_bytes = _size(self.partial)
        progress.add(received_bytes)
        if self.file.n_bytes is None or received_bytes != self.file.n_bytes:
            _with_retries(self.file.url, lambda: self._stream(progress, stop), lambda: _size(self.partial))
        return received_bytes > 0

    def _stream(self, progress: _Progress, stop: Event) -> None:
        """Send one request for the missing bytes."""
        received_bytes = _size(self.partial)
        headers = {}
        if received_bytes and (self.file.sha256 or self.etag):
            headers = {"Range": f"bytes={received_bytes}-"} | ({"If-Range": self.etag} if self.etag else {})
        with self.client.stream("GET", self.file.url, headers=headers) as response:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                progress.add(-received_bytes)
                self.partial.unlink()
                raise _TemporaryError("the file is shorter than what was received of it")
            _check_status(response)
            if response.status_code != HTTPStatus.PARTIAL_CONTENT:
                progress.add(-received_bytes)
                received_bytes = 0
            self._check_size(received_bytes, response)
            self.etag = _strong_etag(response)
            with self.partial.open("ab" if received_bytes else "wb") as out:
                for chunk in response.iter_raw():
                    if stop.is_set():
                        raise ModelPullError("stopped")
                    out.write(chunk)
                    progress.add(len(chunk))

    def _check_size(self, received_bytes: int, response: httpx2.Response) -> None:
        """Refuse a file of another size before its bytes are received."""
        length = response.headers.get("Content-Length")
        if length is None or self.file.n_bytes is None or received_bytes + int(length) == self.file.n_bytes:
            return
        if received_bytes:
            self.partial.unlink()
            raise _TemporaryError("the rest does not fit to what was received before")
        raise ModelPullError(f"{self.file.name}: the server sends {length} bytes instead of {self.file.n_bytes}")

    def _finish(self) -> None:
        problem = file_problem(self.partial, self.file.sha256, self.file.n_bytes)
        if problem:
            self.partial.unlink(missing_ok=True)
            raise ModelPullError(f"{self.file.name} is not what the source says that it is: {problem}")
        with self.partial.open("rb") as file:
            sync_file(file)
        self.partial.rename(self.path)


def _with_retries(url: str, attempt: Callable[[], Result], received_bytes: Callable[[], int]) -> Result:
    """Repeat `attempt` until it succeeds, or fails `MAX_FAILURES` times in a row without a byte received."""
    n_failures = 0
    while True:
        n_before = received_bytes()
        try:
            return attempt()
        except (httpx2.TransportError, _TemporaryError) as error:
            n_failures = 0 if received_bytes() > n_before else n_failures + 1
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
    if response.status_code in TEMPORARY_STATUSES:
        raise _TemporaryError(f"it answers {answer}")
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
