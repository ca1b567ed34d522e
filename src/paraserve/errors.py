"""All errors that paraserve raises on purpose.

    ParaserveError
    ├── AudioError (ValueError)            the recording cannot be used
    │   ├── UnsupportedFormatError         not a container or codec that we decode
    │   ├── AudioTooLongError              longer than the duration limit
    │   ├── UploadTooLargeError            more bytes than the size limit
    │   └── DecoderError                   the decoder gave up, ran out of time or memory
    ├── ProtocolError (ValueError)         a request or message breaks the protocol
    │   ├── SlowUploadError (TimeoutError) the client stopped sending in the middle of its upload
    │   ├── TaskUnavailableError           no loaded model does what is asked for: none translates
    │   ├── ModelNotFoundError (LookupError)  the server has no model of this name
    │   └── TraceNotFoundError (LookupError)  no session or upload of this id was there lately
    ├── AccessError (PermissionError)      no API key, an unknown or expired one
    │   ├── HostError                      a request to a name that is not the server's
    │   ├── OriginError                    a page of a foreign origin
    │   ├── LocalOnlyError                 a route for the operator, called without a key and not from this machine
    │   ├── MissingScopeError              the API key is good, and not for this
    │   └── WrongKeysError                 too many unknown API keys came from this address
    ├── OverloadedError (RuntimeError)     full, or shutting down: try again later
    │   ├── KeyLimitError                  this client has too much in progress, others may not
    │   ├── LimitsAwayError                where limits are counted, nobody answers
    │   ├── AddressLimitError              this client's address has too much in progress
    │   ├── EngineStuckError               no model answers any more; the server is being replaced
    │   ├── ModelUnavailableError          a model of the server cannot be loaded now
    │   ├── DecoderUnavailableError        no decode child could be started, or kept
    │   └── ShuttingDownError              the server is about to stop
    ├── StorageError (OSError)             a recording cannot be stored while it is received
    │   └── StorageFullError               there is no room for it
    ├── ModelLoadError (OSError)           a model file is missing, damaged or of an unknown kind
    │   ├── BundleSignatureError           a bundle is not signed by a key that counts
    │   └── PackedBundleError              a file is no packed bundle, or a damaged one
    ├── SigningKeyError (ValueError)       a file of keys for signatures cannot be used
    ├── ReloadError (RuntimeError)         a running server keeps its models, settings and files
    ├── ModelPullError (OSError)           a model cannot be downloaded
    │   ├── DiskFullError                  there is no room for it
    │   ├── MissingPackageError            a package that the model needs is not installed
    │   ├── PullBusyError                  another model is being downloaded
    │   ├── NoPullError                    no download is in progress
    │   └── PullStoppedError               the download was stopped on purpose
    ├── ModelExportError (OSError)         a model cannot be exported to ONNX
    ├── RequestTimeoutError (TimeoutError) the request took longer than the server or its client allows
    │   └── FinalTimeoutError              the last text of a live utterance took too long
    └── InferenceError (RuntimeError)      a model failed on valid input
        └── InferenceTimeoutError (TimeoutError)  a model run took longer than the server allows

`code` is stable and meant for programs, the message for people. `server/error_table.py` maps the classes to HTTP
statuses and WebSocket close codes.
"""

# Clients meet these, too, so they stand in the clients' package.
from paraserve_client.errors import (
    AccessError,
    AddressLimitError,
    AudioError,
    AudioTooLongError,
    DecoderUnavailableError,
    EngineStuckError,
    HostError,
    InferenceError,
    InferenceTimeoutError,
    KeyLimitError,
    MissingScopeError,
    ModelNotFoundError,
    ModelUnavailableError,
    OriginError,
    OverloadedError,
    ParaserveError,
    ProtocolError,
    RequestTimeoutError,
    ShuttingDownError,
    SlowUploadError,
    StorageError,
    StorageFullError,
    TaskUnavailableError,
    UnsupportedFormatError,
    UploadTooLargeError,
    WrongKeysError,
)


class DecoderError(AudioError):
    """The decoder gave up on this recording, or ran into its time or memory limit."""

    code = "decoder_failed"


class LocalOnlyError(AccessError):
    """A server without API keys is changed by programs and pages of its own machine only."""

    code = "local_only"


class TraceNotFoundError(ProtocolError, LookupError):
    """There is no trace of a session or upload with this id, or no longer."""

    code = "trace_not_found"


class LimitsAwayError(OverloadedError):
    """The limits of API keys cannot be counted now, and the operator wants no requests without them."""

    code = "limits_unavailable"


class ModelLoadError(ParaserveError, OSError):
    """A model file is missing, damaged or of an unknown kind. The message names the file."""

    code = "model_load_failed"


class BundleSignatureError(ModelLoadError):
    """A bundle has no signature, or none by a key that counts. The message names the bundle."""

    code = "bundle_not_trusted"


class PackedBundleError(ModelLoadError):
    """A file is no packed bundle, or is damaged, cut off or made to do harm. The message names the file."""

    code = "packed_bundle_damaged"


class SigningKeyError(ParaserveError, ValueError):
    """A file of keys for signatures cannot be read, or the password is wrong. The message names the file."""

    code = "signing_key_unusable"


class ReloadError(ParaserveError, RuntimeError):
    """A running server keeps its models, settings and files. The message says why they cannot be replaced."""

    code = "reload_failed"


class ModelPullError(ParaserveError, OSError):
    """A model cannot be downloaded. The message names the source."""

    code = "model_pull_failed"


class DiskFullError(ModelPullError):
    """There is no room for a model."""

    code = "disk_full"


class MissingPackageError(ModelPullError):
    """A package that the model needs is not installed. The message has the command that installs it."""

    code = "missing_package"


class PullBusyError(ModelPullError):
    """The server downloads one model at a time, and has one in progress."""

    code = "pull_in_progress"


class NoPullError(ModelPullError):
    """The server downloads no model of this name."""

    code = "no_pull"


class PullStoppedError(ModelPullError):
    """The download of a model was stopped on purpose. The next one goes on from there."""

    code = "pull_stopped"


class ModelExportError(ParaserveError, OSError):
    """A model cannot be exported to ONNX, or the result differs from the model. Nothing was written."""

    code = "model_export_failed"


class FinalTimeoutError(RequestTimeoutError):
    """The last text of a live utterance took longer than the server allows, from the utterance's end on."""

    code = "final_timeout"
