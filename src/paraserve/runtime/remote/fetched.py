"""A recording that was fetched, and how its bytes are written down."""

from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import BinaryIO

from paraserve.remote_errors import RemoteRecordingError
from paraserve.runtime.decoding.spool import storing
from paraserve.runtime.in_thread import in_thread

WRITE_BYTES = 256 * 1024
"""Bytes that are collected before a thread writes them."""
MAX_NAME_CHARS = 255


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched. `filename` is only shown, `content_type` is that of the answer, "" without one."""

    size_bytes: int
    filename: str
    content_type: str = ""


async def write_pieces(pieces: AsyncIterable[bytes], to: BinaryIO, max_bytes: int) -> int:
    """Write the pieces to a file; return their bytes.

    Raises:
        RemoteRecordingError: they are more than `max_bytes`, or none.
        StorageFullError, StorageError: see `storing`.
    """
    n_bytes, held = 0, bytearray()
    async for piece in pieces:
        n_bytes += len(piece)
        if n_bytes > max_bytes:
            raise too_large(max_bytes)
        held += piece
        if len(held) >= WRITE_BYTES:
            await _write(to, bytes(held))
            held.clear()
    await _write(to, bytes(held))
    if not n_bytes:
        raise RemoteRecordingError("the recording of url is empty", param="url")
    return n_bytes


def too_large(max_bytes: int) -> RemoteRecordingError:
    """Return the error of a recording that is larger than it may be."""
    message = f"the recording of url is larger than {max_bytes / 1024**2:.1f} MiB"
    return RemoteRecordingError(message, code="file_too_large", param="url")


def shown_name(path: str) -> str:
    """Return the last part of a path, cut to what can be shown."""
    name = path.rstrip("/").rpartition("/")[2]
    return "".join(filter(str.isprintable, name))[:MAX_NAME_CHARS]


async def _write(to: BinaryIO, data: bytes) -> None:
    with storing():
        await in_thread(to.write, data)
