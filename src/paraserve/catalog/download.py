"""Download over HTTP: several files at once, resumed after a break, each checked before it gets its name."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from threading import Event, Lock
from typing import Any, TypeVar

import httpx2

from paraserve import __version__
from paraserve.catalog.files import OnProgress, check_room, sync_file
from paraserve.catalog.manifest import file_problem
from paraserve.catalog.stopping import check_stop, pause, within
from paraserve.errors import ModelPullError

PARALLEL_FILES = 4
FIRST_PAUSE_S = 0.5
"""Wait before the second attempt; it doubles with each failure."""
TEMPORARY_STATUSES = {408, 425, 429, 500, 502, 503, 504}
"""HTTP statuses after which another attempt may succeed."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Patience:
    """Bounds of the wait for a server, in seconds, and failures in a row after which it is given up.

    `first_answer_s` bounds the first document of a server, with the look-up of its name, which has no timeout of its
    own. None: no bound.
    """

    connect_s: float
    read_s: float
    max_failures: int
    first_answer_s: float | None


PATIENT = Patience(connect_s=10.0, read_s=20.0, max_failures=4, first_answer_s=None)
"""For the last source of a model."""
HASTY = Patience(connect_s=3.0, read_s=8.0, max_failures=2, first_answer_s=5.0)
"""For a source behind which there is another."""


@dataclass(frozen=True, slots=True)
class Client:
    """HTTP connections of one pull, the patience with its servers, and the event that stops it."""

    http: httpx2.Client
    patience: Patience
    stop: Event

    @property
    def timeout(self) -> httpx2.Timeout:
        """The timeouts of one request."""
        return httpx2.Timeout(self.patience.read_s, connect=self.patience.connect_s)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at a URL, with its size if the source states it, and the SHA-256 that it may have (empty: not known)."""

    name: str
    url: str
    n_bytes: int | None = None
    digests: tuple[str, ...] = ()


class _TemporaryError(Exception):
    """A fault after which another attempt may succeed."""


@contextmanager
def open_client(stop: Event | None = None) -> Iterator[Client]:
    """Open the connections for all requests of a pull, with proxies and certificates from the environment.

    `stop` ends the pull when it is set.
    """
    headers = {"User-Agent": f"paraserve/{__version__}", "Accept-Encoding": "identity"}
    with httpx2.Client(follow_redirects=True, headers=headers) as http:
        yield Client(http, PATIENT, stop or Event())


def get_json(client: Client, url: str, params: dict[str, str] | None = None) -> tuple[Any, str | None]:
    """Return a JSON document, and the URL of the next page if there is one.

    Raises:
        ModelPullError: there is no such document, or no answer within the client's patience.
    """

    def attempt() -> tuple[Any, str | None]:
        response = client.http.get(url, params=params, timeout=client.timeout)
        _check_status(response)
        return response.json(), response.links.get("next", {}).get("url")

    try:
        return within(client.patience.first_answer_s, _host(url), lambda: _with_retries(client, url, attempt, int))
    except ValueError as error:
        raise ModelPullError(f"{url} does not answer as a model hub does: {error}") from None


def download(client: Client, files: Sequence[RemoteFile], folder: Path, on_progress: OnProgress) -> None:
    """Download files into a folder. Complete files are kept, and partly received ones are resumed.

    Args:
        client: connections and patience.
        files: names are relative to the folder.
        folder: must exist.
        on_progress: counts the bytes of all files together.

    Raises:
        ModelPullError: a file cannot be downloaded, or is not the one that the source states; names it.
        PullStoppedError: the client's `stop` is set.
        OSError: a file cannot be written, for example because the disk is full.
    """
    transfers = [_Transfer(client, file, folder / file.name) for file in files]
    check_room(sum(transfer.missing_bytes() for transfer in transfers), folder)
    progress, is_over = _Progress({file.name: file.n_bytes for file in files}, on_progress), Event()
    with ThreadPoolExecutor(PARALLEL_FILES) as pool:
        tasks = [pool.submit(transfer.run, progress, is_over) for transfer in transfers]
        try:
            for task in tasks:
                task.result()
        finally:
            is_over.set()
            pool.shutdown(cancel_futures=True)


class _Progress:
    """Bytes received of all files together, reported from any thread. Sizes that are not known are learnt."""

    def __init__(self, sizes: dict[str, int | None], on_progress: OnProgress) -> None:
        self._sizes = sizes
        self._on_progress = on_progress
        self._done = 0
        self._lock = Lock()

    def add(self, n_bytes: int) -> None:
        with self._lock:
            self._done += n_bytes
            sizes = [size for size in self._sizes.values() if size is not None]
            self._on_progress(self._done, sum(sizes) if len(sizes) == len(self._sizes) else None)

    def learn(self, name: str, n_bytes: int) -> None:
        with self._lock:
            self._sizes[name] = n_bytes


@dataclass(slots=True)
class _Transfer:
    """The download of one file, which grows as `NAME.part` until it is complete and checked."""

    client: Client
    file: RemoteFile
    path: Path
    etag: str | None = field(default=None, init=False)
    """ETag of the part received, for files of unknown SHA-256: a resumed download must be of the same version."""

    @property
    def partial(self) -> Path:
        return self.path.with_name(self.path.name + ".part")

    def missing_bytes(self) -> int:
        return 0 if self.path.exists() else max(0, (self.file.n_bytes or 0) - _size(self.partial))

    def run(self, progress: _Progress, is_over: Event) -> None:
        """Download the file unless it is complete already. `is_over` is set when another file has failed."""
        if self.path.exists() and not file_problem(self.path, self.file.digests, self.file.n_bytes):
            progress.learn(self.file.name, self.path.stat().st_size)
            progress.add(self.path.stat().st_size)
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        if not self.file.digests:
            self.partial.unlink(missing_ok=True)
        was_resumed = self._receive(progress, is_over)
        if was_resumed and file_problem(self.partial, self.file.digests, self.file.n_bytes):
            progress.add(-_size(self.partial))
            self.partial.unlink()
            self._receive(progress, is_over)
        self._finish()

    def _receive(self, progress: _Progress, is_over: Event) -> bool:
        """Receive the missing bytes; return True if some had been received before."""
        received_bytes = _size(self.partial)
        progress.add(received_bytes)
        if self.file.n_bytes is None or received_bytes != self.file.n_bytes:
            url, attempt = self.file.url, lambda: self._stream(progress, is_over)
            _with_retries(self.client, url, attempt, lambda: _size(self.partial))
        return received_bytes > 0

    def _stream(self, progress: _Progress, is_over: Event) -> None:
        """Send one request for the missing bytes."""
        received_bytes = _size(self.partial)
        headers = {}
        if received_bytes and (self.file.digests or self.etag):
            headers = {"Range": f"bytes={received_bytes}-"} | ({"If-Range": self.etag} if self.etag else {})
        with self.client.http.stream("GET", self.file.url, headers=headers, timeout=self.client.timeout) as response:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                progress.add(-received_bytes)
                self.partial.unlink()
                raise _TemporaryError("the file is shorter than what was received of it")
            _check_status(response)
            if response.status_code != HTTPStatus.PARTIAL_CONTENT:
                progress.add(-received_bytes)
                received_bytes = 0
            self._check_size(received_bytes, response, progress)
            self.etag = _strong_etag(response)
            with self.partial.open("ab" if received_bytes else "wb") as out:
                for chunk in response.iter_raw():
                    out.write(chunk)
                    progress.add(len(chunk))
                    check_stop(self.client.stop)
                    check_stop(is_over)

    def _check_size(self, received_bytes: int, response: httpx2.Response, progress: _Progress) -> None:
        """Refuse a file of another size before its bytes are received."""
        length = response.headers.get("Content-Length")
        if length is None:
            return
        if self.file.n_bytes is None:
            progress.learn(self.file.name, received_bytes + int(length))
            return
        if received_bytes + int(length) == self.file.n_bytes:
            return
        if received_bytes:
            self.partial.unlink()
            raise _TemporaryError("the rest does not fit to what was received before")
        raise ModelPullError(f"{self.file.name}: the server sends {length} bytes instead of {self.file.n_bytes}")

    def _finish(self) -> None:
        problem = file_problem(self.partial, self.file.digests, self.file.n_bytes)
        if problem:
            self.partial.unlink(missing_ok=True)
            raise ModelPullError(f"{self.file.name} is not what the source says that it is: {problem}")
        with self.partial.open("rb") as file:
            sync_file(file)
        self.partial.rename(self.path)


def _with_retries(
    client: Client, url: str, attempt: Callable[[], Result], received_bytes: Callable[[], int]
) -> Result:  # fmt: skip
    """Repeat `attempt` until it succeeds, or fails `max_failures` times in a row without a byte received."""
    n_failures = 0
    while True:
        check_stop(client.stop)
        n_before = received_bytes()
        try:
            return attempt()
        except (httpx2.TransportError, _TemporaryError) as error:
            n_failures = 0 if received_bytes() > n_before else n_failures + 1
            if n_failures == client.patience.max_failures:
                raise ModelPullError(f"{_host(url)} cannot be reached or does not finish: {error}") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ModelPullError(f"{url}: {error}") from None
        if n_failures:
            pause(FIRST_PAUSE_S * 2 ** (n_failures - 1), client.stop)


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


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _host(url: str) -> str:
    return httpx2.URL(url).host
