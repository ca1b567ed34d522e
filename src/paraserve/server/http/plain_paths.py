"""Paths with a slash too many, which people and HTTP libraries write: `/v1/models/`, `//v1/models`."""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

SLASHES = re.compile("/{2,}")


class PlainPaths:
    """Middleware that answers a path with doubled slashes or one at its end as the path without them.

    A redirect in place of the answer would make many clients drop the body of their POST.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its plain path."""
        if scope["type"] in {"http", "websocket"} and "/" in (path := scope["path"])[1:]:
            scope = {**scope, "path": plain_path(path)}
        await self._app(scope, receive, send)


def plain_path(path: str) -> str:
    """Return the path with single slashes, and none at its end but that of the root."""
    return SLASHES.sub("/", path).rstrip("/") or "/"
