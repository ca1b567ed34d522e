"""A server process that sends each message back, on the transports and settings of the product."""

import types
from typing import Any

from prometheus_client import CollectorRegistry, Counter

from paraserve.server.processes import server
from paraserve.server.telemetry.refusals import Refusals
from paraserve.settings import Settings


class EchoApp:
    """Takes every WebSocket."""

    def __init__(self) -> None:
        counter = Counter("refusals", "Refusals", ["kind"], registry=CollectorRegistry())
        self.state = types.SimpleNamespace(refusals=Refusals(counter))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Accept, then echo until the client leaves."""
        if scope["type"] != "websocket":
            return
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send(message | {"type": "websocket.send"})


class EchoServer(server.uvicorn.Server):
    """Says where it listens."""

    async def startup(self, sockets: Any = None) -> None:
        """Listen, then print the address."""
        await super().startup(sockets)
        server.announce(self.servers[0].sockets, is_tls=False)


if __name__ == "__main__":
    app, settings = EchoApp(), Settings(port=0)
    config = server._config(app, settings, server._door(app, settings))
    config.lifespan = "off"
    EchoServer(config).run()
