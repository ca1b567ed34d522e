"""Resumable uploads by the tus protocol 1.0 (https://tus.io): what requests ask for, and the headers of answers.

Headers are given with names in lower case.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TypeAlias

from paraserve.errors import ProtocolError, UploadTooLargeError
from paraserve.job_errors import UploadOffsetError, UploadTypeError, UploadVersionError

VERSION = "1.0.0"
EXTENSIONS = ("creation", "creation-with-upload", "creation-defer-length", "expiration", "checksum", "termination")
CHECKSUM_BYTES = {"sha1": 20, "sha256": 32}
"""Algorithms of checksums by the names of the protocol and of `hashlib`, with the size of a digest."""
OFFSET_TYPE = "application/offset+octet-stream"
MAX_DIGITS = 15
RESUMABLE = {"Tus-Resumable": VERSION}
"""Of every answer."""

Headers: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Checksum:
    """The digest that the bytes of a request must have. `algorithm` is one of `CHECKSUM_BYTES`."""

    algorithm: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of an upload that a request brings.

    `length_bytes` is that of the whole upload, where the client tells it with this part. `announced_bytes` is the
    size of the request's body, None where it is not known before its end.
    """

    offset_bytes: int
    length_bytes: int | None = None
    announced_bytes: int | None = None
    checksum: Checksum | None = None


@dataclass(frozen=True, slots=True)
class Creation:
    """A request to begin an upload. `length_bytes` is None where the client tells it later.

    `metadata` is what it tells about the recording. `first_part` are bytes that come with the request.
    """

    length_bytes: int | None
    metadata: Mapping[str, str]
    first_part: Part | None


@dataclass(frozen=True, slots=True)
class UploadFacts:
    """What answers tell about an upload. `expires_s` is seconds since 1970, None once it is the job `job_id`."""

    offset_bytes: int
    length_bytes: int | None
    metadata: Mapping[str, str] = field(default_factory=dict)
    expires_s: float | None = None
    job_id: str | None = None


def method_of(method: str, headers: Headers) -> str:
    """Return the method that a request means: some clients and proxies know no PATCH and DELETE."""
    return headers.get("x-http-method-override", method).upper()


def check_version(headers: Headers) -> None:
    """Check that the client speaks this version of the protocol.

    Raises:
        UploadVersionError: it does not, or does not say so.
    """
    if headers.get("tus-resumable") != VERSION:
        raise UploadVersionError(f"expected the header Tus-Resumable: {VERSION}", param="Tus-Resumable")


def read_creation(headers: Headers, max_bytes: int) -> Creation:
    """Read a request to begin an upload.

    Raises:
        ProtocolError: a header cannot be read, or the length is missing.
        UploadTooLargeError: the upload is to have more than `max_bytes`.
        UploadTypeError: it has a body of another content type.
    """
    deferred = headers.get("upload-defer-length")
    length = _length(headers, max_bytes)
    if (length is None) == (deferred is None):
        raise _header_error("expected either Upload-Length or Upload-Defer-Length", "Upload-Length")
    if deferred not in {None, "1"}:
        raise _header_error("Upload-Defer-Length may only be 1", "Upload-Defer-Length")
    part = None
    if _body_bytes(headers) != 0:
        _check_type(headers)
        part = Part(0, None, _body_bytes(headers), read_checksum(headers))
    return Creation(length, read_metadata(headers.get("upload-metadata", "")), part)


def read_part(headers: Headers, max_bytes: int) -> Part:
    """Read a request that brings bytes.

    Raises:
        ProtocolError: a header is missing or cannot be read.
        UploadTooLargeError: the upload is to have more than `max_bytes`.
        UploadTypeError: the bytes have another content type.
    """
    _check_type(headers)
    offset = _number(headers, "Upload-Offset")
    if offset is None:
        raise _header_error("the header Upload-Offset is missing", "Upload-Offset")
    return Part(offset, _length(headers, max_bytes), _body_bytes(headers), read_checksum(headers))


def whole_length(part: Part, offset_bytes: int, length_bytes: int | None) -> int | None:
    """Return the length of an upload once a part has come that begins where the server's bytes end.

    Args:
        part: the part.
        offset_bytes: bytes that the server has.
        length_bytes: length of the upload, None where the client has not told it yet.

    Raises:
        UploadOffsetError: the part does not follow those bytes.
        ProtocolError: it tells another length, or one below what is here.
        UploadTooLargeError: it has more bytes than are missing.
    """
    if part.offset_bytes != offset_bytes:
        message = f"the server has {offset_bytes} bytes, this part begins at {part.offset_bytes}"
        raise UploadOffsetError(message, param="Upload-Offset")
    if part.length_bytes is not None:
        is_changed = length_bytes is not None and part.length_bytes != length_bytes
        if is_changed or part.length_bytes < offset_bytes:
            raise _header_error("Upload-Length cannot change, nor be less than what is here", "Upload-Length")
        length_bytes = part.length_bytes
    if length_bytes is not None and offset_bytes + (part.announced_bytes or 0) > length_bytes:
        raise UploadTooLargeError(f"the upload has {length_bytes} bytes, and this part goes beyond", param="file")
    return length_bytes


def read_checksum(headers: Headers) -> Checksum | None:
    """Read the header Upload-Checksum.

    Raises:
        ProtocolError: it cannot be read, or names an algorithm that is not taken.
    """
    text = headers.get("upload-checksum")
    if text is None:
        return None
    algorithm, _, encoded = text.strip().partition(" ")
    digest = _decoded(encoded.strip(), "Upload-Checksum")
    if len(digest) != CHECKSUM_BYTES.get(algorithm):
        message = f"expected Upload-Checksum: one of {', '.join(CHECKSUM_BYTES)}, and its digest in base64"
        raise _header_error(message, "Upload-Checksum")
    return Checksum(algorithm, digest)


def read_metadata(header: str) -> dict[str, str]:
    """Read the header Upload-Metadata: keys, each with a value in base64 or without one.

    Raises:
        ProtocolError: it cannot be read, a key stands twice, or a value is no UTF-8.
    """
    values: dict[str, str] = {}
    for pair in header.split(",") if header.strip() else ():
        key, _, encoded = pair.strip().partition(" ")
        if not key or key in values:
            raise _header_error("a key of Upload-Metadata is empty or stands twice", "Upload-Metadata")
        try:
            values[key] = _decoded(encoded.strip(), "Upload-Metadata").decode()
        except UnicodeDecodeError:
            raise _header_error(f"Upload-Metadata: {key} is no UTF-8", "Upload-Metadata") from None
    return values


def write_metadata(values: Mapping[str, str]) -> str:
    """Return the header Upload-Metadata."""
    pairs = ((key, base64.b64encode(value.encode()).decode("ascii")) for key, value in values.items())
    return ",".join(f"{key} {encoded}".rstrip() for key, encoded in pairs)


def ability_headers(max_bytes: int) -> dict[str, str]:
    """Return the headers that say what the server can do."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Checksum-Algorithm": ",".join(CHECKSUM_BYTES),
        "Tus-Max-Size": str(max_bytes),
    }


def progress_headers(upload: UploadFacts) -> dict[str, str]:
    """Return the headers of an answer to bytes: how many are here for good, until when, and the job, if any."""
    headers = {"Upload-Offset": str(upload.offset_bytes)}
    if upload.job_id is not None:
        headers["X-Job-Id"] = upload.job_id
    elif upload.expires_s is not None:
        headers["Upload-Expires"] = formatdate(upload.expires_s, usegmt=True)
    return headers


def state_headers(upload: UploadFacts) -> dict[str, str]:
    """Return the headers that tell all about an upload."""
    is_deferred = upload.length_bytes is None
    length = {"Upload-Defer-Length": "1"} if is_deferred else {"Upload-Length": str(upload.length_bytes)}
    metadata = {"Upload-Metadata": write_metadata(upload.metadata)} if upload.metadata else {}
    return {**progress_headers(upload), **length, **metadata, "Cache-Control": "no-store"}


def _length(headers: Headers, max_bytes: int) -> int | None:
    length = _number(headers, "Upload-Length")
    if length is not None and length > max_bytes:
        raise UploadTooLargeError(f"the file is larger than {max_bytes} bytes", param="Upload-Length")
    return length


def _body_bytes(headers: Headers) -> int | None:
    """Return the size of the body, None where only its end will tell."""
    if "transfer-encoding" in headers:
        return None
    return _number(headers, "Content-Length") or 0


def _check_type(headers: Headers) -> None:
    if headers.get("content-type", "").strip().lower() != OFFSET_TYPE:
        raise UploadTypeError(f"expected the header Content-Type: {OFFSET_TYPE}", param="Content-Type")


def _number(headers: Headers, name: str) -> int | None:
    text = headers.get(name.lower())
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > MAX_DIGITS:
        raise _header_error(f"{name}: expected a whole number from 0 on", name)
    return int(text)


def _header_error(message: str, name: str) -> ProtocolError:
    return ProtocolError(message, code="invalid_header", param=name)


def _decoded(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _header_error(f"{name}: a value is no base64", name) from None
