"""Errors of answers: the class by the server's code, else by the status."""

from collections.abc import Mapping
from types import MappingProxyType

from paraserve_client.errors import (
    AccessError,
    AddressLimitError,
    AudioError,
    AudioTooLongError,
    DatabaseAwayError,
    DecoderUnavailableError,
    EngineStuckError,
    HostError,
    IdempotencyError,
    InferenceError,
    InferenceTimeoutError,
    JobNotFoundError,
    JobStateError,
    JobTimeoutError,
    KeyLimitError,
    MissingScopeError,
    ModelNotFoundError,
    ModelUnavailableError,
    OriginError,
    OverloadedError,
    ParaserveError,
    ProtocolError,
    QuotaError,
    RemoteAwayError,
    RemoteRecordingError,
    RequestTimeoutError,
    ShuttingDownError,
    SlowUploadError,
    StorageError,
    StorageFullError,
    TaskUnavailableError,
    UnsupportedFormatError,
    UploadNotFoundError,
    UploadOffsetError,
    UploadStateError,
    UploadTooLargeError,
    UrlNotAllowedError,
    WrongKeysError,
)
from paraserve_client.http.resending import retry_after_s
from paraserve_client.http.steps import Answer, NoAnswer

_NAMED = (
    AddressLimitError,
    AudioError,
    AudioTooLongError,
    DatabaseAwayError,
    DecoderUnavailableError,
    EngineStuckError,
    HostError,
    IdempotencyError,
    InferenceError,
    InferenceTimeoutError,
    JobNotFoundError,
    JobStateError,
    JobTimeoutError,
    KeyLimitError,
    MissingScopeError,
    ModelNotFoundError,
    ModelUnavailableError,
    OriginError,
    QuotaError,
    RemoteAwayError,
    RemoteRecordingError,
    RequestTimeoutError,
    ShuttingDownError,
    SlowUploadError,
    StorageError,
    StorageFullError,
    TaskUnavailableError,
    UnsupportedFormatError,
    UploadNotFoundError,
    UploadOffsetError,
    UploadStateError,
    UploadTooLargeError,
    UrlNotAllowedError,
    WrongKeysError,
)
BY_CODE: Mapping[str, type[ParaserveError]] = MappingProxyType(
    {kind.code: kind for kind in _NAMED}
    | dict.fromkeys(("job_failed", "job_cancelled", "result_deleted"), JobStateError)
)
BY_STATUS: Mapping[int, type[ParaserveError]] = MappingProxyType(
    {
        401: AccessError,
        403: AccessError,
        413: UploadTooLargeError,
        415: UnsupportedFormatError,
        422: AudioError,
        429: OverloadedError,
        502: OverloadedError,
        503: OverloadedError,
        504: RequestTimeoutError,
        507: StorageFullError,
    }
)


def failure_of(outcome: Answer | NoAnswer) -> ParaserveError | None:
    """Return the error of a request, None if it succeeded."""
    if isinstance(outcome, NoAnswer):
        kind = ProtocolError if outcome.is_lasting else OverloadedError
        return kind(outcome.reason, code=outcome.code)
    return None if outcome.is_success else error_of(outcome)


def error_of(answer: Answer) -> ParaserveError:
    """Return the error that an answer stands for, with the server's message, `code` and `param`."""
    body = answer.json()
    error = body.get("error") if isinstance(body, dict) else None
    facts = error if isinstance(error, dict) else {}
    code, param = facts.get("code"), facts.get("param")
    message = str(facts.get("message") or f"the server answered {answer.status}")
    kind = BY_CODE.get(str(code)) or _kind_of(answer.status)
    return kind(
        message,
        code=str(code) if code else None,
        param=param if isinstance(param, str) else None,
        retry_after_s=retry_after_s(answer),
    )


def _kind_of(status: int) -> type[ParaserveError]:
    return BY_STATUS.get(status, ProtocolError if 400 <= status < 500 else ParaserveError)
