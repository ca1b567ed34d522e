"""Copies of recordings, in pieces."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from paraserve.errors import ParaserveError, StorageError
from paraserve.runtime.decoding.spool import storing

PIECE_BYTES = 1024**2


def pieces_of(file: IO[bytes]) -> Iterator[bytes]:
    """Yield a file's bytes from its position on."""
    return iter(lambda: file.read(PIECE_BYTES), b"")


@contextmanager
def reading() -> Iterator[None]:
    """Turn failures to read stored recordings into errors that may pass. A missing file stays FileNotFoundError.

    Raises:
        StorageError: the folder or the file cannot be read.
    """
    try:
        yield
    except (ParaserveError, FileNotFoundError):
        raise
    except OSError as error:
        raise StorageError(f"the server cannot read its recordings: {error.strerror}") from error


def copy_pieces(pieces: Iterable[bytes], to: IO[bytes]) -> None:
    """Write the pieces to a file, and go to its start.

    Raises:
        StorageFullError, StorageError: see `storing`. Errors of the pieces themselves pass.
    """
    with storing():
        for piece in pieces:
            to.write(piece)
        to.flush()
        to.seek(0)
