"""A Unix socket to listen on, for proxies on this machine."""

import contextlib
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from paraserve.errors import ParaserveError

IN_USE = "another server listens there"
HIDDEN_FROM = 0o117
"""Others than the server's user and group may not open it: who may is trusted like a proxy."""


@contextlib.contextmanager
def bound_unix_socket(path: Path) -> Iterator[socket.socket]:
    """Bind a socket to a path, and remove it at the end. A file that a dead server left is replaced.

    A lock on `PATH.lock` tells a server that still loads its models, and listens to nobody, from a dead one.

    Raises:
        ParaserveError: another server listens there or is about to, the file is no socket, or it cannot be made.
    """
    with contextlib.ExitStack() as stack:
        bound = stack.enter_context(socket.socket(socket.AF_UNIX))
        try:
            _lock(stack.enter_context(path.with_name(path.name + ".lock").open("w")))
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


def _lock(file: IO[str]) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(IN_USE) from None


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
    raise OSError(IN_USE)
