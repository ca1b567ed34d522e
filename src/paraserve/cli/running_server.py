"""Orders of an operator to a running server."""

from collections.abc import Sequence
from typing import Any

import httpx2

from paraserve.errors import ParaserveError

TIMEOUT_S = 600.0
"""A large model takes a while to be loaded and tried."""


def use_bundles(url: str, bundles: Sequence[str], api_key: str) -> list[dict[str, Any]]:
    """Let a server serve these bundles from now on; return the states of all its models.

    Raises:
        ParaserveError: the server cannot be reached, or refuses; carries its message.
    """
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    try:
        answer = httpx2.post(
            f"{url.rstrip('/')}/v1/admin/reload", json={"bundle": list(bundles)}, headers=headers, timeout=TIMEOUT_S
        )
        body = answer.json()
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise ParaserveError(f"no answer from {url}: {error}") from None
    if answer.status_code != httpx2.codes.OK:
        raise ParaserveError(_problem(body) or f"{url} answers with {answer.status_code}")
    models: list[dict[str, Any]] = body["models"]
    return models


def _problem(body: Any) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("message", "")) if isinstance(error, dict) else ""
