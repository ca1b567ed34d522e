"""Recordings that are files of this host, under a folder that the operator chose."""

import os
import re
import stat
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote_to_bytes

from paraserve.remote_errors import RemoteAwayError, RemoteRecordingError, UrlNotAllowedError
from paraserve.runtime.decoding.spool import storing
from paraserve.runtime.remote.fetched import Fetched, shown_name, too_large

FILE_URL = re.compile(r"file:(?://(?:localhost)?)?(?P<path>/[^?#]*)", re.IGNORECASE | re.ASCII)
COPY_BYTES = 1024**2
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
"""Without O_NONBLOCK a FIFO would block the open."""


def parts_under(root: str, url: str) -> Sequence[str]:
    """Return the names that lead from the folder `root` to the file of a URL `file:///...`. Nothing is opened.

    Raises:
        UrlNotAllowedError: the URL has another form, or does not lead under the folder.
    """
    found = FILE_URL.fullmatch(url)
    if found is None or not root:
        raise _refused()
    path = os.fsdecode(unquote_to_bytes(found["path"]))
    parts = path.split("/")[1:]
    if "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise _refused()
    for folder in (PurePosixPath(root), PurePosixPath(os.path.realpath(root))):
        if PurePosixPath(path).is_relative_to(folder) and PurePosixPath(path) != folder:
            return PurePosixPath(path).relative_to(folder).parts
    raise _refused()


def copy_file(root: str, parts: Sequence[str], to: BinaryIO, max_bytes: int) -> Fetched:
    """Copy the file under the folder `root`.

    Raises:
        RemoteRecordingError: it is not there, is no file, is a link or behind one, cannot be read, or is too large.
        RemoteAwayError: the folder cannot be opened, or the file not be read to its end.
        StorageError: the copy cannot be written.
    """
    with _open_under(root, parts) as file:
        n_bytes = 0
        while piece := _read(file):
            n_bytes += len(piece)
            if n_bytes > max_bytes:
                raise too_large(max_bytes)
            with storing():
                to.write(piece)
    if not n_bytes:
        raise RemoteRecordingError("the recording of url is empty", param="url")
    return Fetched(n_bytes, shown_name(parts[-1]))


def _open_under(root: str, parts: Sequence[str]) -> BinaryIO:
    """Open a file by one name after the other, each without following links: so none can lead out of the folder."""
    *folders, name = parts
    try:
        at = os.open(root, FOLDER_FLAGS)
    except OSError as error:
        raise RemoteAwayError(f"the folder url_file_root cannot be opened: {error.strerror}", param="url") from error
    try:
        for folder in folders:
            inner = os.open(folder, FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = inner
        descriptor = os.open(name, FILE_FLAGS, dir_fd=at)
    except OSError as error:
        raise RemoteRecordingError(f"the file of url cannot be opened: {error.strerror}", param="url") from error
    finally:
        os.close(at)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise RemoteRecordingError("url leads to no regular file", param="url")
    return os.fdopen(descriptor, "rb")


def _read(file: BinaryIO) -> bytes:
    try:
        return file.read(COPY_BYTES)
    except OSError as error:
        raise RemoteAwayError(f"the file of url cannot be read: {error.strerror}", param="url") from error


def _refused() -> UrlNotAllowedError:
    return UrlNotAllowedError("url names a file that the server does not allow clients to name", param="url")
