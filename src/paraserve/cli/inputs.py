"""Recordings named on the command line."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from paraserve.errors import ParaserveError

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """A recording as the user named it. `copy` holds the bytes of standard input or a pipe, readable only once."""

    name: str
    copy: BinaryIO | None = None

    @property
    def stem(self) -> str:
        """Name of its output files, without the format."""
        return "stdin" if self.name == STDIN else Path(self.name).stem

    @property
    def filename(self) -> str:
        """Name of the file that a server is told."""
        return "stdin" if self.name == STDIN else Path(self.name).name

    @property
    def size_bytes(self) -> int:
        """Bytes of the recording, 0 where they cannot be told."""
        with suppress(OSError):
            return (Path(self.name).stat() if self.copy is None else os.fstat(self.copy.fileno())).st_size
        return 0

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the bytes as a seekable file.

        Raises:
            OSError: they cannot be read.
        """
        if self.copy is not None:
            self.copy.seek(0)
            yield self.copy
            return
        with Path(self.name).open("rb") as file:
            yield file


@contextmanager
def open_sources(names: Sequence[str]) -> Iterator[list[Source]]:
    """Open the recordings. Standard input and pipes are first read to their end into unlinked temporary files.

    Raises:
        ParaserveError: a pipe cannot be read.
    """
    with ExitStack() as stack:
        yield [Source(name, stack.enter_context(_copy_of_pipe(name)) if _is_pipe(name) else None) for name in names]


def _is_pipe(name: str) -> bool:
    return name == STDIN or Path(name).is_fifo()


@contextmanager
def _copy_of_pipe(name: str) -> Iterator[BinaryIO]:
    path = Path("/dev/stdin" if name == STDIN else name)
    with tempfile.TemporaryFile() as copy:
        try:
            with path.open("rb") as pipe:
                shutil.copyfileobj(pipe, copy)
        except OSError as error:
            raise ParaserveError(f"cannot read {path}: {error.strerror}") from None
        yield copy
