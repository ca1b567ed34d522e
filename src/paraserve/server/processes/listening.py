"""Listening sockets, bound before any model is loaded, and the line that tells their address."""

import contextlib
import errno
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from paraserve import __version__
from paraserve.errors import ParaserveError
from paraserve.protocol_setting_group import wyoming_address
from paraserve.server.processes.port_holder import port_holder
from paraserve.server.processes.unix_socket import bound_unix_socket
from paraserve.settings import Settings
from paraserve.user_folders import expanded

OnListening: TypeAlias = Callable[[str], None]
"""Called with the address of the server once it serves. That of a Unix socket is `unix:` and its path."""


def say_no_more(_url: str) -> None:
    """Do nothing once the server listens."""


@contextlib.contextmanager
def bound(settings: Settings) -> Iterator[list[socket.socket]]:
    """Bind sockets to all addresses of the host of the settings. They refuse clients until a server listens.

    Raises:
        ParaserveError: the server cannot listen there.
    """
    with contextlib.ExitStack() as stack:
        if settings.uds:
            yield [stack.enter_context(bound_unix_socket(expanded(settings.uds)))]
            return
        yield bound_to(stack, settings.host, settings.port)


@contextlib.contextmanager
def bound_wyoming(settings: Settings) -> Iterator[list[socket.socket]]:
    """Bind sockets for clients of the Wyoming protocol, none where the settings name no address.

    Raises:
        ParaserveError: the server cannot listen there.
    """
    with contextlib.ExitStack() as stack:
        address = wyoming_address(settings.wyoming) if settings.wyoming else None
        match address:
            case None:
                sockets = []
            case str():
                sockets = [stack.enter_context(bound_unix_socket(expanded(address)))]
            case host, port:
                sockets = bound_to(stack, host, port, "--wyoming")
        yield sockets


def announce(listening: Sequence[socket.socket], on_listening: OnListening = say_no_more, *, is_tls: bool) -> None:
    """Print the address of the server, and give it to `on_listening`. A closed stdout does not matter."""
    url = _url(listening[0].getsockname(), is_tls=is_tls)
    with contextlib.suppress(OSError):
        print(f"paraserve {__version__} listens on {url}", flush=True)  # noqa: T201
    on_listening(url)


def _url(name: str | tuple[str, int], *, is_tls: bool) -> str:
    """Return the address of a socket of this name. That of a Unix socket is a path."""
    if isinstance(name, str):
        return f"unix:{name}"
    host, port = name[:2]
    address = f"[{host}]" if ":" in host else host
    return f"http{'s' * is_tls}://{address}:{port}"


def bound_to(stack: contextlib.ExitStack, host: str, port: int, flag: str = "--port") -> list[socket.socket]:
    """Bind a socket to each address of a host, until the stack is left. `flag` names another port.

    Raises:
        ParaserveError: the server cannot listen there.
    """
    try:
        return _bind_all(stack, host, port)
    except OSError as error:
        raise ParaserveError(
            f"cannot listen on {host}:{port}: {error.strerror or error}{_cure(error, port, flag)}"
        ) from None


def _cure(error: OSError, port: int, flag: str) -> str:
    """Return what to do about an address that cannot be listened on."""
    if error.errno == errno.EADDRINUSE:
        holder = port_holder(port)
        return f"{f' ({holder})' if holder else ''}: stop what listens there, or choose another port with {flag}"
    if error.errno == errno.EACCES:
        return ": ports below 1024 are for root, choose a higher one"
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return ": it must be an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them"
    return ""


def _bind_all(stack: contextlib.ExitStack, host: str, port: int) -> list[socket.socket]:
    """Return a socket for each address of a host, on one port. Addresses that this machine lacks are left out."""
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE):
        try:
            made = stack.enter_context(socket.socket(family))
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind((address[0], sockets[0].getsockname()[1] if sockets else port, *address[2:]))
        except OSError as error:
            if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                raise
            missing = error
            continue
        sockets.append(made)
    if not sockets and missing is not None:
        raise missing
    return sockets
