"""The table of errors: a row for every class, the same answer on HTTP and WebSocket."""

import pytest

from paraserve import errors, job_errors, remote_errors
from paraserve.errors import DiskFullError, FinalTimeoutError, ModelUnavailableError, ParaserveError, StorageError
from paraserve.server.error_table import ERROR_TABLE, error_row

MODULES = (errors, job_errors, remote_errors)
CLASSES = list(
    dict.fromkeys(
        k
        for module in MODULES
        for k in vars(module).values()
        if isinstance(k, type) and issubclass(k, ParaserveError)
    )
)
SUBCLASSES = [k for k in CLASSES if k is not ParaserveError]


def rows_of(kind):
    return [row for row in ERROR_TABLE if issubclass(kind, row.kind)]


@pytest.mark.parametrize("kind", SUBCLASSES, ids=lambda k: k.__name__)
def test_every_class_has_a_row(kind):
    """Each class has a row of its own or its parent's; the row of the base is for bare errors only."""
    assert error_row(kind("message")).kind is not ParaserveError
    assert error_row(kind("message")) == rows_of(kind)[0]


@pytest.mark.parametrize("row", ERROR_TABLE, ids=lambda row: row.kind.__name__)
def test_no_row_is_hidden(row):
    """A class stands before its bases: an error of exactly this class finds this row."""
    assert error_row(row.kind("message")) is row


@pytest.mark.parametrize("kind", CLASSES, ids=lambda k: k.__name__)
def test_both_transports_agree(kind):
    """An error of the server ends a live connection, one of the client's recording or message does not.

    Nor does a disk that is full: raw audio, which needs none, may still be sent. Nor a model that cannot be loaded:
    another one may be named. Nor an utterance that took too long: the next one may be quicker.
    """
    row = error_row(kind("message"))
    is_client_fault = row.status < 500 and row.status not in {401, 403, 413, 421, 429}
    stays = is_client_fault or issubclass(
        kind, (StorageError, DiskFullError, ModelUnavailableError, FinalTimeoutError)
    )
    assert (row.close_code is None) == stays
    assert (row.retry_after_s is not None) == (row.status in {423, 429, 503})


def test_a_bare_error_is_ours():
    """A `ParaserveError` of no class is an internal error on both transports."""
    row = error_row(ParaserveError("message"))
    assert (row.status, row.close_code) == (500, 1011)
