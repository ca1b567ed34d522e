"""Copies of recordings, made on a thread in pieces."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, ParamSpec, TypeVar

from paraserve.errors import ParaserveError, StorageError
from paraserve.runtime.decoding.spool import storing

P = ParamSpec("P")
T = TypeVar("T")
PIECE_BYTES = 1024**2


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function on a thread. A caller that is cancelled waits for its end, and may then close its files."""
    running = asyncio.get_running_loop().run_in_executor(None, partial(function, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # nobody else fetches it
        raise


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
