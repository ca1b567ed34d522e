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
        "channel_out_of_range": ErrorCode(400, "the recording has no channel of this number"),
        "track_out_of_range": ErrorCode(400, "the file has no audio track of this number"),
        "unsupported_sample_rate": ErrorCode(400, "the recording's sample rate is not taken"),
        "no_file": ErrorCode(400, "the form has no file in the field `file` or `audio`"),
        "invalid_form": ErrorCode(400, "the form cannot be read"),
        "invalid_value": ErrorCode(400, "a field has a value that is not taken"),
        "invalid_format": ErrorCode(400, "`format` names no known format"),
        "invalid_response_format": ErrorCode(400, "`response_format` names no known format"),
        "unsupported_parameter": ErrorCode(400, "a field asks for something that the server does not do"),
        "missing_api_key": ErrorCode(401, "the server wants an API key and got none"),
        "invalid_api_key": ErrorCode(401, "the API key is not known"),
        "not_found": ErrorCode(404, "there is nothing under this path"),
        "method_not_allowed": ErrorCode(405, "the path does not take this method"),
        "upload_timeout": ErrorCode(408, "the client stopped sending in the middle of its upload"),
        "file_too_large": ErrorCode(413, "the recording has more bytes than `max_upload_bytes`"),
        "unsupported_format": ErrorCode(415, "the file is not audio or video of a known format"),
        "unsupported_codec": ErrorCode(415, "the file holds audio of a codec that is not decoded"),
        "audio_too_long": ErrorCode(422, "the recording is longer than `max_duration_s`"),
        "decoder_failed": ErrorCode(422, "the recording could not be decoded"),
        "decoder_died": ErrorCode(422, "the recording crashed two decoder processes"),
        "decoder_timeout": ErrorCode(422, "the decoder made no progress on this recording"),
        "decoder_out_of_memory": ErrorCode(422, "the decoder ran out of memory on this recording"),
        "key_limit": ErrorCode(429, "the API key has `max_per_key` requests in progress"),
        "inference_failed": ErrorCode(500, "a model failed on this recording"),
        "internal_error": ErrorCode(500, "an unexpected failure, logged under the request's id"),
        "overloaded": ErrorCode(503, "the server is full, try again later"),
        "decoder_unavailable": ErrorCode(503, "no decoder process could be had, try again later"),
        "shutting_down": ErrorCode(503, "the server is about to stop, try again later"),
        "not_ready": ErrorCode(503, "the server is starting or stopping, try again later"),
        "storage_unavailable": ErrorCode(503, "the server's folder for temporary files cannot be written"),
        "disk_full": ErrorCode(507, "the server has no space left for the upload"),
    }
)

ACCESS_CODES = ("missing_api_key", "invalid_api_key")
"""Answers of every route that wants an API key."""
_SPECIAL = frozenset(
    ("not_found", "method_not_allowed", "invalid_format", "invalid_response_format", "unsupported_parameter")
)
UPLOAD_CODES = tuple(code for code in ERROR_CODES if code not in _SPECIAL)
"""Answers of every upload route. Some routes have more."""
