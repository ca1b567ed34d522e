"""Client secrets: tokens for pages and apps in place of an API key, good for minutes, signed by the server.

    ek_PAYLOAD.SIGNATURE

Both parts are base64. The payload is JSON: the beginning of the digest of the API key that made it, the end of its
time, and choices for a session of the Realtime API. It is not encrypted, and says nothing that lets anybody in.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from paraserve.errors import ParaserveError
from paraserve.server.access.key_fields import ApiKey, KeyScope
from paraserve.settings import Settings
from paraserve.text_files import read_text_file
from paraserve.user_folders import expanded

PREFIX = "ek_"
KEY_ID_BYTES = 8
"""Bytes of a digest that tell the API keys of a server apart."""
LEAST_SIGNING_KEY_CHARS = 32
SIGNING_KEY = "_PARASERVE_CLIENT_SECRET_KEY"
"""Variable by which the supervisor gives all workers the same key."""


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A secret whose signature is good. `key_id` is empty where the server wants no keys.

    `expires_at` is in seconds since 1970. `session` are choices for a session (GA's `session` object), None without.
    """

    key_id: bytes
    expires_at: int
    session: Mapping[str, Any] | None = None

    @property
    def is_expired(self) -> bool:
        """True from `expires_at` on."""
        return time.time() >= self.expires_at

    def key(self, maker: ApiKey) -> ApiKey:
        """Return the key that the secret stands for: its maker, for live sessions alone, and until then."""
        expires = datetime.fromtimestamp(self.expires_at, UTC)
        ends = expires if maker.expires is None else min(expires, maker.expires)
        return replace(maker, expires=ends, scopes=maker.scopes & {KeyScope.LIVE})


def key_id(key: ApiKey | None) -> bytes:
    """Return what a secret names the key by that made it."""
    return b"" if key is None else key.digest[:KEY_ID_BYTES]


@dataclass(frozen=True, slots=True)
class ClientSecrets:
    """Makes secrets and checks them. All processes and hosts with the same signing key take each other's.

    `default_ttl_s` is the time of a secret where its request names none.
    """

    signing_key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    default_ttl_s: float = 600.0

    def make(self, secret: ClientSecret) -> str:
        """Return the token of a secret. No two are equal."""
        facts = {"id": secrets.token_hex(4), "key": secret.key_id.hex(), "expires_at": secret.expires_at}
        if secret.session is not None:
            facts["session"] = secret.session
        payload = _encoded(json.dumps(facts, separators=(",", ":")).encode())
        return f"{PREFIX}{payload}.{_encoded(self._signature(payload))}"

    def read(self, token: str) -> ClientSecret | None:
        """Return the secret of a token, which may have expired; None for any other text."""
        payload, dot, signature = token.removeprefix(PREFIX).partition(".")
        if not token.startswith(PREFIX) or not dot or not token.isascii():
            return None
        try:
            is_ours = hmac.compare_digest(_decoded(signature), self._signature(payload))
        except binascii.Error:
            return None
        if not is_ours:
            return None
        facts = json.loads(_decoded(payload))
        return ClientSecret(bytes.fromhex(facts["key"]), facts["expires_at"], facts.get("session"))

    def _signature(self, payload: str) -> bytes:
        return hmac.digest(self.signing_key, payload.encode(), hashlib.sha256)


def signing_key(settings: Settings, environment: MutableMapping[str, str] = os.environ) -> bytes:
    """Return the key of the settings' file, else the supervisor's, else a new one. No child process sees it.

    Raises:
        ParaserveError: the file cannot be read, or its key is too short.
    """
    given = environment.pop(SIGNING_KEY, "")
    if settings.client_secret_file:
        path = expanded(settings.client_secret_file)
        given = _read_key(path)
        if len(given) < LEAST_SIGNING_KEY_CHARS:
            raise ParaserveError(f"the key in {path} has fewer than {LEAST_SIGNING_KEY_CHARS} characters")
    return given.encode() if given else secrets.token_bytes(32)


def _read_key(path: Path) -> str:
    try:
        return read_text_file(path).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ParaserveError(f"the key of client secrets {path} cannot be read: {error}") from None


def new_signing_key() -> str:
    """Return a random key, as the environment of workers takes it."""
    return secrets.token_hex(32)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
