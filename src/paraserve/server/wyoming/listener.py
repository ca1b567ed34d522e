"""The listener of the Wyoming protocol, on a TCP port or a Unix socket."""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from functools import partial

import structlog
from fastapi import FastAPI

from paraserve.errors import ParaserveError
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.server.access.client_addresses import UNIX
from paraserve.server.protocols.wyoming.events import MAX_HEADER_BYTES
from paraserve.server.protocols.wyoming.info import ModelInfo, info_frame
from paraserve.server.transport.connections import Connections
from paraserve.server.wyoming.client import WyomingClient
from paraserve.settings import Settings
from paraserve.text_files import read_text_file
from paraserve.user_folders import expanded

log = structlog.get_logger()


class WyomingListener:
    """Serves clients on listening sockets from `open` on."""

    def __init__(self, app: FastAPI, settings: Settings, connections: Connections) -> None:
        self._app = app
        self._api_key = _read_key(settings.wyoming_api_key_file) if settings.api_keys_file else ""
        self._max_payload_bytes = settings.max_frame_bytes
        self._connections = connections
        self._servers: list[asyncio.Server] = []
        self._clients: dict[asyncio.Task[None], WyomingClient] = {}

    async def open(self, sockets: Sequence[socket.socket]) -> None:
        """Listen on these sockets."""
        for one in sockets:
            start = asyncio.start_unix_server if one.family == socket.AF_UNIX else asyncio.start_server
            self._servers.append(await start(self._serve, sock=one, limit=MAX_HEADER_BYTES))
            log.info("wyoming listens", address=one.getsockname())

    async def stop_accepting(self) -> None:
        """Let nobody connect from now on, and let those go who have no live session."""
        for server in self._servers:
            server.close()
        for task, client in self._clients.items():
            if not client.has_session:
                task.cancel()

    async def close(self, grace_s: float) -> None:
        """Wait for clients at most `grace_s` seconds, then end their connections."""
        if self._clients:
            await asyncio.wait(self._clients, timeout=grace_s)
        for task in self._clients:
            task.cancel()
        if self._clients:
            await asyncio.wait(self._clients)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = WyomingClient(
            self._app,
            reader,
            writer,
            api_key=self._api_key,
            max_payload_bytes=self._max_payload_bytes,
            info=partial(_info, self._app),
        )
        task = asyncio.current_task()
        assert task is not None
        self._clients[task] = client
        peer = writer.get_extra_info("peername")
        place = self._connections.enter(peer[0] if isinstance(peer, tuple) else UNIX)
        try:
            if place.refusal is not None:
                await client.refuse(place.refusal.message, place.refusal.code)
                return
            with contextlib.suppress(asyncio.CancelledError):  # asyncio would log it
                await client.run()
        finally:
            place.leave()
            del self._clients[task]


def _info(app: FastAPI) -> bytes:
    engine: RoutedEngine | None = app.state.readiness.engine
    return info_frame(ModelInfo(one.name, one.languages) for one in (engine.statuses if engine else ()))


def _read_key(path: str) -> str:
    try:
        return read_text_file(expanded(path)).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ParaserveError(
            f"the key of Wyoming's clients cannot be read: {error}", code="invalid_settings"
        ) from None
