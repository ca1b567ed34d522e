"""`/openapi.json` describes every route in words, with a schema for each answer, error and field."""

import json
import re
from pathlib import Path

import httpx2
import pytest
from fastapi.routing import iter_route_contexts

from paraserve.errors import ProtocolError
from paraserve.inference.abilities import Abilities, ModelChoice
from paraserve.server.error_table import ERROR_TABLE
from paraserve.server.http.error_codes import ERROR_CODES
from paraserve.server.http.parsing.form_fields import FormFields, read_caching, read_timeout
from paraserve.server.http.parsing.raw_audio import read_raw_audio
from paraserve.server.http.upload_formats import upload_formats
from paraserve.server.http.upload_plan import UploadRequest
from support.api_description import UNDESCRIBED, UndescribedError, api_description, described_app

ROOT = Path(__file__).resolve().parents[4]
APP = described_app()
DOCUMENT = APP.openapi()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
FORMATS = {one.path: one for one in upload_formats(is_strict=False)}
LIVE_CODES = {
    "unknown_event",
    "unsupported_event",
    "input_audio_buffer_commit_empty",
    "invalid_message",
    "message_too_large",
    "unknown_mode",
    "mode_unavailable",
}
NEEDED = {"diarized_json": {"channel": "split"}}
"""Fields that a value needs beside it."""
LOCAL_CODES = {"not_a_file", "invalid_settings", "model_file_damaged"}


def form_of(path):
    content = OPERATIONS[f"POST {path}"]["requestBody"]["content"]
    return content["multipart/form-data"]["schema"]["properties"]


def types_of(field):
    return {one["type"] for one in field.get("anyOf", [field])}


def test_every_route_is_described():
    """No route is left out but FastAPI's own pages; HEAD goes with GET."""
    routes = {(method, one.path) for one in iter_route_contexts(APP.routes) for method in one.methods or ()}
    found = {f"{method} {path.replace(':path', '')}" for method, path in routes if path not in UNDESCRIBED}
    assert found - OPERATIONS.keys() == {f"HEAD {path}" for path in DOCUMENT["paths"] if f"GET {path}" in OPERATIONS}
    assert OPERATIONS.keys() <= found


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_described_in_words(name):
    """A summary, a sentence or more, a readable id that no other has."""
    operation = OPERATIONS[name]
    assert " " in operation["summary"]
    assert operation["description"].endswith(".")
    assert re.fullmatch("[a-z_]+", operation["operationId"])
    assert [one["operationId"] for one in OPERATIONS.values()].count(operation["operationId"]) == 1


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_has_a_schema(name):
    """Each status says what it means and has a schema for each media type; 304 and tus have no body."""
    for status, answer in OPERATIONS[name]["responses"].items():
        assert answer["description"]
        assert answer["headers"].keys() >= {"X-Request-Id"}
        is_tus = "/v1/uploads" in name and status < "400"
        assert bool(answer.get("content")) == (status not in {"204", "304"} and not is_tus)
        assert all(content["schema"] for content in answer.get("content", {}).values())


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_error_names_its_codes(name):
    """Errors have the one body, and a list of codes that belong to their status, each explained."""
    for status, answer in OPERATIONS[name]["responses"].items():
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        if not schema.get("$ref", "").endswith("/ErrorBody"):
            continue
        codes = schema["properties"]["error"]["properties"]["code"]["enum"]
        assert {ERROR_CODES[code].status for code in codes} == {int(status)}
        assert all(f"`{code}`: {ERROR_CODES[code].meaning}" in answer["description"] for code in codes)


def test_all_models_are_described():
    """Each model and each of its keys has a description."""
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema["description"], name
        assert all(field.get("description") or "$ref" in field for field in schema["properties"].values()), name


@pytest.mark.parametrize("path", FORMATS)
def test_every_field_is_described(path):
    """Type and description of each field; the same fields in the query."""
    fields = form_of(path)
    assert all(field["description"] and types_of(field) for field in fields.values())
    parameters = {one["name"]: one for one in OPERATIONS[f"POST {path}"]["parameters"]}
    assert parameters.keys() - {"filename"} == fields.keys() - {"file"}
    for name in fields.keys() - {"file"}:
        described = {key: value for key, value in fields[name].items() if key not in {"description", "title"}}
        assert (parameters[name]["description"], parameters[name]["schema"]) == (
            fields[name]["description"],
            described,
        )


def plan(path, **values):
    """(options, answer of an empty transcript, fields read) of a request with these fields."""
    fields = FormFields({name: [value] for name, value in values.items()})
    made = FORMATS[path].plan(UploadRequest(fields, "a.wav", 0.0, ModelChoice(Abilities(translates=True))))
    read_raw_audio("", fields)
    read_timeout(fields)
    read_caching(fields)
    return made, fields.asked


def written(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("path", FORMATS)
def test_described_fields_are_read(path):
    """Each described field is read, and no other is but the name of a raw recording."""
    described = {name.removesuffix("[]") for name in form_of(path)}
    assert plan(path)[1] - {"filename"} == described - {"file"}


@pytest.mark.parametrize("path", FORMATS)
def test_described_defaults_are_true(path):
    """A request with all defaults written out asks for the same as one without fields."""
    defaults = {name: written(field["default"]) for name, field in form_of(path).items() if "default" in field}
    assert len(defaults) >= 5
    assert plan(path, **defaults)[0].options == plan(path)[0].options


@pytest.mark.parametrize("path", FORMATS)
def test_described_values_are_taken(path):
    """Each value of a list is taken, as are limits; what lies beyond is refused."""
    for name, field in form_of(path).items():
        for value in field.get("enum", []):
            plan(path, **{name: written(value)}, **NEEDED.get(value, {}))
        for edge, step in (("minimum", -1), ("maximum", 1)):
            if edge in field:
                plan(path, **{name: written(field[edge])})
                with pytest.raises(ProtocolError):
                    plan(path, **{name: written(field[edge] + step)})
        if "enum" in field or types_of(field) & {"boolean", "integer"}:
            with pytest.raises(ProtocolError):
                plan(path, **{name: "something else"})


def test_all_codes_are_known():
    """The list of codes has those that the server's modules raise and those of the classes, with the same status."""
    package = ROOT / "src" / "paraserve"
    apart = ({"cli"}, {"client"}, {"catalog"}, {"server", "live"})
    served = [path for path in package.rglob("*.py") if not any(one <= set(path.parts) for one in apart)]
    raised = {code for path in served for code in re.findall(r'code="([a-z_]+)"', path.read_text("utf-8"))}
    assert raised - ERROR_CODES.keys() == LIVE_CODES | LOCAL_CODES
    for row in ERROR_TABLE:
        code = row.kind.code
        assert code not in ERROR_CODES or ERROR_CODES[code].status == row.status, code


def test_codes_are_those_of_the_documentation():
    """docs/http.md has the same codes under the same statuses."""
    rows = re.findall(r"^\| ([\d, ]+) \| (`.*) \|$", (ROOT / "docs" / "http.md").read_text("utf-8"), re.M)
    table = [(status, code) for status, text in rows for code in re.findall(r"`([a-z_]+)`", text)]
    documented = {code: status for status, code in table if code in ERROR_CODES}
    assert documented.keys() == ERROR_CODES.keys()
    assert all(str(ERROR_CODES[code].status) in status for code, status in documented.items())


ANSWER = {"text": "", "sentences": [], "code": 0}
UNDESCRIBED_ANSWERS = {
    "status": ("POST", "/recognition", 418, {}, ANSWER),
    "method": ("PATCH", "/recognition", 200, {}, ANSWER),
    "media type": ("POST", "/recognition", 200, {"content-type": "text/plain"}, ANSWER),
    "header": ("POST", "/recognition", 200, {"x-request-id": "two words"}, ANSWER),
    "key": ("POST", "/recognition", 200, {}, ANSWER | {"surprise": 1}),
    "type": ("POST", "/recognition", 200, {}, ANSWER | {"text": None}),
    "missing key": ("POST", "/recognition", 200, {}, {"text": "", "code": 0}),
    "code": ("POST", "/asr", 413, {}, {"error": dict.fromkeys(("message", "type", "code", "request_id"), "x")}),
}


def answer_to(method, path, status, headers, body):
    request = httpx2.Request(method, f"http://localhost{path}")
    headers = {"x-request-id": "r1", "content-type": "application/json"} | headers
    return httpx2.Response(status, headers=headers, content=json.dumps(body), request=request)


def test_the_check_takes_what_is_described():
    """The comparison of the other tests lets a described answer pass."""
    api_description().check(answer_to("POST", "/recognition", 200, {}, ANSWER))


@pytest.mark.parametrize("name", UNDESCRIBED_ANSWERS)
def test_the_check_finds_what_is_not_described(name):
    """It finds each kind of difference."""
    with pytest.raises(UndescribedError):
        api_description().check(answer_to(*UNDESCRIBED_ANSWERS[name]))
