"""Calls that are a request of HTTP in other words: limits, errors and log lines are then those of the route."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI
from starlette.types import Message

from paraserve.server.grpc.call_errors import answer_error
from paraserve.server.grpc.callers import REQUEST_ID, Caller


@dataclass(frozen=True, slots=True)
class AppRequest:
    """A request of HTTP, without the client that asks. `fields` are its query, `names` the caller's names of them."""

    method: str
    path: str
    fields: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    names: Mapping[str, str] = field(default_factory=dict)


async def ask(app: FastAPI, request: AppRequest, caller: Caller) -> Any:
    """Return the JSON that the application answers.

    Raises:
        CallError: it refuses the request, or fails.
    """
    started: Message = {}
    parts: list[bytes] = []
    is_sent = False

    async def receive() -> Message:
        nonlocal is_sent
        if is_sent:
            await asyncio.Event().wait()  # a client that goes away cancels all of this
        is_sent = True
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            started.update(message)
        else:
            parts.append(message.get("body", b""))

    await app(http_scope(request, caller), receive, send)
    body = json.loads(b"".join(parts))
    if started["status"] >= HTTPStatus.BAD_REQUEST:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in started["headers"]}
        param = body["error"]["param"]
        body["error"]["param"] = request.names.get(param, param)
        raise answer_error(started["status"], headers, body)
    return body


def http_scope(request: AppRequest, caller: Caller) -> dict[str, Any]:
    """Return the scope of a request, as ASGI has it."""
    headers = {
        **dict(caller.headers),
        REQUEST_ID: caller.request_id,
        "content-type": "application/octet-stream",
        "content-length": str(len(request.body)),
    }
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "2",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": request.path.encode(),
        "root_path": "",
        "query_string": urlencode({name: value for name, value in request.fields.items() if value}).encode(),
        "headers": [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()],
        "client": caller.client,
        "server": None,
        "state": {},
    }
