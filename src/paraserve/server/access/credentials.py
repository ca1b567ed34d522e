"""Places of a request in which clients send an API key.

| place | sent by |
|---|---|
| `Authorization: Bearer KEY`, `Token KEY`, `Bearer; KEY` or KEY alone | SDKs of OpenAI and Deepgram, xiaozhi |
| `Authorization: Basic`, the key as user or as password | curl, programs that know nothing else |
| `X-API-Key`, `Api-Key`, `xi-api-key` | API gateways, Azure's and ElevenLabs' SDKs |
| WebSocket: `?token=`, `?api_key=`, `?api-key=`, `?access_token=` | browsers, which cannot send headers |
| WebSocket: subprotocol `openai-insecure-api-key.KEY`, or KEY behind `token` or `bearer` | their SDKs |
"""

import base64
import re
from collections.abc import Iterator, Sequence

from starlette.requests import HTTPConnection

KEY_HEADERS = ("x-api-key", "api-key", "xi-api-key")
KEY_PARAMETERS = ("token", "api_key", "api-key", "access_token")
KEY_SUBPROTOCOL = "openai-insecure-api-key."
"""A subprotocol with this beginning has the key behind it (OpenAI's realtime API in browsers)."""
MARKER_SUBPROTOCOLS = frozenset(("token", "bearer"))
"""The subprotocol behind one of these is the key (Deepgram)."""
SCHEME = re.compile(r"(?:bearer|token|(?:api[-_]?)?key)(?:\s*[:;,=]\s*|\s+|$)", re.IGNORECASE)
BASIC = re.compile(r"basic\s+(\S+)", re.IGNORECASE)
AROUND = " \t\"'"
"""What people copy along with a key."""
MAX_CANDIDATES = 8
"""More are not looked at: each costs a comparison with every key."""


def sent_keys(connection: HTTPConnection) -> list[str]:
    """Return what may be the API key of a request, each text once, at most `MAX_CANDIDATES`.

    Over HTTP it is looked for in headers alone: addresses are kept in logs and histories.
    """
    found = dict.fromkeys(filter(None, _candidates(connection)))
    return list(found)[:MAX_CANDIDATES]


def public_subprotocols(offered: Sequence[str]) -> list[str]:
    """Return the offered WebSocket subprotocols that are no API key. Only one of these may be sent back."""
    secret = set(_keys_among(offered))
    return [name for name in offered if name not in secret and not name.startswith(KEY_SUBPROTOCOL)]


def _candidates(connection: HTTPConnection) -> Iterator[str]:
    for value in connection.headers.getlist("authorization"):
        yield from _authorization(value)
    for name in KEY_HEADERS:
        yield from map(_plain, connection.headers.getlist(name))
    if connection.scope["type"] != "websocket":
        return
    for name in KEY_PARAMETERS:
        yield from map(_plain, connection.query_params.getlist(name))
    yield from _keys_among(connection.scope.get("subprotocols", ()))


def _authorization(value: str) -> Iterator[str]:
    match = BASIC.fullmatch(value.strip(AROUND))
    if match is None:
        yield _plain(value)
        return
    try:
        padded = match[1] + "=" * (-len(match[1]) % 4)
        user, _, password = base64.b64decode(padded, validate=True).decode("latin-1").partition(":")
    except ValueError:
        return
    yield _plain(password)
    yield _plain(user)


def _plain(value: str) -> str:
    """Return the key without the name of a scheme, which may stand twice, and without quotes and spaces around it."""
    value = value.strip(AROUND)
    while match := SCHEME.match(value):
        value = value[match.end() :].strip(AROUND)
    return value


def _keys_among(offered: Sequence[str]) -> Iterator[str]:
    is_key = False
    for name in offered:
        if is_key:
            yield name
        elif name.startswith(KEY_SUBPROTOCOL):
            yield name.removeprefix(KEY_SUBPROTOCOL)
        is_key = not is_key and name.lower() in MARKER_SUBPROTOCOLS
