"""Recordings while they are received: in memory when short, else in an unlinked file of the temporary folder."""

import errno
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from paraserve.errors import ParaserveError, StorageError, StorageFullError

SPOOL_MEMORY_BYTES = 1024**2
"""Size up to which a recording being received stays in memory; a larger one goes to an unlinked file."""
FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))

log = logging.getLogger(__name__)


@contextmanager
def spool() -> Iterator[BinaryIO]:
    """Make a file for a recording being received. It leaves nothing behind.

    Raises:
        StorageFullError, StorageError: see `storing`.
    """
    with storing(), tempfile.SpooledTemporaryFile(max_size=SPOOL_MEMORY_BYTES) as file:
        yield cast("BinaryIO", file)


@contextmanager
def storing() -> Iterator[None]:
    """Turn failures to write a recording into errors for the client, and tell the operator.

    Raises:
        StorageFullError: the disk, a quota or a limit on file sizes leaves no room.
        StorageError: the temporary folder is missing, cannot be written, or there are no descriptors left.
    """
    try:
        yield
    except ParaserveError:
        raise
    except OSError as error:
        if error.errno is None:  # a time limit, or a broken connection
            raise
        log.warning("a recording cannot be stored: %s", error)
        if error.errno in FULL:
            raise StorageFullError("the server has no space left for the upload") from error
        raise StorageError(f"the server cannot store the upload: {error.strerror}") from error
