"""Failures of the database as errors of ours: it is away, it is full, or it cannot be used."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from paraserve.errors import StorageError, StorageFullError
from paraserve.job_errors import DatabaseAwayError

RETRY_AFTER_S = 5
SQLITE_AWAY = frozenset((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED))
POSTGRES_FULL = frozenset(("53100", "53200"))
"""SQLSTATE: disk full, out of memory."""


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn failures of the database into errors for the client.

    Raises:
        DatabaseAwayError: no connection, or it broke; what was in progress may be sent again.
        StorageFullError: its disk is full.
        StorageError: its files are damaged or cannot be written.
    """
    try:
        yield
    except DBAPIError as error:
        raise _error(error) from error
    except sqlite3.Error as error:
        raise _sqlite_error(error, error) from error
    except PoolTimeoutError as error:
        raise _away() from error


def _error(error: DBAPIError) -> Exception:
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_error(error, error.orig)
    if getattr(error.orig, "sqlstate", None) in POSTGRES_FULL:
        return StorageFullError("the database of jobs has no space left")
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        return _away()
    return error


def _sqlite_error(error: Exception, cause: sqlite3.Error) -> Exception:
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the rest of an extended code says more about the same
    if code == sqlite3.SQLITE_FULL:
        return StorageFullError("the server has no space left for its database of jobs")
    if code in SQLITE_AWAY:
        return _away()
    if isinstance(cause, sqlite3.IntegrityError | sqlite3.ProgrammingError):
        return error
    return StorageError(f"the database of jobs cannot be used: {cause}")


def _away() -> DatabaseAwayError:
    return DatabaseAwayError("the database of jobs does not answer now", retry_after_s=RETRY_AFTER_S)
