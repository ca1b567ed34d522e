"""Listeners beside the port of HTTP: those of protocols with a transport of their own."""

import socket
from collections.abc import Sequence
from typing import Protocol

from fastapi import FastAPI

from paraserve.server.transport.connections import Connections
from paraserve.settings import Settings


class Listener(Protocol):
    """An open listener. It serves clients until `close`."""

    async def stop_accepting(self) -> None:
        """Let nobody connect from now on. Who is connected is served on: the live service ends their sessions."""
        ...

    async def close(self, grace_s: float) -> None:
        """Close connections that are still open after `grace_s` seconds, and free the address."""
        ...


async def open_listeners(
    app: FastAPI, settings: Settings, wyoming_sockets: Sequence[socket.socket], connections: Connections
) -> Sequence[Listener]:
    """Listen for the protocols that the settings ask for. The application has started.

    Args:
        app: serves their clients.
        settings: name the protocols.
        wyoming_sockets: for clients of the Wyoming protocol.
        connections: counts those of all clients of this process.

    Raises:
        ParaserveError: an address is taken, or the extra of a protocol is not installed.
    """
    listeners: list[Listener] = []
    if settings.grpc_port:
        from paraserve.server.grpc.listener import open_grpc  # noqa: PLC0415 - heavy, and few servers want it

        listeners.append(await open_grpc(app, settings))
    if wyoming_sockets:
        from paraserve.server.wyoming.listener import WyomingListener  # noqa: PLC0415 - few servers want it

        wyoming = WyomingListener(app, settings, connections)
        await wyoming.open(wyoming_sockets)
        listeners.append(wyoming)
    return listeners
