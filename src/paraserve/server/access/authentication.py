"""API-key checks."""

from dataclasses import dataclass, field

from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from paraserve.errors import AccessError, MissingScopeError
from paraserve.server.access.client_secrets import ClientSecret, ClientSecrets
from paraserve.server.access.credentials import sent_keys
from paraserve.server.access.hosts import client_address
from paraserve.server.access.key_fields import ApiKey, KeyScope
from paraserve.server.access.key_ring import KeyRing
from paraserve.server.access.wrong_keys import WrongKeys
from paraserve.server.error_responses import answer_error
from paraserve.server.telemetry.refusals import Refusals

OPEN_PATHS = frozenset(
    (
        "/",
        "/livez",
        "/readyz",
        "/health",
        "/docs",
        "/status",
        "/openapi.json",
        "/asyncapi.json",
        "/favicon.ico",
    )
)
OPEN_FOLDERS = ("/static/", "/docs/")
"""Anybody may read these: the page, the probes of orchestrators, the descriptions of the API."""


@dataclass(frozen=True, slots=True)
class Access:
    """API keys (None: no key is wanted), and the client secrets that stand for them."""

    keys: KeyRing | None
    wrong_keys: WrongKeys
    refusals: Refusals
    secrets: ClientSecrets = field(default_factory=ClientSecrets)

    def reload(self) -> None:
        """Read the file of keys again, even if it looks unchanged."""
        if self.keys is not None:
            self.keys.reload()

    def check_key(self, connection: HTTPConnection) -> None:
        """Check the API key of a request, and keep it in `connection.state` (`api_key`, `key_name`).

        A request may bring several texts that look like keys (`credentials.py`). The first good one counts.

        Raises:
            AccessError: no key was sent, an unknown or an expired one.
        """
        if self.keys is None:
            return
        sent = sent_keys(connection)
        try:
            key = self._good_key(self.keys, sent, client_address(connection))
        except AccessError as error:
            self._note(error, connection)
            raise
        connection.state.api_key = key
        connection.state.key_name = key.name

    def client_secret(self, connection: HTTPConnection) -> ClientSecret | None:
        """Return the client secret of a request, None without a good one. Its key is not looked at."""
        found = map(self.secrets.read, sent_keys(connection))
        return next((one for one in found if one is not None and not one.is_expired), None)

    def check_scope(self, connection: HTTPConnection, scope: KeyScope) -> None:
        """Check that the API key of a request, if one was wanted, has a scope.

        Raises:
            MissingScopeError: it has not.
        """
        try:
            self.require_scope(connection, scope)
        except MissingScopeError as error:
            self._note(error, connection)
            raise

    def require_scope(self, connection: HTTPConnection, scope: KeyScope) -> None:
        """Check a scope like `check_scope`, without counting a refusal.

        Raises:
            MissingScopeError: the API key has not this scope.
        """
        key = api_key(connection)
        if key is not None:
            _check_scope(key, scope)

    def check_again(self, key: ApiKey, scope: KeyScope) -> None:
        """Check whether a key that was good still is.

        Raises:
            AccessError: it has been removed, has expired, or has no longer this scope.
        """
        assert self.keys is not None
        now = self.keys.latest(key)
        if now is None:
            raise AccessError("the API key has been taken away", code="invalid_api_key")
        _check_expiry(now)
        _check_scope(now, scope)

    def _good_key(self, keys: KeyRing, sent: list[str], address: str) -> ApiKey:
        if not sent:
            raise AccessError("this server wants an API key: Authorization: Bearer KEY", code="missing_api_key")
        known = [key for text in sent if (key := self._known(keys, text)) is not None]
        if not known:
            self.wrong_keys.add(address)
            raise AccessError("the API key is not known", code="invalid_api_key")
        key = next((one for one in known if not one.is_expired), known[0])
        _check_expiry(key)
        return key

    def _known(self, keys: KeyRing, text: str) -> ApiKey | None:
        """Return the key with this text, or the one that a client secret stands for."""
        secret = self.secrets.read(text)
        if secret is None:
            return keys.find(text)
        maker = keys.named_by(secret.key_id)
        return None if maker is None else secret.key(maker)

    def _note(self, error: AccessError, connection: HTTPConnection) -> None:
        self.refusals.note(error.code, client_address(connection))


class KeyCheck:
    """Middleware that refuses HTTP requests without a key, before their body is read.

    WebSockets are checked by their route, since their refusals are messages of their protocol.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer with 401 or 429."""
        if scope["type"] == "http" and not _is_open(scope):
            request = Request(scope)
            try:
                self._access.check_key(request)
            except AccessError as error:
                await answer_error(request, error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def api_key(connection: HTTPConnection) -> ApiKey | None:
    """Return the API key of a request, None where no key is wanted."""
    return getattr(connection.state, "api_key", None)


def _check_expiry(key: ApiKey) -> None:
    if key.is_expired:
        raise AccessError("the API key has expired: ask the operator for a new one", code="expired_api_key")


def _check_scope(key: ApiKey, scope: KeyScope) -> None:
    if scope not in key.scopes:
        raise MissingScopeError(f"the API key has no scope {scope.value!r}")


def _is_open(scope: Scope) -> bool:
    path: str = scope["path"]
    return scope["method"] in {"GET", "HEAD"} and (path in OPEN_PATHS or path.startswith(OPEN_FOLDERS))
