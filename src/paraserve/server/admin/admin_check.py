"""Who may administer the server: holders of a key with the scope `admin`, or without keys programs of this machine.

A page of another origin never may, whatever it brings: a browser sends its user's requests from this machine.
"""

from dataclasses import dataclass

from starlette.requests import Request

from paraserve.errors import AccessError, HostError, LocalOnlyError, OriginError
from paraserve.server.access.authentication import Access
from paraserve.server.access.client_addresses import is_loopback
from paraserve.server.access.hosts import client_address, host_name, is_own_page
from paraserve.server.access.key_fields import KeyScope

SAME_SITE = frozenset(("same-origin", "none"))
"""Values of `Sec-Fetch-Site` for requests of the server's own page, and for addresses that a user types."""
PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""Headers that a proxy adds. Its clients are anywhere, whatever they say of themselves."""


@dataclass(frozen=True, slots=True)
class AdminCheck:
    """Checks the requests to the routes of administration."""

    access: Access

    def check(self, request: Request) -> None:
        """Let an administrator pass.

        Raises:
            OriginError: the request comes from a page of another origin.
            MissingScopeError: the API key has not the scope `admin`.
            LocalOnlyError: the server has no keys, and the request comes from another machine, or through a proxy.
            HostError: the server has no keys, and the request is for a name that is not this machine's.
        """
        try:
            self._check_origin(request)
            if self.access.keys is None:
                self._check_place(request)
        except AccessError as error:
            self.access.refusals.note(error.code, client_address(request))
            raise
        self.access.check_scope(request, KeyScope.ADMIN)

    def refusal(self, request: Request) -> AccessError | None:
        """Return the error of `check`, None if there is none. It counts as no refusal."""
        try:
            self._check_origin(request)
            if self.access.keys is None:
                self._check_place(request)
            self.access.require_scope(request, KeyScope.ADMIN)
        except AccessError as error:
            return error
        return None

    def _check_origin(self, request: Request) -> None:
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site", "none")
        if site not in SAME_SITE or not (origin is None or is_own_page(request)):
            raise OriginError("pages of other origins may not administer the server")

    def _check_place(self, request: Request) -> None:
        if any(name in request.headers for name in PROXY_HEADERS) or not is_loopback(client_address(request)):
            raise LocalOnlyError(
                "without API keys this is for this machine alone: add a key with the scope admin (api_keys_file)"
            )
        for value in request.headers.getlist("host"):
            if not is_loopback(host_name(value)):
                raise HostError(
                    f"without API keys the names of this machine alone administer it, not {value[:100]!r}"
                )
