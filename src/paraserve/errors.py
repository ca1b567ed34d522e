"""All errors that paraserve raises on purpose.

    ParaserveError
    ├── AudioError (ValueError)            the recording cannot be used
    │   ├── UnsupportedFormatError         not a container or codec that we decode
    │   ├── AudioTooLongError              longer than the duration limit
    │   ├── UploadTooLargeError            more bytes than the size limit
    │   └── DecoderError                   the decoder gave up, ran out of time or memory
    ├── ProtocolError (ValueError)         a request or message breaks the protocol
    │   └── SlowUploadError (TimeoutError) the client stopped sending in the middle of its upload
    ├── AccessError (PermissionError)      no API key, an unknown one, or a page of a foreign origin
    ├── OverloadedError (RuntimeError)     full, or shutting down: try again later
    │   ├── KeyLimitError                  this client has too much in progress, others may not
    │   ├── DecoderUnavailableError        no decode child could be started, or kept
    │   └── ShuttingDownError              the server is about to stop
    ├── StorageError (OSError)             a recording cannot be stored while it is received
    │   └── StorageFullError               there is no room for it
    ├── ModelLoadError (OSError)           a model file is missing, damaged or of an unknown kind
    ├── ModelPullError (OSError)           a model cannot be downloaded
    │   └── DiskFullError                  there is no room for it
    └── InferenceError (RuntimeError)      a model failed on valid input

`code` is stable and meant for programs, the message for people. `server/error_table.py` maps the classes to HTTP
statuses and WebSocket close codes.
"""


class ParaserveError(Exception):
    """Base of all errors. `code` names the case, `param` the field of the request at fault (None: no field is)."""

    code = "internal_error"

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
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


class SlowUploadError(ProtocolError, TimeoutError):
    """The client stopped sending in the middle of its upload."""

    code = "upload_timeout"


class AccessError(ParaserveError, PermissionError):
    """The client may not use the server: no API key, an unknown one, or a page of a foreign origin."""

    code = "refused"


class OverloadedError(ParaserveError, RuntimeError):
    """Full, or shutting down. The same request may be sent again later."""

    code = "overloaded"


class KeyLimitError(OverloadedError):
    """This client has too much in progress. There may be room for others."""

    code = "key_limit"


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


class InferenceError(ParaserveError, RuntimeError):
    """A model failed on valid input."""

    code = "inference_failed"
