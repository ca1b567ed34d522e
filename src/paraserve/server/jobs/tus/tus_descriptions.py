"""Descriptions of the routes of resumable uploads for `/openapi.json`."""

from collections.abc import Mapping
from typing import Any

from paraserve.server.http.api_docs import REQUEST_ID, WITHOUT_KEY, Responses, error_answers, path_parameter
from paraserve.server.http.error_codes import HOST_CODES, SCOPE_CODES, STORE_CODES, TUS_CODES
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.tus import CHECKSUM_BYTES, EXTENSIONS, OFFSET_TYPE, VERSION

_NUMBER: Json = {"type": "integer", "minimum": 0}
_HEADERS: Mapping[str, Json] = {
    "Tus-Resumable": {"description": "Version of the protocol.", "schema": {"const": VERSION}},
    "Tus-Version": {"description": "Versions that the server speaks.", "schema": {"const": VERSION}},
    "Tus-Extension": {
        "description": "Extensions of the protocol, with commas between them.",
        "schema": {"const": ",".join(EXTENSIONS)},
    },
    "Tus-Checksum-Algorithm": {
        "description": "Algorithms of `Upload-Checksum`.",
        "schema": {"const": ",".join(CHECKSUM_BYTES)},
    },
    "Tus-Max-Size": {"description": "Most bytes of an upload: `max_upload_bytes`.", "schema": _NUMBER},
    "Location": {"description": "Path of the upload, or of the job that it became.", "schema": {"type": "string"}},
    "Upload-Offset": {"description": "Bytes that the server has for good.", "schema": _NUMBER},
    "Upload-Length": {"description": "Bytes of the whole upload.", "schema": _NUMBER},
    "Upload-Defer-Length": {"description": "1: the length is not known yet.", "schema": {"const": "1"}},
    "Upload-Metadata": {
        "description": "Keys, each with a value in base64, with commas between them: `filename`, `filetype`, `job` "
        "(the recording becomes a job once it is complete), and fields of the job.",
        "schema": {"type": "string"},
    },
    "Upload-Expires": {
        "description": "When the upload is deleted, unless more bytes come before.",
        "schema": {"type": "string"},
    },
    "Upload-Checksum": {
        "description": "`sha1` or `sha256`, a space, and the digest of the body in base64. A body that differs, or "
        "that breaks off, is not kept.",
        "schema": {"type": "string"},
    },
    "X-Job-Id": {"description": "Id of the job that the upload became.", "schema": {"type": "string"}},
    "Cache-Control": {"description": "Always `no-store`.", "schema": {"const": "no-store"}},
    "X-HTTP-Method-Override": {
        "description": "Method that counts in place of the request's own, for clients that know no PATCH.",
        "schema": {"enum": ["PATCH", "DELETE", "HEAD", "OPTIONS"]},
    },
}
TUS_HEADERS = tuple(name for name in _HEADERS if name not in ("Location", "Cache-Control", "X-HTTP-Method-Override"))
"""Headers that pages of allowed origins may read."""
REFUSALS = (*HOST_CODES, *SCOPE_CODES, *STORE_CODES, *TUS_CODES, "method_not_allowed")
FOUND = ("upload_not_found", "upload_busy")
RECEIVED = ("file_too_large", "upload_timeout", "quota_exceeded", "shutting_down")
UPLOAD_ID = path_parameter("upload_id", "Id of the upload: the end of its `Location`.")
FIELDS = (
    "empty_file",
    "invalid_value",
    "unsupported_sample_rate",
    "url_not_allowed",
    "invalid_format",
    "unsupported_parameter",
    "task_unavailable",
    "model_not_found",
)
"""Answers where the metadata has wrong fields of a job."""
BYTES: Json = {"content": {OFFSET_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
"""Body of a request that brings bytes."""


def header_parameters(*names: str, required: tuple[str, ...] = ()) -> list[Json]:
    """Describe headers of a request, all of which has `Tus-Resumable`."""
    return [
        {"name": name, "in": "header", "required": name in {"Tus-Resumable", *required}, **_HEADERS[name]}
        for name in ("Tus-Resumable", *names)
    ]


def tus_answers(status: int, description: str, headers: tuple[str, ...], maybe: tuple[str, ...] = ()) -> Responses:
    """Describe an answer without a body. It always has `headers`, and some of `maybe`."""
    described = {name: _HEADERS[name] for name in headers} | {
        name: {**_HEADERS[name], "required": False} for name in maybe
    }
    tus: Json = {"Tus-Resumable": _HEADERS["Tus-Resumable"]}
    return {status: {"description": description, "headers": {**REQUEST_ID, **tus, **described}}}


def tus_errors(*codes: str) -> Responses:
    """Describe the error answers of a route of resumable uploads."""
    answers = error_answers([*REFUSALS, *codes])
    answers[412]["headers"] = {**answers[412]["headers"], "Tus-Version": _HEADERS["Tus-Version"]}
    return answers


def _route(name: str, summary: str, description: str, answers: Responses, **extra: Any) -> dict[str, Any]:
    extra = {**extra, **WITHOUT_KEY}
    return {
        "operation_id": name,
        "summary": summary,
        "description": description,
        "responses": answers,
        "openapi_extra": extra,
    }


_ABLE = ("Tus-Version", "Tus-Extension", "Tus-Checksum-Algorithm", "Tus-Max-Size")
BEGINNING = _route(
    "begin_upload",
    "Begin a resumable upload",
    "Makes an upload, to whose `Location` the bytes are sent by `PATCH`. The first bytes may come with this request.",
    tus_answers(201, "The upload has begun.", ("Location", "Upload-Offset"), ("Upload-Expires", "X-Job-Id"))
    | tus_answers(204, "As `OPTIONS` answers, where `X-HTTP-Method-Override` names it.", _ABLE)
    | tus_errors(*RECEIVED, *FOUND, *FIELDS),
    parameters=header_parameters(
        "Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Checksum", "X-HTTP-Method-Override"
    ),
    requestBody=BYTES,
)
ABILITIES = _route(
    "upload_abilities",
    "What resumable uploads can do",
    "Tells the version of the protocol, its extensions, and the most bytes of an upload.",
    tus_answers(204, "The abilities.", _ABLE) | tus_errors(),
)
ADDING = _route(
    "add_to_upload",
    "Add bytes to a resumable upload",
    "Adds the body behind the bytes that the server has. Once it answers, they are on its disk. When the connection "
    "breaks, what came is kept: `HEAD` tells how much. A second request of this kind ends the first one. The last "
    "bytes make an upload with the metadata `job` a job.",
    tus_answers(204, "The bytes are stored.", ("Upload-Offset",), ("Upload-Expires", "X-Job-Id", "Location"))
    | tus_errors(*RECEIVED, *FOUND, *FIELDS),
    parameters=[
        UPLOAD_ID,
        *header_parameters("Upload-Offset", "Upload-Length", "Upload-Checksum", required=("Upload-Offset",)),
    ],
    requestBody=BYTES,
)
ABILITIES_OF_ONE = _route(
    "upload_abilities_by_id",
    "What resumable uploads can do",
    "The same for any upload.",
    ABILITIES["responses"],
    parameters=[UPLOAD_ID],
)
STATE = _route(
    "upload_state",
    "How far a resumable upload is",
    "Tells how many bytes the server has for good. An upload that has become a job is complete.",
    tus_answers(
        200,
        "The state.",
        ("Upload-Offset", "Cache-Control"),
        ("Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Expires", "X-Job-Id"),
    )
    | tus_errors("upload_not_found"),
    parameters=[UPLOAD_ID, *header_parameters()],
)
DELETING = _route(
    "delete_upload",
    "Delete a resumable upload",
    "Deletes an upload with its bytes. A job that it has become stays.",
    tus_answers(204, "It is deleted.", ()) | tus_errors(*FOUND),
    parameters=[UPLOAD_ID, *header_parameters()],
)
OTHER_METHODS = _route(
    "upload_by_post",
    "Another method, sent as POST",
    "Does what the method in `X-HTTP-Method-Override` does, for clients and proxies that know no PATCH.",
    tus_answers(
        204, "As `PATCH` and `DELETE` answer.", (), ("Upload-Offset", "Upload-Expires", "X-Job-Id", "Location")
    )
    | tus_answers(200, "As `HEAD` answers.", ("Upload-Offset",), ("Upload-Length", "Upload-Expires", "X-Job-Id"))
    | tus_errors(*RECEIVED, *FOUND, *FIELDS),
    parameters=[
        UPLOAD_ID,
        *header_parameters(
            "X-HTTP-Method-Override",
            "Upload-Offset",
            "Upload-Length",
            "Upload-Checksum",
            required=("X-HTTP-Method-Override",),
        ),
    ],
    requestBody=BYTES,
)
