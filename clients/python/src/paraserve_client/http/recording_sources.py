"""Recordings to submit: files, bytes and addresses."""

import io
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

Recording: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO
"""A path, the URL of a recording that the server fetches, the bytes, or a file that is read from its start."""
OnSent: TypeAlias = Callable[[int, int], None]
"""Called with the bytes sent and all bytes."""

ADDRESS = re.compile(r"(https?|s3|file)://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OpenRecording:
    """A recording that can be read from anywhere. `name` is that of its file, "" where it has none."""

    file: BinaryIO
    size_bytes: int
    name: str

    def part(self, offset: int, n_bytes: int) -> bytes:
        """Read bytes from an offset on.

        Raises:
            OSError: they cannot be read, or the file has become shorter.
        """
        self.file.seek(offset)
        data = self.file.read(min(n_bytes, self.size_bytes - offset))
        if not data:
            raise OSError(f"the recording became shorter while it was sent: {self.name or 'unnamed'}")
        return data


def address_in(recording: Recording) -> str | None:
    """Return the URL if the recording is one, else None."""
    return recording if isinstance(recording, str) and ADDRESS.match(recording) else None


def open_recording(recording: Recording) -> AbstractContextManager[OpenRecording]:
    """Open a recording. A pipe is first read to its end into a temporary file.

    Raises:
        OSError: it cannot be read.
    """
    if isinstance(recording, bytes):
        return _kept_open(io.BytesIO(recording), len(recording), "")
    if isinstance(recording, str | os.PathLike):
        return _opened(Path(recording))
    name = _file_name(recording)
    if not recording.seekable():
        return _copied(recording, name)
    return _kept_open(recording, recording.seek(0, os.SEEK_END), name)


def _file_name(file: BinaryIO) -> str:
    """Return the name of an open file, "" for one without: a pipe may have its number there."""
    name = getattr(file, "name", None)
    return Path(name).name if isinstance(name, str) else ""


@contextmanager
def _kept_open(file: BinaryIO, size_bytes: int, name: str) -> Iterator[OpenRecording]:
    yield OpenRecording(file, size_bytes, name)


@contextmanager
def _opened(path: Path) -> Iterator[OpenRecording]:
    with path.open("rb") as file:
        if file.seekable():
            yield OpenRecording(file, file.seek(0, os.SEEK_END), path.name)
            return
        with _copied(file, path.name) as copy:
            yield copy


@contextmanager
def _copied(pipe: BinaryIO, name: str) -> Iterator[OpenRecording]:
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(pipe, copy)
        yield OpenRecording(copy, copy.tell(), name)


class ReportedFile:
    """The file of a recording as the body of a request, which tells how much of it was read."""

    def __init__(self, recording: OpenRecording, on_sent: OnSent | None) -> None:
        self._recording = recording
        self._on_sent = on_sent
        self._offset = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to an offset, or to the end of what was there when the recording was opened."""
        self._offset = self._recording.size_bytes if whence == os.SEEK_END else offset
        return self._offset

    def tell(self) -> int:
        """Return the offset."""
        return self._offset

    def read(self, n_bytes: int) -> bytes:
        """Read the next bytes.

        Raises:
            OSError: they cannot be read, or the file has become shorter.
        """
        if self._offset >= self._recording.size_bytes:
            return b""
        data = self._recording.part(self._offset, n_bytes)
        self._offset += len(data)
        if self._on_sent is not None:
            self._on_sent(self._offset, self._recording.size_bytes)
        return data
