"""Bodies of requests that are small JSON objects: choices, not recordings."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request

from paraserve.errors import ProtocolError, SlowUploadError

MAX_BODY_BYTES = 64 * 1024
BODY_TIMEOUT_S = 10.0


async def read_small_json(request: Request) -> Mapping[str, Any]:
    """Return the JSON object of a body, an empty one for an empty body.

    Raises:
        ProtocolError: the body is no JSON object, or has too many bytes.
        SlowUploadError: it does not come.
    """
    return json_object(await _body(request))


def json_object(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object in these bytes, an empty one for none.

    Raises:
        ProtocolError: they are no JSON object.
    """
    try:
        message: Any = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise ProtocolError("the body is no JSON object", code="invalid_json")
    return message


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise ProtocolError(f"the body has more than {MAX_BODY_BYTES} bytes", code="invalid_value")
    except TimeoutError:
        raise SlowUploadError("the client stopped sending") from None
    return bytes(body)
