"""Which hosts the server may call for a client: public ones, and those that the operator allows."""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from paraserve.remote_errors import RemoteAwayError, UrlNotAllowedError
from paraserve.runtime.remote.addresses import IPAddress, is_public, read_address

Resolve: TypeAlias = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host's name, best first; raises OSError where there are none."""
LOOKUP_THREADS = 8
CHECK_TIMEOUT_S = 3.0

log = logging.getLogger(__name__)


def system_addresses(host: str, port: int) -> list[str]:
    """Return the addresses that the system finds for a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class AddressGuard:
    """Looks names up, and checks each address behind them. Use it from one event loop.

    Args:
        allow: addresses and networks that may be called beside public ones.
        resolve: how names are looked up. It runs on a thread of its own pool, so that a slow name server holds up
            nothing else.
    """

    def __init__(self, allow: Iterable[str] = (), resolve: Resolve = system_addresses) -> None:
        self._allowed = [ipaddress.ip_network(network) for network in allow]
        self._resolve = resolve
        self._threads = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="names")

    async def addresses(self, host: str, port: int, param: str = "url") -> Sequence[str]:
        """Return the addresses of a host, each of which may be called.

        Raises:
            UrlNotAllowedError: one of them may not.
            RemoteAwayError: the name has no address now.
        """
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, self._resolve, host, port)
        except (OSError, UnicodeError) as error:
            raise RemoteAwayError(f"the host {host} of {param} is not known", param=param) from error
        if not found:
            raise RemoteAwayError(f"the host {host} of {param} has no address", param=param)
        for address in found:
            self._check(address, host, param)
        return found

    async def check(self, host: str, port: int, param: str = "url") -> None:
        """Refuse a host that may not be called. One whose name cannot be looked up soon passes: it is checked again.

        Raises:
            UrlNotAllowedError: an address of it may not be called.
        """
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                await self.addresses(host, port, param)
        except (RemoteAwayError, TimeoutError):
            return

    def close(self) -> None:
        """End the threads. Lookups in progress fail."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _check(self, text: str, host: str, param: str) -> None:
        address = read_address(text)
        if is_public(address) or self._is_allowed(address):
            return
        # The client is not told which address its name has in the server's network.
        log.warning("%s: the host %s has the address %s, which is neither public nor in url_allow", param, host, text)
        message = f"the host {host} of {param} has an address that is not public, and the server does not allow it"
        raise UrlNotAllowedError(message, param=param)

    def _is_allowed(self, address: IPAddress) -> bool:
        return any(address in network for network in self._allowed)
