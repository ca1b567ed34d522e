"""The WebSocket transport under Ray Serve, which knows nothing of our settings and closes connections at a drain."""

import copy
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from paraserve.deploy.serve.private_hooks import DIRECT_RECEIVE
from paraserve.server.telemetry.refusals import Refusals
from paraserve.server.transport.live_transport import LiveTransport
from paraserve.server.transport.upgrades import SEND_BUFFER_BYTES
from paraserve.settings import Settings


@dataclass(frozen=True, slots=True)
class Contract:
    """What connections of a replica have in common.

    Args:
        settings: size of messages, pings.
        refusals: counts and logs clients that are cut off.
        drain: ends all live sessions with their last results. May be called more than once.
    """

    settings: Settings
    refusals: Refusals
    drain: Callable[[], None]


class ServeTransport(LiveTransport):
    """A WebSocket connection of a replica."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], contract: Contract
    ) -> None:
        super().__init__(_with(config, contract.settings), server_state, app_state, contract.refusals)
        self._drain = contract.drain

    def connection_made(self, transport: Any) -> None:
        """Set the size of the send buffer, as the plain server does."""
        super().connection_made(transport)
        opened: socket.socket | None = transport.get_extra_info("socket")
        if opened is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    async def run_asgi(self) -> None:
        """Run the application, which then takes messages from this connection and slows its peer down."""
        self.scope["headers"] = [*self.scope["headers"], DIRECT_RECEIVE]
        await super().run_asgi()

    def shutdown(self) -> None:
        """Have the sessions ended. uvicorn, whose listener has been closed, would close the connection at once."""
        if self.handshake_complete and not self.close_sent:
            self._drain()
        else:
            super().shutdown()


def _with(config: Config, settings: Settings) -> Config:
    """Return Serve's configuration of uvicorn with our choices for WebSockets."""
    ours = copy.copy(config)
    ours.ws_max_size = settings.max_frame_bytes
    ours.ws_per_message_deflate = False
    ours.ws_ping_interval, ours.ws_ping_timeout = settings.ping_interval_s, settings.ping_timeout_s
    return ours
