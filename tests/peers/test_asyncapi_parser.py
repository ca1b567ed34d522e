"""AsyncAPI's own parser takes `/asyncapi.json`."""

import copy
import json
import subprocess

import httpx2
import pytest

pytestmark = pytest.mark.full
REQUIREMENT = "@asyncapi/parser@3.6.6"
PROGRAM = """
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";
const { document, diagnostics } = await new Parser().parse(readFileSync(0, "utf-8"));
const operations = document?.operations().all().map((one) => one.id()) ?? [];
console.log(JSON.stringify({ diagnostics, operations }));
"""
WARNING = 1
"""Severities: 0 error, 1 warning, 2 information, 3 hint."""


@pytest.fixture(scope="module")
def parse(node_folder):
    """Runs the parser; (problems, operations)."""
    folder = node_folder(REQUIREMENT)

    def run(document):
        done = subprocess.run(
            ["node", "--input-type=module", "--eval", PROGRAM],
            input=json.dumps(document),
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        answer = json.loads(done.stdout)
        problems = [one["message"] for one in answer["diagnostics"] if one["severity"] <= WARNING]
        return problems, answer["operations"]

    return run


@pytest.fixture(scope="module")
def document(server_address):
    return httpx2.get(f"http://{server_address}/asyncapi.json", trust_env=False).json()


@pytest.mark.slow
def test_document_is_valid(parse, document):
    """No error and no warning; both protocols in both directions."""
    problems, operations = parse(document)
    assert problems == []
    assert set(operations) == {
        "funasr_receive",
        "funasr_send",
        "vosk_receive",
        "vosk_send",
        "deepgram_receive",
        "deepgram_send",
        "realtime_receive",
        "realtime_send",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("channels", "vosk", "address"), 5),
        (("operations", "vosk_send", "channel", "$ref"), "#/channels/none"),
        (("components", "schemas", "VoskPartial", "type"), "text"),
    ],
    ids=["type", "reference", "schema"],
)
def test_faults_are_found(parse, document, path, value):
    """The parser looks at types, references and schemas."""
    broken = copy.deepcopy(document)
    parent = broken
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    assert parse(broken)[0]
