"""Messages that are posted to addresses that clients gave."""

import asyncio
import ssl
from collections.abc import Mapping

from paraserve.remote_errors import RemoteAwayError
from paraserve.runtime.in_thread import in_thread
from paraserve.runtime.remote.address_guard import AddressGuard
from paraserve.runtime.remote.tls import system_tls
from paraserve.runtime.remote.urls import read_http_url

PARAM = "callback_url"


class Poster:
    """Posts to hosts that the guard allows. Redirects are not followed, and the answer's body is not read.

    Args:
        guard: says which hosts may be called.
        tls: for https; None trusts the authorities that the system trusts.
    """

    def __init__(self, guard: AddressGuard, tls: ssl.SSLContext | None = None) -> None:
        self._guard = guard
        self._tls = tls

    async def check(self, url: str) -> None:
        """Refuse a URL that clients may not name, before anything is sent.

        Raises:
            UrlNotAllowedError: it has a form that is not taken, or leads to a place that is not allowed.
        """
        target = read_http_url(url, PARAM)
        await self._guard.check(target.host, target.port, PARAM)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> int:
        """Post a body; return the status of the answer.

        Raises:
            UrlNotAllowedError: as `check`.
            RemoteAwayError: there was no answer, or none within `timeout_s`.
        """
        # httpcore2 takes memory that servers without webhooks need not spend.
        from paraserve.runtime.remote.http_connections import open_connections, requested  # noqa: PLC0415

        if self._tls is None:
            self._tls = await in_thread(system_tls)
        target = read_http_url(url, PARAM)
        try:
            async with (
                asyncio.timeout(timeout_s),
                open_connections(self._guard, self._tls, PARAM) as connections,
                requested(connections, "POST", target, headers, body) as answer,
            ):
                return answer.status
        except TimeoutError as error:
            raise RemoteAwayError(f"{target.host} did not answer within {timeout_s:g} s", param=PARAM) from error
