"""Answers to each class of errors: HTTP status, WebSocket close code and time to wait.

HTTP takes them from here in `error_responses.py`, live connections in `live/`.
"""

from dataclasses import dataclass

from paraserve.errors import (
    AccessError,
    AddressLimitError,
    AudioError,
    AudioTooLongError,
    DecoderError,
    DiskFullError,
    EngineStuckError,
    FinalTimeoutError,
    HostError,
    InferenceError,
    InferenceTimeoutError,
    KeyLimitError,
    LimitsAwayError,
    LocalOnlyError,
    MissingPackageError,
    MissingScopeError,
    ModelExportError,
    ModelLoadError,
    ModelNotFoundError,
    ModelPullError,
    ModelUnavailableError,
    NoPullError,
    OriginError,
    OverloadedError,
    ParaserveError,
    ProtocolError,
    PullBusyError,
    ReloadError,
    RequestTimeoutError,
    ShuttingDownError,
    SigningKeyError,
    SlowUploadError,
    StorageError,
    StorageFullError,
    TraceNotFoundError,
    UnsupportedFormatError,
    UploadTooLargeError,
    WrongKeysError,
)
from paraserve.job_errors import (
    AttemptsUsedError,
    DatabaseAwayError,
    IdempotencyError,
    JobNotFoundError,
    JobStateError,
    JobTimeoutError,
    LeaseLostError,
    QuotaError,
    StoredDataError,
    UploadBusyError,
    UploadChecksumError,
    UploadNotFoundError,
    UploadOffsetError,
    UploadStateError,
    UploadTypeError,
    UploadVersionError,
)
from paraserve.remote_errors import RemoteAwayError, RemoteRecordingError, UrlNotAllowedError


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """The answer to errors of one class.

    `close_code` ends a WebSocket connection, None lets it go on with the next utterance. `retry_after_s` is the value
    of the HTTP header `Retry-After` where the error knows no better, None where the same request would fail again.
    """

    kind: type[ParaserveError]
    status: int
    close_code: int | None = None
    retry_after_s: int | None = None


ERROR_TABLE = (
    ErrorRow(UnsupportedFormatError, 415),
    ErrorRow(UploadTooLargeError, 413, 1009),
    ErrorRow(AudioTooLongError, 422),
    ErrorRow(DecoderError, 422),
    ErrorRow(RemoteRecordingError, 422),
    ErrorRow(AudioError, 400),
    ErrorRow(SlowUploadError, 408),
    ErrorRow(ModelNotFoundError, 404),
    ErrorRow(TraceNotFoundError, 404),
    ErrorRow(JobNotFoundError, 404),
    ErrorRow(UploadNotFoundError, 404),
    ErrorRow(JobStateError, 409),
    ErrorRow(UploadStateError, 409),
    ErrorRow(UploadVersionError, 412),
    ErrorRow(UploadTypeError, 415),
    ErrorRow(UploadBusyError, 423, None, 1),
    ErrorRow(UploadOffsetError, 409),
    ErrorRow(UploadChecksumError, 460),
    ErrorRow(IdempotencyError, 422),
    ErrorRow(UrlNotAllowedError, 400),
    ErrorRow(ProtocolError, 400),
    ErrorRow(HostError, 421, 1008),
    ErrorRow(OriginError, 403, 1008),
    ErrorRow(LocalOnlyError, 403, 1008),
    ErrorRow(MissingScopeError, 403, 1008),
    ErrorRow(WrongKeysError, 429, 1008, 60),
    ErrorRow(AccessError, 401, 1008),
    ErrorRow(QuotaError, 429, 1013, 60),
    ErrorRow(KeyLimitError, 429, 1013, 1),
    ErrorRow(AddressLimitError, 429, 1013, 1),
    ErrorRow(LimitsAwayError, 503, 1013, 5),
    ErrorRow(ShuttingDownError, 503, 1012, 1),
    ErrorRow(EngineStuckError, 503, 1013, 5),
    ErrorRow(ModelUnavailableError, 503, None, 30),
    ErrorRow(OverloadedError, 503, 1013, 1),
    ErrorRow(FinalTimeoutError, 504),
    ErrorRow(RequestTimeoutError, 504, 1011),
    ErrorRow(InferenceTimeoutError, 503, 1011, 5),
    ErrorRow(JobTimeoutError, 504, 1011),
    ErrorRow(RemoteAwayError, 503, 1011, 5),
    ErrorRow(StorageFullError, 507),
    ErrorRow(DatabaseAwayError, 503, None, 5),
    ErrorRow(StorageError, 503, None, 1),
    ErrorRow(InferenceError, 500, 1011),
    ErrorRow(LeaseLostError, 500, 1011),
    ErrorRow(AttemptsUsedError, 500, 1011),
    ErrorRow(StoredDataError, 500, 1011),
    ErrorRow(ReloadError, 409),
    ErrorRow(ModelLoadError, 500, 1011),
    ErrorRow(SigningKeyError, 500, 1011),
    ErrorRow(DiskFullError, 507),
    ErrorRow(NoPullError, 404),
    ErrorRow(PullBusyError, 409),
    ErrorRow(MissingPackageError, 409),
    ErrorRow(ModelPullError, 500, 1011),
    ErrorRow(ModelExportError, 500, 1011),
    ErrorRow(ParaserveError, 500, 1011),
)
"""The first row whose class fits counts, so a class stands before its base."""


def error_row(error: ParaserveError) -> ErrorRow:
    """Return the row of an error's class."""
    return next(row for row in ERROR_TABLE if isinstance(error, row.kind))
