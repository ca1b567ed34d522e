"""JSON schemas as tables in Markdown."""

from collections.abc import Iterable, Mapping
from typing import Any

Schema = Mapping[str, Any]
NUMBERS = {"minimum": "from {}", "exclusiveMinimum": "above {}", "maximum": "to {}", "exclusiveMaximum": "below {}"}


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table, or nothing if it has no row."""
    titles = [*titles]
    lines = ["| " + " | ".join(map(cell, row)) + " |" for row in rows]
    return "\n".join(["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles), *lines]) + "\n\n" if lines else ""


def cell(text: str) -> str:
    """Return a text that stands in one cell."""
    return " ".join(text.split()).replace("|", "\\|")


def property_rows(schema: Schema) -> list[tuple[str, str, str]]:
    """Return name, type and meaning of each property."""
    needed = set(schema.get("required", ()))
    properties: Mapping[str, Schema] = schema.get("properties", {})
    return [(f"`{name}`", type_name(one), meaning(one, name in needed)) for name, one in properties.items()]


def meaning(schema: Schema, is_required: bool) -> str:
    """Return the description, with the default."""
    default = schema.get("default")
    is_told = default is not None and default not in ("", [], {})
    parts = (schema.get("description", ""), f"Default: `{written(default)}`." if is_told else "")
    return " ".join(part for part in (*parts, "Required." if is_required else "") if part)


def type_name(schema: Schema) -> str:
    """Return what a value may be: a type, the name of a schema, or words to choose from."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{written(one)}`" for one in schema.get("enum", [schema.get("const")]))
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return " or ".join(dict.fromkeys(type_name(one) for one in schema[choice]))
    return plain_type(schema)


def plain_type(schema: Schema) -> str:
    """Return the type of a value without choices, with its range."""
    kind = schema.get("type", "any")
    if kind == "array":
        return f"array of {type_name(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {type_name(schema['additionalProperties'])}"
    bounds = [text.format(f"{schema[key]:,}") for key, text in NUMBERS.items() if key in schema]
    return " ".join(["file" if schema.get("format") == "binary" else str(kind), *bounds])


def written(value: object) -> str:
    """Return a JSON value as it is sent."""
    return {True: "true", False: "false", None: "null"}.get(value, str(value)) if is_word(value) else str(value)


def is_word(value: object) -> bool:
    """Whether the value is one of JSON's three words."""
    return value is None or isinstance(value, bool)
