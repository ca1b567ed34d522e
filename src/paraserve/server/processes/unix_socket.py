"""A Unix socket to listen on, for proxies on this machine."""

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from paraserve.errors import ParaserveError

HIDDEN_FROM = 0o117
"""Others than the server's user and group may not open it: who may is trusted like a proxy."""


@contextlib.contextmanager
def bound_unix_socket(path: Path) -> Iterator[socket.socket]:
    """Bind a socket to a path, and remove it at the end. A file that a dead server left is replaced.

    Raises:
        ParaserveError: another server listens there, the file is no socket, or it cannot be made.
    """
    with socket.socket(socket.AF_UNIX) as bound:
        try:
            _remove_stale(path)
            mask = os.umask(HIDDEN_FROM)
            try:
                bound.bind(str(path))
            finally:
                os.umask(mask)
            made = path.stat()
        except OSError as error:
            raise ParaserveError(f"cannot listen on {path}: {error.strerror or error}") from None
        try:
            yield bound
        finally:
            with contextlib.suppress(OSError):
                if os.path.samestat(path.stat(), made):  # another server may have its own there by now
                    path.unlink()


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(f"{path} is no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError:  # its queue is full: somebody listens
            pass
    raise OSError("another server listens there")
