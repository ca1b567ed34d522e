"""Holds HTTP answers against the API's own description, `/openapi.json`."""

import copy
import functools
import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx2
import jsonschema
from fastapi import FastAPI

from paraserve.server.app import create_app
from paraserve.server.http.plain_paths import plain_path
from paraserve.settings import Settings

OF_WHOLE_PATHS = ("path", "model")
"""Parameters of routes that may have slashes in them."""
EXAMPLES = {"path": "page.js", "model": "whisper-1", "name": "demo", "id": "0" * 32, "upload_id": "0" * 32}
EXAMPLES |= {"request_id": "0" * 32}
ENDLESS_PATH = "/v1/admin/status/events"
"""A route whose answer ends when the server or its client does."""
UNDESCRIBED = frozenset(("/openapi.json",))
"""FastAPI's own."""


def example_path(route: str) -> str:
    """A path of this route that is answered: its parameter names a file of the page, of `/docs`, or a model."""
    path = route.replace("docs/{path:path}", "docs/docs.js")
    return re.sub(r"{(\w+)(:path)?}", lambda match: EXAMPLES[match[1]], path)


class UndescribedError(AssertionError):
    """An answer that the description does not allow."""


@functools.cache
def described_app() -> FastAPI:
    """The application as it stands, to be looked at; it is never started."""
    return create_app(Settings())


@functools.cache
def api_description() -> "ApiDescription":
    """Its description."""
    return ApiDescription(described_app().openapi())


class ApiDescription:
    """An OpenAPI document that is taken at its word: a key, status, header or type that it does not name is wrong."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.paths: dict[str, Any] = document["paths"]
        self._forms = [(path, _form_of(path)) for path in self.paths if "{" in path]
        self._components = copy.deepcopy(document["components"])
        for schema in self._components["schemas"].values():
            schema.setdefault("additionalProperties", False)

    def check(self, answer: httpx2.Response) -> None:
        """Raise `UndescribedError` unless the answer is one that the description allows for its request."""
        path = plain_path(urlsplit(str(answer.request.url)).path)
        is_preflight = "access-control-request-method" in answer.request.headers  # CORS answers it before any route
        if path not in UNDESCRIBED and not is_preflight:
            self.check_parts(answer.request.method, path, answer.status_code, dict(answer.headers), answer.content)

    def check_parts(self, method: str, path: str, status: int, headers: dict[str, str], body: bytes) -> None:
        """`check` of an answer that is not a response of httpx. `headers` have names in lower case."""
        where = f"{method} {path}: {status}"
        operation = self._operation(method, unquote(path))
        described = _NO_OPERATION if operation is None else operation["responses"]
        if str(status) not in described:
            raise UndescribedError(f"{where}: not among the statuses {sorted(described)}")
        self._check_headers(where, described[str(status)].get("headers", {}), headers)
        if method != "HEAD":
            self._check_body(where, described[str(status)].get("content", {}), headers, body)

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        path = plain_path(path)
        known = path if path in self.paths else next((one for one, form in self._forms if form.fullmatch(path)), path)
        operations: dict[str, Any] = self.paths.get(known, {})
        name = method.lower()
        return operations.get("get" if name == "head" and name not in operations else name)

    def _check_headers(self, where: str, described: dict[str, Any], headers: dict[str, str]) -> None:
        for name, header in described.items():
            value = headers.get(name.lower())
            if value is None and header.get("required") is False:
                continue
            if value is None:
                raise UndescribedError(f"{where}: no header {name}")
            is_number = header["schema"].get("type") == "integer"
            self._validate(f"{where}, {name}", header["schema"], int(value) if is_number else value)

    def _check_body(self, where: str, described: dict[str, Any], headers: dict[str, str], body: bytes) -> None:
        if not described:
            if body:
                raise UndescribedError(f"{where}: a body where none is described")
            return
        media_type = headers["content-type"].partition(";")[0]
        if media_type not in described:
            raise UndescribedError(f"{where}: {media_type} is not among {sorted(described)}")
        schema = described[media_type]["schema"]
        if media_type == "text/event-stream":
            for event in events_of(body.decode()):
                self._validate(where, schema, event)
            return
        text = body.decode("latin-1" if schema.get("format") == "binary" else "utf-8")
        self._validate(where, schema, json.loads(text) if media_type == "application/json" else text)

    def _validate(self, where: str, schema: dict[str, Any], value: object) -> None:
        validator = jsonschema.Draft202012Validator({**schema, "components": self._components})
        for error in validator.iter_errors(value):
            raise UndescribedError(f"{where}: {error.json_path}: {error.message}")


def events_of(text: str) -> list[dict[str, str]]:
    """The fields of each Server-Sent Event, without comments."""
    blocks = (block.splitlines() for block in text.split("\n\n") if block)
    events = [dict(line.split(": ", 1) for line in lines if line[0] != ":") for lines in blocks]
    return [event for event in events if event]


def _form_of(path: str) -> re.Pattern[str]:
    """What paths of a route with parameters look like."""
    forms = dict.fromkeys(OF_WHOLE_PATHS, r".+")
    parts = re.split(r"{(\w+)}", path)
    return re.compile("".join(forms.get(part, "[^/]+") if n % 2 else re.escape(part) for n, part in enumerate(parts)))


def _error(*codes: str) -> dict[str, Any]:
    schema = {
        "$ref": "#/components/schemas/ErrorBody",
        "properties": {"error": {"properties": {"code": {"enum": list(codes)}}}},
    }
    return {"content": {"application/json": {"schema": schema}}}


_NO_OPERATION = {
    "401": _error("missing_api_key", "invalid_api_key", "expired_api_key"),
    "429": _error("too_many_wrong_keys"),
    "404": _error("not_found"),
    "405": _error("method_not_allowed"),
    "421": _error("host_not_allowed"),
}
"""Answers to requests that no operation describes."""
