"""The types that deploy/logging/index-template.json has for the fields of our log lines."""

import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "deploy/logging"
PYTHON = {"long": int, "double": (int, float), "boolean": bool, "keyword": str, "text": str, "date": str}


def types():
    """The fields of our log lines by name, each with its mapping."""
    template = json.loads((FOLDER / "index-template.json").read_text("utf-8"))
    return template["template"]["mappings"]["properties"]["paraserve"]["properties"]


def assert_typed(line):
    """Each field of a line is in the template, and its value is what the type takes."""
    for name, value in line.items():
        kind = types()[name]["type"]
        if value is None:  # such as `key` where no key is wanted
            continue
        if kind == "object":
            assert all(isinstance(one, int) for one in value.values()), name
            continue
        for one in value if isinstance(value, list) else [value]:
            assert isinstance(one, PYTHON[kind]), (name, one)
            assert kind == "boolean" or not isinstance(one, bool), (name, one)
