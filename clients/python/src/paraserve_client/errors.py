"""Errors of a server as its clients get them, and those of the clients themselves.

`code` is stable and meant for programs, the message for people.
"""


class ParaserveError(Exception):
    """Base of all errors. `code` names the case, `param` the field of the request at fault (None: no field is).

    `retry_after_s` is the time to wait where it is known, None where the class says all.
    """

    code = "internal_error"

    def __init__(
        self, message: str, *, code: str | None = None, param: str | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s
        if code is not None:
            self.code = code


class AudioError(ParaserveError, ValueError):
    """The recording cannot be used."""

    code = "invalid_audio"


class UnsupportedFormatError(AudioError):
    """Not a container or codec that we decode."""

    code = "unsupported_format"


class AudioTooLongError(AudioError):
    """Longer than the duration limit."""

    code = "audio_too_long"


class UploadTooLargeError(AudioError):
    """More bytes than the size limit."""

    code = "file_too_large"


class ProtocolError(ParaserveError, ValueError):
    """A request or message breaks the protocol."""

    code = "invalid_request"


class TaskUnavailableError(ProtocolError):
    """The request asks for a translation, and the loaded model cannot translate."""

    code = "task_unavailable"


class SlowUploadError(ProtocolError, TimeoutError):
    """The client stopped sending in the middle of its upload."""

    code = "upload_timeout"


class ModelNotFoundError(ProtocolError, LookupError):
    """The server has no model of this name. The message names those that it has."""

    code = "model_not_found"


class AccessError(ParaserveError, PermissionError):
    """The client may not use the server: no API key, an unknown or expired one, or a page of a foreign origin."""

    code = "refused"


class HostError(AccessError):
    """The request is for a name that the server does not answer to."""

    code = "host_not_allowed"


class OriginError(AccessError):
    """Pages of this origin may not use the server."""

    code = "origin_not_allowed"


class MissingScopeError(AccessError):
    """The API key is good, and not for this. The message names the scope that it needs."""

    code = "missing_scope"


class WrongKeysError(AccessError):
    """Too many unknown API keys came from the client's address."""

    code = "too_many_wrong_keys"


class OverloadedError(ParaserveError, RuntimeError):
    """Full, or shutting down. The same request may be sent again later."""

    code = "overloaded"


class KeyLimitError(OverloadedError):
    """This client has too much in progress. There may be room for others."""

    code = "key_limit"


class AddressLimitError(OverloadedError):
    """This client's address has too much in progress. There may be room for others."""

    code = "address_limit"


class EngineStuckError(OverloadedError):
    """No model answers any more. The process is replaced, and the same request may be sent again then."""

    code = "engine_stuck"


class ModelUnavailableError(OverloadedError):
    """The model that the request names cannot be loaded, and no other answers in its place. The message says why."""

    code = "model_unavailable"


class DecoderUnavailableError(OverloadedError):
    """No decode child could be started, or it was ended from outside, twice. The recording is not at fault."""

    code = "decoder_unavailable"


class ShuttingDownError(OverloadedError):
    """The server is about to stop. Another server, or this one after its restart, may answer."""

    code = "shutting_down"


class StorageError(ParaserveError, OSError):
    """A recording that is being received cannot be stored: the folder for temporary files cannot be written."""

    code = "storage_unavailable"


class StorageFullError(StorageError):
    """There is no room for a recording that is being received."""

    code = "disk_full"


class RequestTimeoutError(ParaserveError, TimeoutError):
    """The request took longer than the server, or the client itself, allows."""

    code = "request_timeout"


class InferenceError(ParaserveError, RuntimeError):
    """A model failed on valid input."""

    code = "inference_failed"


class InferenceTimeoutError(InferenceError, TimeoutError):
    """A model run took longer than the server allows. The process is replaced, since the run cannot be ended."""

    code = "inference_timeout"


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


class DatabaseAwayError(StorageError):
    """The database of jobs does not answer now. The same request may be sent again later."""

    code = "database_unavailable"


class UploadNotFoundError(ProtocolError, LookupError):
    """There is no resumable upload of this id, or it belongs to another API key."""

    code = "upload_not_found"


class UploadOffsetError(ProtocolError):
    """The bytes do not follow those that the server has, or more come than were announced."""

    code = "upload_offset"


class UploadStateError(ProtocolError):
    """The upload is not complete, or has become a job already."""

    code = "upload_state"


class UrlNotAllowedError(ProtocolError):
    """The URL leads to a place that clients may not send the server to, or has a form that is not taken."""

    code = "url_not_allowed"


class RemoteRecordingError(AudioError):
    """The recording at the URL cannot be had, and will not be: not found, forbidden, too large."""

    code = "url_failed"


class RemoteAwayError(ParaserveError, OSError):
    """The host of the URL does not answer now, or broke off. Another try may succeed."""

    code = "url_unavailable"
