"""Fields of a job's submission, for the description of the API. `job_fields.py` reads those that are new."""

from typing import Literal

from pydantic import MISSING, Field

from paraserve.runtime.jobs.job import PRIORITY_RANGE
from paraserve.server.http.api_docs import JSON, MULTIPART, query_parameter
from paraserve.server.http.upload_forms import TranscriptForm
from paraserve.server.protocols.json_encoding import Json

MAX_BATCH = 100
"""Jobs of one request."""
URLENCODED = "application/x-www-form-urlencoded"
MAX_URL_CHARS = 4096
IDEMPOTENCY_KEY = "Idempotency-Key"
MAX_KEY_CHARS = 255


class JobForm(TranscriptForm):
    """Fields of a job: those of `/transcribe` without `stream` and `peaks`, and more.

    They need a file, `url` or `upload`.
    """

    file: bytes | MISSING = MISSING  # type: ignore[assignment]  # a job may have none
    """The recording: audio, or video with sound, of any common format. The field may also be called `audio`. Several
    files make a batch: a job each, with the same fields."""
    url: str | MISSING = Field(MISSING, max_length=MAX_URL_CHARS, examples=["https://example.com/talk.mp3"])
    """Address that the recording is fetched from, in place of a file: `https://` or `http://`, and `s3://` or
    `file://` where the server's operator allows it."""
    upload: str | MISSING = MISSING
    """Id of a complete resumable upload (`/v1/uploads`), in place of a file."""
    priority: int = Field(0, ge=PRIORITY_RANGE[0], le=PRIORITY_RANGE[1])
    """Jobs of a higher priority come first."""
    timeout_s: float | MISSING = Field(MISSING, gt=0, examples=[600])
    """Seconds that an attempt at the job may take, if that is less than the setting `jobs_timeout_s`."""
    callback_url: str | MISSING = Field(MISSING, max_length=MAX_URL_CHARS, examples=["https://example.com/hook"])
    """Address that is told of the job's end, by a signed POST request."""
    store: bool = True
    """`false` deletes the recording and its texts once the transcript was delivered."""
    format: Literal["json", "text", "srt", "vtt", "tsv", "ass", "ttml", "lrc"] = "json"
    """Format of the transcript where the request for it names none."""
    timeout: float | MISSING = Field(MISSING, gt=0, examples=[600])
    """Another name of `timeout_s`, which counts if both are given."""


TEXT_FIELDS = ("url", "upload", "priority", "timeout_s", "timeout", "callback_url", "store")
"""Those that are about the job. All others are about the recognition, and kept as they came."""


def job_request() -> Json:
    """Describe the request: a form, JSON, or the recording alone."""
    schema = JobForm.model_json_schema()
    fields = {name: field for name, field in schema["properties"].items() if name != "file"}
    raw = {"schema": {"type": "string", "format": "binary"}}
    key = {
        "name": IDEMPOTENCY_KEY,
        "in": "header",
        "required": False,
        "description": "A text of the client's own, at most 255 characters. The same request with the same key is "
        "answered as the first one was, and makes no job.",
        "schema": {"type": "string", "maxLength": MAX_KEY_CHARS, "pattern": "^[!-~]*$"},
    }
    return {
        "parameters": [key, *(query_parameter(name, field) for name, field in fields.items())],
        "requestBody": {
            "description": "A form with one recording or several, JSON, or the recording alone under any other "
            "content type. Fields may stand in the form, in the JSON or in the query. JSON has the recording as "
            "base64 in `audio`, or a `url`, or an `upload`, or a list of such objects in `jobs`.",
            "required": False,
            "content": {
                MULTIPART: {"schema": _with_files(schema)},
                URLENCODED: {"schema": {**schema, "properties": fields}},
                JSON: {"schema": {"anyOf": [_job_schema(fields), _batch_schema(fields)]}},
                "application/octet-stream": raw,
            },
        },
    }


def _with_files(schema: Json) -> Json:
    file = schema["properties"]["file"]
    one = {"type": "string", "format": "binary"}
    files = {"description": file["description"], "anyOf": [one, {"type": "array", "items": one}]}
    return {**schema, "properties": {**schema["properties"], "file": files}}


def _job_schema(fields: Json) -> Json:
    audio = {"type": "string", "format": "byte", "description": "The recording as base64, or as a `data:` URL."}
    return {"type": "object", "properties": {"audio": audio, **fields}}


def _batch_schema(fields: Json) -> Json:
    jobs = {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_BATCH,
        "description": "A job each. Fields beside the list count for all of them, unless a job has its own.",
        "items": _job_schema(fields),
    }
    return {"type": "object", "required": ["jobs"], "properties": {"jobs": jobs, **fields}}
