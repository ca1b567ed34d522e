"""Reference pages of the HTTP and the live API, made from the documents that a server gives to its clients."""

from collections.abc import Iterator, Mapping
from typing import Any

from schema_tables import Schema, property_rows, table, type_name

Document = Mapping[str, Any]
METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
NOT_OF_CLIENTS = ("page", "description")
"""Tags of routes that serve pages."""
HTTP_HEAD = """# HTTP API

Every route with its fields and answers, made from `/openapi.json` of version {version}. [HTTP](../docs/http.md)
explains them, and `/docs` on a server lets you try them, without internet.

{about}

"""
LIVE_HEAD = """# Live API

Every live protocol over WebSocket with its messages, made from `/asyncapi.json` of version {version}.
[WebSocket](../docs/websocket.md) explains the first of them.

{about}

"""


def http_page(document: Document) -> str:
    """Return the page of an OpenAPI document."""
    tags = [tag for tag in document["tags"] if tag["name"] not in NOT_OF_CLIENTS]
    parts = [head(HTTP_HEAD, document), *(part for tag in tags for part in tag_parts(document, tag))]
    return "".join([*parts, schemas_part(document)])


def tag_parts(document: Document, tag: Mapping[str, str]) -> Iterator[str]:
    """Yield the routes of one kind."""
    yield f"## {tag['name'].capitalize()}\n\n{tag['description']}\n\n"
    for path, operations in document["paths"].items():
        for method in METHODS:
            operation = operations.get(method)
            if operation and tag["name"] in operation["tags"]:
                yield route_part(method, path, operation)


def route_part(method: str, path: str, operation: Document) -> str:
    """Return one route: what it does, its fields, its answers."""
    head = f"### {method.upper()} {path}\n\n{operation['summary']}. {operation.get('description', '')}\n\n"
    answers = [(f"`{status}`", answer_text(answer)) for status, answer in sorted(operation["responses"].items())]
    return head + table(("field", "type", "meaning"), field_rows(operation)) + table(("answer", "body"), answers)


def field_rows(operation: Document) -> list[tuple[str, str, str]]:
    """Return the fields of a request, wherever they may stand: path, header, query, form or JSON."""
    fields = {one["name"]: one for one in operation.get("parameters", ())}
    rows = {
        name: (f"`{name}`", type_name(one["schema"]), told(one, name in fields_of_body(operation)))
        for name, one in fields.items()
    }
    for schema in body_schemas(operation):
        rows |= {row[0].strip("`"): row for row in property_rows(schema) if row[0].strip("`") not in rows}
    return [*rows.values()]


def told(parameter: Document, is_in_body: bool) -> str:
    """Return what a parameter means and where it stands."""
    place = {"path": "Part of the path.", "header": "A header."}.get(parameter["in"])
    place = place or ("Query or body." if is_in_body else "Query.")
    return f"{parameter.get('description', '')} {place}"


def body_schemas(operation: Document) -> list[Schema]:
    """Return the schemas of the bodies that have fields."""
    content = operation.get("requestBody", {}).get("content", {})
    return [one["schema"] for one in content.values() if "properties" in one.get("schema", {})]


def fields_of_body(operation: Document) -> set[str]:
    """Return the names of the fields that may stand in a body."""
    return {name for schema in body_schemas(operation) for name in schema["properties"]}


def answer_text(answer: Document) -> str:
    """Return what an answer says, in which types."""
    content = answer.get("content", {})
    kinds = [f"`{media}`: {type_name(one['schema'])}" for media, one in content.items() if "schema" in one]
    about = answer.get("description", "").replace("\n- ", ". ").removeprefix("- ")
    return f"{about} ({', '.join(kinds)})" if kinds else about


def live_page(document: Document) -> str:
    """Return the page of an AsyncAPI document."""
    parts = [channel_part(document, name, channel) for name, channel in document["channels"].items()]
    return "".join([head(LIVE_HEAD, document), *parts, schemas_part(document)])


def channel_part(document: Document, name: str, channel: Document) -> str:
    """Return one protocol: its path and the messages of both sides."""
    rows = []
    for operation in document["operations"].values():
        if operation["channel"]["$ref"].rsplit("/", 1)[1] == name:
            sender = "client" if operation["action"] == "receive" else "server"
            rows += [(sender, *message_cells(document, one["$ref"])) for one in operation["messages"]]
    about = f"## {channel.get('title', name)}\n\nPath `{channel['address']}`. {channel.get('description', '')}\n\n"
    return about + table(("from", "message", "meaning"), rows)


def message_cells(document: Document, reference: str) -> tuple[str, str]:
    """Return a message's name, linked to its schema, and what it is."""
    message = resolved(document, reference)
    payload = message.get("payload", {})
    name = type_name(payload) if "$ref" in payload else message.get("name", reference.rsplit("/", 1)[1])
    return name, message.get("summary", message.get("description", ""))


def resolved(document: Document, reference: str) -> Document:
    """Return the part of a document to which a reference leads, over others."""
    part: Any = document
    for key in reference.removeprefix("#/").split("/"):
        part = part[key.replace("~1", "/").replace("~0", "~")]
    return resolved(document, part["$ref"]) if set(part) == {"$ref"} else part


def schemas_part(document: Document) -> str:
    """Return the schemas that the parts above name."""
    parts = [
        f"### {name}\n\n{schema.get('description', '')}\n\n"
        + table(("field", "type", "meaning"), property_rows(schema))
        for name, schema in sorted(document["components"]["schemas"].items())
    ]
    return "## Schemas\n\n" + "".join(parts)


def head(text: str, document: Document) -> str:
    """Return the beginning of a page."""
    return text.format(version=document["info"]["version"], about=document["info"]["description"])
