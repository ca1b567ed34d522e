"""Parts of the OpenAPI description that routes share: answers, errors, forms, the API key."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import Request, Security
from fastapi.security import HTTPBearer

from paraserve.server.access.authentication import Access
from paraserve.server.access.key_fields import KeyScope
from paraserve.server.http.error_codes import ERROR_CODES, TRANSPORT_CODES, ErrorCode
from paraserve.server.protocols.error_body import ErrorBody
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.schemas.documented import Documented

Responses = dict[int | str, dict[str, Any]]

KEY_SCHEME = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    description="API key, where the server wants one: `Authorization: Bearer KEY`. The forms of other services are "
    "taken, too: `Token KEY`, `Basic` with the key as user or password, and the headers `X-API-Key`, `Api-Key` and "
    "`xi-api-key`.",
)
API_KEY = Security(KEY_SCHEME)
"""Describes the key on routes that want one. It is checked in `access/authentication.py`, before any route."""
WITHOUT_KEY: Json = {"security": [{}]}
"""Goes beside `API_KEY`: servers without keys take requests without one."""
REQUEST_ID: Json = {
    "X-Request-Id": {
        "description": "Id of the request: the client's `X-Request-Id` if it is a plain word, else a new one.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    }
}
RETRY_AFTER: Json = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_ERROR_HEADERS: Mapping[int, Json] = {
    401: {"WWW-Authenticate": {"description": "Always `Bearer`.", "schema": {"const": "Bearer"}}},
    423: RETRY_AFTER,
    429: RETRY_AFTER,
    503: RETRY_AFTER,
}
ERROR_SCHEMA = f"#/components/schemas/{ErrorBody.__name__}"
MULTIPART, JSON = "multipart/form-data", "application/json"


def key_with(scope: KeyScope) -> Any:
    """Return a dependency of a route that wants a key with this scope: checks the scope and describes both."""

    async def check(request: Request, _described: Annotated[Any, API_KEY]) -> None:
        access: Access = request.app.state.access
        access.check_scope(request, scope)

    return Security(check, scopes=[scope.value])


def path_parameter(name: str, description: str) -> Json:
    """Describe a text in a route's path."""
    return {"name": name, "in": "path", "required": True, "description": description, "schema": {"type": "string"}}


def json_answer(description: str, body: Any, texts: Mapping[str, str] | None = None) -> Json:
    """Describe the answer of one status.

    Args:
        description: what the answer is, in a sentence.
        body: model of its JSON, or a union of models.
        texts: media types that the answer may have instead, with an example each.
    """
    content: Json = {"application/json": {}} | {name: _text(example) for name, example in (texts or {}).items()}
    return {"description": description, "model": body, "headers": REQUEST_ID, "content": content}


def text_answer(description: str, media_type: str, example: str) -> Json:
    """Describe an answer that is a text of one media type."""
    return {"description": description, "headers": REQUEST_ID, "content": {media_type: _text(example)}}


def _text(example: str) -> Json:
    return {"schema": {"type": "string"}, "example": example}


def error_answers(codes: Iterable[str]) -> Responses:
    """Describe the error answers of a route, one for each status, from the codes that it may give.

    Those of the transport are added, which every route may give.
    """
    by_status: dict[int, dict[str, ErrorCode]] = {}
    for code in dict.fromkeys((*codes, *TRANSPORT_CODES)):
        by_status.setdefault(ERROR_CODES[code].status, {})[code] = ERROR_CODES[code]
    answers: Responses = {status: _error_answer(status, known) for status, known in sorted(by_status.items())}
    # A model in one answer brings it into the document. FastAPI makes a validator for each, 400 of them in 0.1 s.
    next(iter(answers.values()))["model"] = ErrorBody
    return answers


def _error_answer(status: int, codes: Mapping[str, ErrorCode]) -> dict[str, Any]:
    meanings = [f"- `{name}`: {code.meaning}" for name, code in codes.items()]
    schema = {"$ref": ERROR_SCHEMA, "properties": {"error": {"properties": {"code": {"enum": list(codes)}}}}}
    return {
        "description": "\n".join(meanings),
        "headers": {**REQUEST_ID, **_ERROR_HEADERS.get(status, {})},
        "content": {"application/json": {"schema": schema}},
    }


def body_schema(model: type[Documented]) -> Json:
    """Return the schema of a body with the schemas of its parts in their places."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def inlined(value: Any) -> Any:
        if isinstance(value, list):
            return [inlined(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return inlined(parts[value["$ref"].rpartition("/")[2]] | {k: v for k, v in value.items() if k != "$ref"})
        return {key: inlined(item) for key, item in value.items()}

    found: Json = inlined(schema)
    return found


def upload_request(form: type[Documented], query: Iterable[Json] = ()) -> Json:
    """Describe a request that brings a recording: as a form, or raw with its fields in the query.

    `query` describes more parameters of the query, which a form has in another place.
    """
    schema = form.model_json_schema()
    fields = {name: field for name, field in schema["properties"].items() if name != "file"}
    raw = {"schema": {"type": "string", "format": "binary"}}
    return {
        "parameters": [*(query_parameter(name, field) for name, field in fields.items()), *query],
        "requestBody": {
            "description": "A form with the recording, JSON with the recording as base64, or the recording alone "
            "under any other content type. Fields may stand in the form, in the JSON or in the query. Raw audio "
            "without a header has the content type `audio/L16;rate=16000;channels=1`, `audio/pcm`, `audio/basic` "
            "or the like, or the field `encoding`.",
            "required": True,
            "content": {
                MULTIPART: {"schema": schema},
                JSON: {"schema": _json_schema(schema)},
                "application/octet-stream": raw,
            },
        },
    }


def _json_schema(schema: Json) -> Json:
    """Describe the JSON that has the fields of a form."""
    names = {name: name.removesuffix("[]") for name in schema["properties"] if name != "file"}
    audio = {
        "type": "string",
        "format": "byte",
        "description": "The recording as base64, or as a `data:` URL. The key may also be `file`, `content` or "
        "`wav_base64`. All of the JSON has at most 16 MiB.",
    }
    fields = {key: schema["properties"][name] for name, key in names.items()}
    return {"type": "object", "required": ["audio"], "properties": {"audio": audio, **fields}}


def query_parameter(name: str, field: Mapping[str, Any]) -> Json:
    """Describe a parameter of the query like this field of a form."""
    schema = {key: value for key, value in field.items() if key not in {"description", "title"}}
    return {"name": name, "in": "query", "required": False, "description": field["description"], "schema": schema}
