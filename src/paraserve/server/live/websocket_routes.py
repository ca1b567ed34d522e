"""WebSocket route: admission of clients, the choice of their protocol, and draining at shutdown."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from paraserve.errors import AccessError, EngineStuckError, OverloadedError, ParaserveError, ShuttingDownError
from paraserve.server.access.admission import ConcurrencyLimit
from paraserve.server.access.authentication import Access
from paraserve.server.live.connection import Connection, LiveLimits, send_frames
from paraserve.server.live.queues import CloseRequest
from paraserve.server.live.recorded_utterance import LiveContext
from paraserve.server.protocols.events import Failed, LiveProtocol
from paraserve.server.protocols.funasr.live_protocol import FunasrDialect, FunasrProtocol
from paraserve.server.protocols.vosk import VoskByFirstMessage, VoskProtocol
from paraserve.server.readiness import STUCK_MESSAGE
from paraserve.server.telemetry.request_log import key_name, new_request_id
from paraserve.server.telemetry.slow_log import SlowLog

VOSK_PATH = "/vosk"

log = structlog.get_logger()


@dataclass(slots=True)
class LiveService:
    """Serves live connections: their shared parts, and the set of those that are open."""

    context: LiveContext
    dialect: FunasrDialect
    admission: ConcurrencyLimit
    limits: LiveLimits
    access: Access
    slow_log: SlowLog
    is_draining: bool = False
    connections: set[Connection] = field(default_factory=set)

    async def serve(self, socket: WebSocket, protocol: LiveProtocol, request_id: str) -> int:
        """Serve one client until the connection is closed; return the close code.

        Raises:
            AccessError: the client may not use the server.
            OverloadedError: too many clients are being served, in all or for this key, or the server is stopping.
        """
        self.access.check_origin(socket)
        self.access.check_key(socket, may_query=True)
        if self.is_draining:
            raise ShuttingDownError("the server is shutting down")
        with self.admission.admit(key_name(socket)):
            connection = Connection(socket, protocol, self.context, self.limits, self.slow_log, request_id)
            self.connections.add(connection)
            try:
                return await connection.run()
            finally:
                self.connections.discard(connection)

    async def drain(self) -> None:
        """End all utterances as if their clients had, and close all connections. None is opened from now on."""
        self.is_draining = True
        async with asyncio.TaskGroup() as group:
            for connection in self.connections:
                group.create_task(connection.end(CloseRequest(1012, "shutting_down")))


def live_router() -> APIRouter:
    """Return the WebSocket route of every path."""
    routes = APIRouter()

    @routes.websocket("/{path:path}")
    async def live(socket: WebSocket) -> None:
        request_id = new_request_id(socket)
        try:
            await socket.accept("binary" if "binary" in socket.scope["subprotocols"] else None)
        except OSError:
            # The client has gone in the meantime.
            return
        with contextlib.suppress(WebSocketDisconnect):
            await _serve_or_refuse(socket, request_id)

    return routes


def protocol_for(path: str, dialect: FunasrDialect, request_id: str) -> LiveProtocol:
    """Return the protocol of a connection to this path. Where the path decides nothing, the first message does."""
    if path == VOSK_PATH:
        return VoskProtocol(request_id)
    return VoskByFirstMessage(FunasrProtocol(dialect, request_id), request_id)


async def _serve_or_refuse(socket: WebSocket, request_id: str) -> None:
    service: LiveService | None = socket.app.state.live
    dialect = FunasrDialect() if service is None else service.dialect
    protocol = protocol_for(socket.scope["path"], dialect, request_id)
    if service is None:
        error = OverloadedError("the server is starting or shutting down", code="not_ready")
        await _refuse(socket, error, protocol, request_id)
        return
    try:
        if socket.app.state.readiness.is_stuck:
            raise EngineStuckError(STUCK_MESSAGE)
        await service.serve(socket, protocol, request_id)
    except (AccessError, OverloadedError) as error:
        service.context.metrics.live_refusals.labels(error.code).inc()
        await _refuse(socket, error, protocol, request_id)


async def _refuse(socket: WebSocket, error: ParaserveError, protocol: LiveProtocol, request_id: str) -> None:
    """Tell a client why it is not let in, and close its connection."""
    log.info("live session refused", session_id=request_id, request_id=request_id, code=error.code)
    await send_frames(socket, protocol.write(Failed(error)))
    await socket.close(protocol.close_code(error) or 1013, error.code)
