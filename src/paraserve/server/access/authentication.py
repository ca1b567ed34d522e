"""API-key and WebSocket-origin checks."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from paraserve.errors import AccessError
from paraserve.server.access.api_keys import KeyRing
from paraserve.server.error_responses import answer_error

OPEN_PATHS = frozenset(
    (
        "/",
        "/livez",
        "/readyz",
        "/health",
        "/docs",
        "/docs/oauth2-redirect",
        "/openapi.json",
        "/asyncapi.json",
        "/favicon.ico",
    )
)
OPEN_FOLDER = "/static/"
"""Anybody may read these: the page, the probes of orchestrators, the descriptions of the API."""
ANY = "*"


@dataclass(frozen=True, slots=True)
class Access:
    """API keys (None: no key is wanted), and origins whose pages may open WebSockets beside the server's own page."""

    keys: KeyRing | None
    ws_origins: tuple[str, ...]

    def reload(self) -> None:
        """Read the file of keys again, even if it looks unchanged."""
        if self.keys is not None:
            self.keys.reload()

    def check_key(self, connection: HTTPConnection, *, may_query: bool) -> None:
        """Check the key in `Authorization: Bearer KEY`, and keep its owner's name in `connection.state.key_name`.

        With `may_query` the key may also be in the query, `?token=KEY`: browsers cannot send the header.

        Raises:
            AccessError: no key was sent, or an unknown one.
        """
        if self.keys is None:
            return
        key = _bearer(connection) or (connection.query_params.get("token", "") if may_query else "")
        if not key:
            raise AccessError("this server wants an API key: Authorization: Bearer KEY", code="missing_api_key")
        owner = self.keys.owner_of(key)
        if owner is None:
            raise AccessError("the API key is not known", code="invalid_api_key")
        connection.state.key_name = owner

    def check_origin(self, connection: HTTPConnection) -> None:
        """Check the origin of a WebSocket. Programs send no `Origin` and pass.

        Raises:
            AccessError: pages of this origin may not open WebSockets.
        """
        origin = connection.headers.get("origin")
        if origin is None or ANY in self.ws_origins or origin in self.ws_origins:
            return
        if urlsplit(origin).netloc != connection.headers.get("host", ""):
            raise AccessError("pages of this origin may not use the server", code="origin_not_allowed")


class KeyCheck:
    """Middleware that refuses HTTP requests without a key, before their body is read.

    WebSockets are checked by their route, since their refusals are messages of their protocol.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer with 401."""
        if scope["type"] == "http" and not _is_open(scope):
            request = Request(scope)
            try:
                self._access.check_key(request, may_query=False)
            except AccessError as error:
                await answer_error(request, error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _is_open(scope: Scope) -> bool:
    path: str = scope["path"]
    return scope["method"] in {"GET", "HEAD"} and (path in OPEN_PATHS or path.startswith(OPEN_FOLDER))


def _bearer(connection: HTTPConnection) -> str:
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""
