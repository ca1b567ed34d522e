"""Encrypted bytes of a resumable upload: blocks of any size, each sealed with the place of its first byte."""

import os
from collections.abc import Iterator
from typing import IO

from paraserve.job_errors import StoredDataError
from paraserve.runtime.jobs.recordings.cipher import HEADER_BYTES, TAG_BYTES, Cipher

SIZE_BYTES = 4
PLACE_BYTES = 8


def sealed_block(cipher: Cipher, block: bytes, offset: int) -> bytes:
    """Return a block as it is stored. `offset` is the place of its first byte in the upload."""
    sealed = cipher.seal(offset.to_bytes(PLACE_BYTES, "big") + block)
    return len(sealed).to_bytes(SIZE_BYTES, "big") + sealed


def end_of(file: IO[bytes], offset: int) -> int | None:
    """Return the place in the file behind the first `offset` bytes of the upload, None where no block ends there."""
    plain_end = end = 0
    for size in _sizes(file):
        if plain_end >= offset:
            break
        plain_end += size - HEADER_BYTES - TAG_BYTES - PLACE_BYTES
        end += SIZE_BYTES + size
    return end if plain_end == offset else None


def unsealed_blocks(file: IO[bytes], cipher: Cipher) -> Iterator[bytes]:
    """Decrypt all blocks of a file.

    Raises:
        StoredDataError: they were damaged, moved, or sealed with another key; possibly after the first blocks.
    """
    offset = 0
    for size in _sizes(file):
        block = cipher.unseal(file.read(size))
        if block[:PLACE_BYTES] != offset.to_bytes(PLACE_BYTES, "big"):
            raise StoredDataError("a block of the upload is not in its place")
        yield block[PLACE_BYTES:]
        offset += len(block) - PLACE_BYTES


def _sizes(file: IO[bytes]) -> Iterator[int]:
    """Yield the size of each block, with the file at its begin. The last one may be cut off."""
    place, file_bytes = 0, os.fstat(file.fileno()).st_size
    while place + SIZE_BYTES <= file_bytes:
        file.seek(place)
        size = int.from_bytes(file.read(SIZE_BYTES), "big")
        place += SIZE_BYTES + size
        if place > file_bytes:
            return
        yield size
