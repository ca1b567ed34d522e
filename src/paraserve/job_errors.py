"""Errors about jobs, their store, and resumable uploads. `errors.py` has the tree that they belong to."""

# Clients meet these, too, so they stand in the clients' package.
from paraserve.errors import ParaserveError, ProtocolError
from paraserve_client.errors import (
    DatabaseAwayError,
    IdempotencyError,
    JobNotFoundError,
    JobStateError,
    JobTimeoutError,
    QuotaError,
    UploadNotFoundError,
    UploadOffsetError,
    UploadStateError,
)


class AttemptsUsedError(ParaserveError, RuntimeError):
    """The server stopped while it worked on the job, as often as the job may be tried."""

    code = "attempts_used"


class StoredDataError(ParaserveError, ValueError):
    """A stored recording or text is missing, damaged, or encrypted with another key. Another try does not help."""

    code = "stored_data_unreadable"


class LeaseLostError(ParaserveError, RuntimeError):
    """Another runner has the job by now, or it was cancelled. Whatever this one still writes about it is refused."""

    code = "lease_lost"


class UploadChecksumError(ProtocolError):
    """The bytes differ from their checksum, and were not kept."""

    code = "upload_checksum"


class UploadBusyError(ProtocolError):
    """Another request has the upload. It may be free in a moment."""

    code = "upload_busy"


class UploadVersionError(ProtocolError):
    """The request is of no version of the tus protocol that the server speaks, or does not say so."""

    code = "tus_version"


class UploadTypeError(ProtocolError):
    """The bytes of an upload come with another content type than that of the tus protocol."""

    code = "upload_content_type"
