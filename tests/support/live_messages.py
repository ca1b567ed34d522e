"""Holds live messages against their descriptions in `/asyncapi.json`: a key that they do not name is wrong."""

import copy
import functools
import json
from functools import reduce
from operator import or_
from typing import Any

import jsonschema
from pydantic import BaseModel, TypeAdapter, ValidationError

from paraserve.server.protocols.schemas.asyncapi import CHANNELS, asyncapi_document

FROM_SERVER = {channel.name: TypeAdapter(reduce(or_, channel.from_server)) for channel in CHANNELS}


def check_from_server(protocol: str, text: str | bytes) -> None:
    """Raise `ValidationError` unless this is a described message of the server."""
    FROM_SERVER[protocol].validate_json(text, strict=True, extra="forbid")


def kinds_of(protocol: str, message: dict[str, Any]) -> set[type[BaseModel]]:
    """The described messages of the server that this one fits."""
    (channel,) = (one for one in CHANNELS if one.name == protocol)
    return {kind for kind in channel.from_server if _fits(kind, message)}


def _fits(kind: type[BaseModel], message: dict[str, Any]) -> bool:
    try:
        kind.model_validate_json(json.dumps(message), strict=True, extra="forbid")
    except ValidationError:
        return False
    return True


def fits_schema(name: str, message: Any) -> bool:
    """Whether the JSON schema of this name in the document takes the message."""
    return _validator(name).is_valid(message)


@functools.cache
def _validator(name: str) -> jsonschema.Draft7Validator:
    components = copy.deepcopy(asyncapi_document()["components"])
    for schema in components["schemas"].values():
        schema["additionalProperties"] = False
    return jsonschema.Draft7Validator({"$ref": f"#/components/schemas/{name}", "components": components})
