"""Schemathesis, as it is published, finds no answer that `/openapi.json` does not describe."""

import os
import subprocess
from pathlib import Path

import pytest

from paraserve.server.access.api_keys import hashed, new_key, write_keys
from support.commands import server

REQUIREMENT = "schemathesis==4.32.5"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
"""Its other checks ask whether requests are refused if and only if they break the description. No schema can say that
bytes are no audio, that a channel is not there, or that a form's field counts in place of a bad one in the query."""
MAX_EXAMPLES = 30
REFUSED = {
    "DELETE /v1/admin/drain",
    "DELETE /v1/admin/models/{name}/pull",
    "GET /v1/admin/models",
    "GET /v1/admin/sessions/{request_id}/trace",
    "GET /v1/admin/status",
    "GET /v1/admin/status/events",
    "POST /v1/admin/drain",
    "POST /v1/admin/models/{name}/unload",
    "POST /v1/admin/models/{name}/pull",
    "POST /v1/admin/reload",
    "POST /v1/audio/translations",
    "POST /v1/realtime/calls",
    "POST /v1/jobs",
    "GET /v1/jobs/{id}",
    "DELETE /v1/jobs/{id}",
    "GET /v1/jobs/{id}/transcript",
    "GET /v1/jobs/{id}/events",
    "GET /v1/jobs/{id}/deliveries",
    "POST /v1/uploads",
    "HEAD /v1/uploads/{upload_id}",
    "PATCH /v1/uploads/{upload_id}",
    "DELETE /v1/uploads/{upload_id}",
    "POST /v1/uploads/{upload_id}",
}
"""The key is no administrator's, so nothing is pulled. The bundle does not translate. Ids and URLs are guessed."""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """(address, key) of a server on the embedded bundle that wants a key, and counts no wrong ones."""
    file, key = tmp_path_factory.mktemp("keys") / "keys", new_key()
    write_keys(file, [hashed("schemathesis", key)])
    folder = str(tmp_path_factory.mktemp("data"))
    with server("--data-dir", folder, PARASERVE_API_KEYS_FILE=str(file), PARASERVE_MAX_WRONG_KEYS="0") as url:
        yield url, key


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_no_undescribed_answer(client_python, guarded, data_dir, tmp_path):
    """No status, media type, header or key that is not described, no 5xx, no route that forgets the API key."""
    url, key = guarded
    program = client_python(REQUIREMENT).with_name("schemathesis")
    options = ["--checks", ",".join(CHECKS), "--max-examples", MAX_EXAMPLES, "--no-color"]
    done = subprocess.run(
        [program, "run", f"{url}/openapi.json", "-H", f"Authorization: Bearer {key}", *map(str, options)],
        env={**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(Path(__file__).parent)}
        | {"RECORDING": str(data_dir / "zh_date.wav"), "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=1500,
        cwd=tmp_path,
        check=False,
    )
    lines = [line[:300] for line in done.stdout.splitlines()]
    assert done.returncode == 0, "\n".join([*lines[-200:], done.stderr[-2000:]])
    warned = {line.strip().removeprefix("- ") for line in lines if line.strip().startswith("- ")}
    assert warned <= REFUSED, warned
