"""Error codes of the HTTP routes: their statuses and meanings, for the description of the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """The HTTP status of a code, and its meaning in a sentence."""

    status: int
    meaning: str


ERROR_CODES: Mapping[str, ErrorCode] = MappingProxyType(
    {
        "empty_file": ErrorCode(400, "the recording has no bytes"),
        "invalid_audio": ErrorCode(400, "the recording is damaged or cut off"),
        "no_audio_stream": ErrorCode(400, "the file has pictures and no sound"),
        "too_many_channels": ErrorCode(400, "more than 8 channels are to be transcribed each for itself"),
        "channel_out_of_range": ErrorCode(400, "the recording has no channel of this number"),
        "track_out_of_range": ErrorCode(400, "the file has no audio track of this number"),
        "unsupported_sample_rate": ErrorCode(400, "the recording's sample rate is not taken"),
        "no_file": ErrorCode(400, "the form has no file in the field `file` or `audio`"),
        "invalid_form": ErrorCode(400, "the form cannot be read"),
        "invalid_json": ErrorCode(400, "the body is no JSON object, which its content type says"),
        "invalid_value": ErrorCode(400, "a field has a value that is not taken"),
        "invalid_format": ErrorCode(400, "`format` or `output` names no known format"),
        "invalid_response_format": ErrorCode(400, "`response_format` names no known format"),
        "invalid_header": ErrorCode(400, "a header is missing or cannot be read, `param` names it"),
        "unsupported_parameter": ErrorCode(400, "a field asks for something that the server does not do"),
        "task_unavailable": ErrorCode(400, "a translation is asked for, and the loaded model does not translate"),
        "invalid_http": ErrorCode(400, "the request is no valid HTTP, or its chunks have more beside data than data"),
        "invalid_handshake": ErrorCode(400, "the WebSocket handshake is not valid"),
        "missing_api_key": ErrorCode(401, "the server wants an API key and got none"),
        "invalid_api_key": ErrorCode(401, "the API key is not known"),
        "expired_api_key": ErrorCode(401, "the API key has expired"),
        "missing_scope": ErrorCode(403, "the API key has no scope for this route, the message names it"),
        "origin_not_allowed": ErrorCode(403, "pages of this origin may not do this (`cors_origins`)"),
        "local_only": ErrorCode(403, "without API keys this is for programs of the server's machine alone"),
        "not_found": ErrorCode(404, "there is nothing under this path"),
        "model_not_found": ErrorCode(
            404, "the server has no model of this name, the message lists those that it has"
        ),
        "no_pull": ErrorCode(404, "no model of this name is being downloaded"),
        "job_not_found": ErrorCode(404, "there is no job of this id, or it belongs to another API key"),
        "trace_not_found": ErrorCode(404, "no session or upload of this id was there in the last minutes"),
        "upload_not_found": ErrorCode(
            404, "there is no resumable upload of this id, or it belongs to another API key"
        ),
        "method_not_allowed": ErrorCode(405, "the path does not take this method"),
        "reload_failed": ErrorCode(409, "all stays as it was, the message says why"),
        "upload_timeout": ErrorCode(408, "the client stopped sending in the middle of its upload, or is too slow"),
        "head_timeout": ErrorCode(408, "the head of the request was not complete within `head_timeout_s`"),
        "pull_in_progress": ErrorCode(409, "another model is being downloaded, or this one is being loaded"),
        "missing_package": ErrorCode(409, "a package that the model needs is not installed, the message names it"),
        "job_not_done": ErrorCode(409, "the job waits or is being worked on, so its transcript is not there yet"),
        "job_failed": ErrorCode(409, "the job failed, so there is no transcript; the message says why it failed"),
        "job_cancelled": ErrorCode(409, "the job was cancelled, so there is no transcript"),
        "result_deleted": ErrorCode(409, "the transcript was delivered, and is not kept (`store`)"),
        "upload_offset": ErrorCode(409, "the bytes do not follow those that the server has"),
        "upload_state": ErrorCode(409, "the resumable upload is not complete"),
        "tus_version": ErrorCode(412, "the request does not name the version of the tus protocol, 1.0.0"),
        "file_too_large": ErrorCode(413, "the recording has more bytes than `max_upload_bytes`"),
        "url_too_long": ErrorCode(414, "the URL has more than 16 KiB"),
        "unsupported_format": ErrorCode(415, "the file is not audio or video of a known format"),
        "unsupported_codec": ErrorCode(415, "the file holds audio of a codec that is not decoded"),
        "upload_content_type": ErrorCode(415, "bytes of a resumable upload have their own content type, see there"),
        "host_not_allowed": ErrorCode(421, "the request is for a name that is not the server's (`allowed_hosts`)"),
        "url_not_allowed": ErrorCode(400, "the URL leads to a place, or has a form, that is not taken"),
        "idempotency_key_reused": ErrorCode(422, "the `Idempotency-Key` was used before, with another request"),
        "url_failed": ErrorCode(422, "the recording at the URL cannot be had"),
        "audio_too_long": ErrorCode(422, "the recording is longer than `max_duration_s`"),
        "decoder_failed": ErrorCode(422, "the recording could not be decoded"),
        "decoder_died": ErrorCode(422, "the recording crashed two decoder processes"),
        "decoder_timeout": ErrorCode(422, "the decoder made no progress on this recording"),
        "decoder_out_of_memory": ErrorCode(422, "the decoder ran out of memory on this recording"),
        "key_limit": ErrorCode(429, "the API key has too much in progress, or began too much within a minute"),
        "quota_exceeded": ErrorCode(
            429, "the API key has used up its unfinished jobs, its hours of audio a day, or its bytes"
        ),
        "too_many_wrong_keys": ErrorCode(429, "the API key is not known, as many others from this address"),
        "upload_busy": ErrorCode(423, "another request has the resumable upload, try again in a moment"),
        "websocket_version": ErrorCode(426, "WebSockets of version 13 are served, no others"),
        "address_limit": ErrorCode(429, "the client's address has too many connections open, or uploads in progress"),
        "head_too_large": ErrorCode(431, "the head of the request has over 64 KiB or 128 lines"),
        "upload_checksum": ErrorCode(460, "the bytes differ from their checksum, and were not kept"),
        "attempts_used": ErrorCode(500, "the server stopped while it worked on the job, as often as it may be tried"),
        "stored_data_unreadable": ErrorCode(
            500, "a stored recording or text is missing, damaged, or has another key"
        ),
        "inference_failed": ErrorCode(500, "a model failed on this recording"),
        "model_load_failed": ErrorCode(500, "the catalog of models cannot be read, the message names the file"),
        "model_pull_failed": ErrorCode(500, "the models folder cannot be written, the message says why"),
        "internal_error": ErrorCode(500, "an unexpected failure, logged under the request's id"),
        "overloaded": ErrorCode(503, "the server is full, try again later"),
        "limits_unavailable": ErrorCode(503, "the Redis that counts the limits of API keys does not answer"),
        "too_many_connections": ErrorCode(503, "the server has too many connections, try again later"),
        "decoder_unavailable": ErrorCode(503, "no decoder process could be had, try again later"),
        "model_unavailable": ErrorCode(503, "the model cannot be loaded now, and no other answers in its place"),
        "shutting_down": ErrorCode(503, "the server is about to stop, try again later"),
        "not_ready": ErrorCode(503, "the server is starting, stopping, or drained by its operator, try again later"),
        "storage_unavailable": ErrorCode(503, "the server's folder for temporary files cannot be written"),
        "database_unavailable": ErrorCode(503, "the database of jobs does not answer now, try again later"),
        "url_unavailable": ErrorCode(503, "the host of the URL cannot be found now, try again later"),
        "http_version_not_supported": ErrorCode(505, "the server speaks HTTP/1.1"),
        "engine_stuck": ErrorCode(
            503, "no model answers any more, the server is being replaced: try again in seconds"
        ),
        "inference_timeout": ErrorCode(
            503, "a model run took longer than `inference_timeout_s`: try again in seconds"
        ),
        "request_timeout": ErrorCode(504, "the request took longer than `request_timeout_s`, or its field `timeout`"),
        "job_timeout": ErrorCode(504, "an attempt at the job took longer than its `timeout_s`"),
        "disk_full": ErrorCode(507, "the server has no space left for the upload, or for the model"),
    }
)

HOST_CODES = ("host_not_allowed",)
"""Answers of every route."""
ACCESS_CODES = ("missing_api_key", "invalid_api_key", "expired_api_key", "too_many_wrong_keys")
"""Answers of every route that wants an API key."""
SCOPE_CODES = (*ACCESS_CODES, "missing_scope")
"""Answers of every route that wants an API key with a scope."""
TRANSPORT_CODES = (
    "invalid_http",
    "head_timeout",
    "url_too_long",
    "address_limit",
    "head_too_large",
    "too_many_connections",
    "http_version_not_supported",
)
"""Answers that every route may get, before its request is complete. The connection ends with them."""
HANDSHAKE_CODES = ("invalid_handshake", "websocket_version")
ADMIN_CODES = ("local_only", "origin_not_allowed")
"""Answers of every route of administration."""
PULL_CODES = ("no_pull", "pull_in_progress", "missing_package", "model_load_failed", "model_pull_failed")
"""Answers that only routes of administration give."""
JOB_STATE_CODES = ("job_not_done", "job_failed", "job_cancelled", "result_deleted")
"""Answers to those who want a transcript that is not there."""
STORE_CODES = (
    "not_ready",
    "storage_unavailable",
    "database_unavailable",
    "disk_full",
    "stored_data_unreadable",
    "internal_error",
)
"""Answers of every route of jobs and resumable uploads, whose store may not be usable now."""
SUBMIT_CODES = (
    "url_not_allowed",
    "idempotency_key_reused",
    "quota_exceeded",
    "upload_not_found",
    "upload_state",
)
"""Answers to submissions of jobs beside those of uploads."""
TUS_CODES = (
    "invalid_header",
    "upload_offset",
    "tus_version",
    "upload_content_type",
    "upload_busy",
    "upload_checksum",
)
"""Answers of routes of resumable uploads."""
_SPECIAL = frozenset(
    (
        *JOB_STATE_CODES,
        *SUBMIT_CODES,
        *TUS_CODES,
        "job_not_found",
        "url_failed",
        "url_unavailable",
        "job_timeout",
        "attempts_used",
        "stored_data_unreadable",
        "database_unavailable",
        "stored_data_unreadable",
        *HANDSHAKE_CODES,
        *PULL_CODES,
        "not_found",
        "trace_not_found",
        "local_only",
        "reload_failed",
        "method_not_allowed",
        "invalid_format",
        "invalid_response_format",
        "unsupported_parameter",
    )
)
UPLOAD_CODES = tuple(code for code in ERROR_CODES if code not in _SPECIAL)
"""Answers of every upload route. Some routes have more."""
