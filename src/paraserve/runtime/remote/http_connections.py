"""HTTP connections to hosts that the address guard allows, with `httpcore2`.

A connection goes to an address that was checked, and the name is not looked up a second time: so an answer of a name
server that changes cannot lead elsewhere. Neither proxies, cookies nor passwords of the environment are used.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import httpcore2

from paraserve.remote_errors import RemoteAwayError
from paraserve.runtime.remote.address_guard import AddressGuard
from paraserve.runtime.remote.urls import HttpUrl

CONNECT_TIMEOUT_S = 10.0
IDLE_TIMEOUT_S = 30.0
MAX_ADDRESSES = 4
"""Addresses of a name that are tried."""
TIMEOUTS = {"connect": CONNECT_TIMEOUT_S, "read": IDLE_TIMEOUT_S, "write": IDLE_TIMEOUT_S, "pool": CONNECT_TIMEOUT_S}


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that were checked. Sockets of this host, which no URL names, are not supported."""

    def __init__(self, guard: AddressGuard, param: str) -> None:
        self._guard = guard
        self._param = param
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore2's
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address that answers."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._guard.addresses(host, port, self._param)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"the name {host} was not found in time") from error
        *others, last = addresses[:MAX_ADDRESSES]
        for address in others:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._network.connect_tcp(last, port, timeout, local_address, socket_options)


@asynccontextmanager
async def open_connections(
    guard: AddressGuard, tls: ssl.SSLContext, param: str
) -> AsyncIterator[httpcore2.AsyncConnectionPool]:
    """Open connections for the request of one client."""
    async with httpcore2.AsyncConnectionPool(
        ssl_context=tls, max_connections=1, network_backend=GuardedNetwork(guard, param)
    ) as connections:
        yield connections


@asynccontextmanager
async def requested(
    connections: httpcore2.AsyncConnectionPool,
    method: str,
    url: HttpUrl,
    headers: Mapping[str, str],
    body: bytes | None = None,
) -> AsyncIterator[httpcore2.Response]:
    """Send a request and open its answer, whose body is still to be read. Redirects are not followed.

    Raises:
        UrlNotAllowedError: the host may not be called.
        RemoteAwayError: the host does not answer, or breaks off while the body is read.
    """
    target = httpcore2.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target)
    sent: dict[bytes | str, bytes | str] = {"Host": url.authority, "User-Agent": "paraserve"}
    sent.update(headers)
    with _translated(url):
        async with connections.stream(
            method, target, headers=sent, content=body, extensions={"timeout": TIMEOUTS}
        ) as answer:
            yield answer


def header(answer: httpcore2.Response, name: str) -> str:
    """Return the value of a header, "" where the answer has none. The first of several counts."""
    wanted = name.lower().encode()
    return next(
        (value.decode(errors="replace").strip() for key, value in answer.headers if key.lower() == wanted), ""
    )


@contextmanager
def _translated(url: HttpUrl) -> Iterator[None]:
    try:
        yield
    except httpcore2.TimeoutException as error:
        raise RemoteAwayError(f"{url.host} does not answer in time") from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError) as error:
        raise RemoteAwayError(f"the connection to {url.host} failed: {error or type(error).__name__}") from error
