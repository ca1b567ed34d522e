"""All errors that paraserve raises on purpose.

    ParaserveError
    ├── AudioError (ValueError)            the recording cannot be used
    │   ├── UnsupportedFormatError         not a container or codec that we decode
    │   ├── AudioTooLongError              longer than the duration limit
    │   ├── UploadTooLargeError            more bytes than the size limit
    │   └── DecoderError                   the decoder gave up, ran out of time or memory
    ├── ProtocolError (ValueError)         a request or message breaks the protocol
    │   ├── TaskUnavailableError           no loaded model does what is asked for: none translates
    │   └── SlowUploadError (TimeoutError) the client stopped sending in the middle of its upload
    ├── NoSuchModelError (LookupError)     no model of this name is loaded
    ├── AccessError (PermissionError)      no API key, an unknown or expired one
    │   ├── HostError                      a request to a name that is not the server's
    │   ├── OriginError                    a page of a foreign origin
    │   ├── MissingScopeError              the API key is good, and not for this
    │   └── WrongKeysError                 too many unknown API keys came from this address
    ├── OverloadedError (RuntimeError)     full, or shutting down: try again later
    │   ├── KeyLimitError                  this client has too much in progress, others may not
    │   ├── AddressLimitError              this client's address has too much in progress
    │   ├── EngineStuckError               no model answers any more; the server is being replaced
    │   ├── DecoderUnavailableError        no decode child could be started, or kept
    │   └── ShuttingDownError              the server is about to stop
    ├── StorageError (OSError)             a recording cannot be stored while it is received
    │   └── StorageFullError               there is no room for it
    ├── ModelLoadError (OSError)           a model file is missing, damaged or of an unknown kind
    ├── ModelPullError (OSError)           a model cannot be downloaded
    │   └── DiskFullError                  there is no room for it
    ├── RequestTimeoutError (TimeoutError) the request took longer than the server allows
    └── InferenceError (RuntimeError)      a model failed on valid input
        └── InferenceTimeoutError (TimeoutError)  a model run took longer than the server allows

`code` is stable and meant for programs, the message for people. `server/error_table.py` maps the classes to HTTP
statuses and WebSocket close codes.
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


class DecoderError(AudioError):
    """The decoder gave up on this recording, or ran into its time or memory limit."""

    code = "decoder_failed"


class ProtocolError(ParaserveError, ValueError):
    """A request or message breaks the protocol."""

    code = "invalid_request"


class TaskUnavailableError(ProtocolError):
    """The request asks for a translation, and the loaded model cannot translate."""

    code = "task_unavailable"


class SlowUploadError(ProtocolError, TimeoutError):
    """The client stopped sending in the middle of its upload."""

    code = "upload_timeout"


class NoSuchModelError(ParaserveError, LookupError):
    """No model of this name is loaded."""

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


class ModelLoadError(ParaserveError, OSError):
    """A model file is missing, damaged or of an unknown kind. The message names the file."""

    code = "model_load_failed"


class ModelPullError(ParaserveError, OSError):
    """A model cannot be downloaded. The message names the source."""

    code = "model_pull_failed"


class DiskFullError(ModelPullError):
    """There is no room for a model."""

    code = "disk_full"


class RequestTimeoutError(ParaserveError, TimeoutError):
    """The request took longer than the server allows."""

    code = "request_timeout"


class InferenceError(ParaserveError, RuntimeError):
    """A model failed on valid input."""

    code = "inference_failed"


class InferenceTimeoutError(InferenceError, TimeoutError):
    """A model run took longer than the server allows. The process is replaced, since the run cannot be ended."""

    code = "inference_timeout"
