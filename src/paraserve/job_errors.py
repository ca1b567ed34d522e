"""Errors about jobs, their store, and resumable uploads. `errors.py` has the tree that they belong to."""

from paraserve.errors import KeyLimitError, ParaserveError, ProtocolError, StorageError


class JobNotFoundError(ProtocolError, LookupError):
    """There is no job of this id, or it belongs to another API key."""

    code = "job_not_found"


class JobStateError(ProtocolError):
    """The job is in a state that does not allow this: its transcript is not there yet, or never will be."""

    code = "job_not_done"


class IdempotencyError(ProtocolError):
    """The `Idempotency-Key` was used before, with another request."""

    code = "idempotency_key_reused"


class QuotaError(KeyLimitError):
    """The API key has used up what it may have: jobs that wait, hours of audio a day, or bytes."""

    code = "quota_exceeded"


class JobTimeoutError(ParaserveError, TimeoutError):
    """The job took longer than its timeout allows. It is tried again."""

    code = "job_timeout"


class AttemptsUsedError(ParaserveError, RuntimeError):
    """The server stopped while it worked on the job, as often as the job may be tried."""

    code = "attempts_used"


class DatabaseAwayError(StorageError):
    """The database of jobs does not answer now. The same request may be sent again later."""

    code = "database_unavailable"


class StoredDataError(ParaserveError, ValueError):
    """A stored recording or text is missing, damaged, or encrypted with another key. Another try does not help."""

    code = "stored_data_unreadable"


class LeaseLostError(ParaserveError, RuntimeError):
    """Another runner has the job by now, or it was cancelled. Whatever this one still writes about it is refused."""

    code = "lease_lost"


class UploadNotFoundError(ProtocolError, LookupError):
    """There is no resumable upload of this id, or it belongs to another API key."""

    code = "upload_not_found"


class UploadOffsetError(ProtocolError):
    """The bytes do not follow those that the server has, or more come than were announced."""

    code = "upload_offset"


class UploadChecksumError(ProtocolError):
    """The bytes differ from their checksum, and were not kept."""

    code = "upload_checksum"


class UploadStateError(ProtocolError):
    """The upload is not complete, or has become a job already."""

    code = "upload_state"


class UploadBusyError(ProtocolError):
    """Another request has the upload. It may be free in a moment."""

    code = "upload_busy"


class UploadVersionError(ProtocolError):
    """The request is of no version of the tus protocol that the server speaks, or does not say so."""

    code = "tus_version"


class UploadTypeError(ProtocolError):
    """The bytes of an upload come with another content type than that of the tus protocol."""

    code = "upload_content_type"
