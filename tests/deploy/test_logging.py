"""The example of log shipping: its files parse, and every field of a log line has a type that fits."""

import ast
import json
import re
from pathlib import Path

import pytest
import yaml

from support.index_template import FOLDER, assert_typed, types

ROOT = Path(__file__).resolve().parents[2]
LOGGERS = {"debug", "info", "warning", "error", "exception"}
OPTIONS = {"exc_info"}
"""Of a call of the logger, and no field."""


def logged():
    """Every name of a field in a call of structlog in the sources."""
    for path in sorted((ROOT / "src/paraserve").rglob("*.py")):
        text = path.read_text("utf-8")
        if "structlog.get_logger" not in text:
            continue
        for call in ast.walk(ast.parse(text)):
            is_log = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in LOGGERS
            if is_log and isinstance(call.func.value, ast.Name) and call.func.value.id == "log":
                yield from ((path, one.arg) for one in call.keywords if one.arg not in {None, *OPTIONS})


def test_each_field_has_a_type():
    """A new field of a log line needs one: without it Elasticsearch keeps the field, but nobody can search it."""
    found = list(logged())
    assert {"request_id", "ms", "error"} <= {name for _, name in found}
    assert [(path.name, name) for path, name in found if name not in types()] == []


def test_documented_fields_have_a_type():
    """So has each field that docs/deployment.md names in its table of log lines."""
    table = (ROOT / "docs/deployment.md").read_text("utf-8").split("| `event` | when | fields |")[1].split("\n\n")[0]
    named = {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[3])}
    assert {"request_id", "stages_ms", "next_start_in_s"} <= named
    assert named <= set(types())


def test_the_template_and_vector():
    """Both write to one data stream. The transform nests our line where the template has its types."""
    config = yaml.safe_load((FOLDER / "vector.yaml").read_text("utf-8"))
    stream = config["sinks"]["elasticsearch"]["data_stream"]
    (pattern,) = json.loads((FOLDER / "index-template.json").read_text("utf-8"))["index_patterns"]
    assert f"{stream['type']}-{stream['dataset']}-*" == pattern
    assert {kind for one in config["sources"].values() for kind in [one["type"]]} == {"docker_logs", "journald"}
    (transform,) = config["transforms"].values()
    assert set(transform["inputs"]) == set(config["sources"])
    assert '"paraserve": parsed' in transform["source"]
    assert config["sinks"]["elasticsearch"]["inputs"] == list(config["transforms"])


@pytest.mark.parametrize("field", ["status", "ms", "text"])
def test_types_differ(field):
    """A value of another type is found: the check below could fail."""
    with pytest.raises(AssertionError):
        assert_typed({field: ["wrong"] if field != "text" else 3})
