"""Checks of `Host` and `Origin`: pages of other sites may not use a server without keys that trusts its machine."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from paraserve.errors import HostError, OriginError
from paraserve.server.access.client_addresses import UNKNOWN, is_loopback
from paraserve.server.error_responses import answer_error
from paraserve.server.telemetry.refusals import Refusals

ANY = "*"
FILE_ORIGINS = frozenset(("null", "file://"))
"""Origins of pages that were opened from a file, as FunASR's page is. A sandboxed frame says `null`, too."""
PAGE_CODES = frozenset(("host_not_allowed", "origin_not_allowed"))


@dataclass(frozen=True, slots=True)
class HostRules:
    """Names that the server answers to, and pages that may open WebSockets.

    `is_guarded`: only programs of this machine reach the server, and it wants no keys. A page of any site that a user
    of the machine visits could use it: by a WebSocket, or after its own name has come to mean 127.0.0.1 (DNS
    rebinding). So requests must name a loopback host or one of `allowed_hosts`, "*" for any.
    """

    is_guarded: bool = False
    allowed_hosts: tuple[str, ...] = ()
    ws_origins: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()

    def check_host(self, connection: HTTPConnection) -> None:
        """Check the header `Host`. Programs that send none pass, and so does everything on a Unix socket.

        Raises:
            HostError: the server does not answer to this name.
        """
        server = connection.scope.get("server")
        if not self.is_guarded or ANY in self.allowed_hosts or (server is not None and server[1] is None):
            return
        for value in connection.headers.getlist("host"):
            name = host_name(value)
            if not is_loopback(name) and name not in self.allowed_hosts:
                raise HostError(
                    f"without API keys this server answers to the names of its own machine only, not to {name!r}: "
                    "add the name to allowed_hosts"
                )

    def check_origin(self, connection: HTTPConnection) -> None:
        """Check the origin of a WebSocket. Programs send no `Origin` and pass, and so does the server's own page.

        Where `ws_origins` is empty, a guarded server lets in pages of this machine, any other server all pages.

        Raises:
            OriginError: pages of this origin may not open WebSockets.
        """
        origin = connection.headers.get("origin")
        if origin is None or _is_listed(origin, self.ws_origins) or is_own_page(connection):
            return
        if not self.ws_origins and (not self.is_guarded or _is_local(origin)):
            return
        raise OriginError("pages of this origin may not use the server: see ws_origins")

    def check_form(self, connection: HTTPConnection) -> None:
        """Check the origin of a POST: a page may send a form to any server, even if it cannot read the answer.

        Raises:
            OriginError: the server is guarded, and the page is neither of this machine nor of `cors_origins`.
        """
        origin = connection.headers.get("origin")
        if origin is None or not self.is_guarded or connection.scope["method"] != "POST":
            return
        if not (_is_listed(origin, self.cors_origins) or is_own_page(connection) or _is_local(origin)):
            raise OriginError("pages of this origin may not use the server: see cors_origins")


class HostCheck:
    """Middleware that refuses HTTP requests to a foreign name, and forms of foreign pages.

    The route of WebSockets checks those itself.
    """

    def __init__(self, app: ASGIApp, rules: HostRules, refusals: Refusals) -> None:
        self._app = app
        self._rules = rules
        self._refusals = refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer with 421 or 403."""
        if scope["type"] == "http":
            request = Request(scope)
            try:
                self._rules.check_host(request)
                self._rules.check_form(request)
            except (HostError, OriginError) as error:
                self._refusals.note(error.code, client_address(request))
                await answer_error(request, error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def client_address(connection: HTTPConnection) -> str:
    """Return the address of the client, "unknown" on a Unix socket."""
    return connection.client.host if connection.client else UNKNOWN


def host_name(value: str) -> str:
    """Return the name in a `Host` header, in lower case, without port and without the brackets of IPv6."""
    value = value.strip().lower()
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return value.partition(":")[0].removesuffix(".")


def _is_listed(origin: str, listed: tuple[str, ...]) -> bool:
    return ANY in listed or origin in listed


def is_own_page(connection: HTTPConnection) -> bool:
    """Return True for a request of a page that this server has served."""
    place = urlsplit(connection.headers.get("origin", "")).netloc
    return bool(place) and place == connection.headers.get("host", "")


def _is_local(origin: str) -> bool:
    """Return True for a page of this machine: of another server on it, or opened from a file."""
    return origin in FILE_ORIGINS or is_loopback(host_name(urlsplit(origin).netloc))
