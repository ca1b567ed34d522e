"""WebSocket route: admission of clients, the choice of their protocol, and draining at shutdown."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog
from fastapi import WebSocket, WebSocketDisconnect
from starlette.routing import WebSocketRoute

from paraserve.errors import (
    AccessError,
    EngineStuckError,
    OverloadedError,
    ParaserveError,
    ProtocolError,
    ShuttingDownError,
)
from paraserve.inference.abilities import ChoiceOf, ModelChoice
from paraserve.runtime.scheduling.live_load import RETRY_AFTER_S
from paraserve.server.access.address_limit import AddressLimit
from paraserve.server.access.admission import Admitted, ConcurrencyLimit, Places
from paraserve.server.access.authentication import Access, api_key
from paraserve.server.access.credentials import public_subprotocols
from paraserve.server.access.hosts import PAGE_CODES, HostRules, client_address
from paraserve.server.access.key_fields import KeyScope
from paraserve.server.live.connection import Connection, Message
from paraserve.server.live.key_watch import KeyWatch
from paraserve.server.live.live_trace import LiveTrace, live_trace
from paraserve.server.live.protocol_paths import NewClient, ProtocolOf, protocol_by_path
from paraserve.server.live.queues import CloseRequest
from paraserve.server.live.sending import send_frames
from paraserve.server.live.session_facts import SessionFacts, facts_of_away
from paraserve.server.live.sessions.kept_sessions import Owner
from paraserve.server.live.sessions.shared import LiveShared
from paraserve.server.protocols.events import Failed
from paraserve.server.protocols.funasr.live_messages import FunasrDialect
from paraserve.server.protocols.live_protocol import LiveProtocol
from paraserve.server.protocols.refused_client import RefusedClient
from paraserve.server.protocols.requests import Returning
from paraserve.server.readiness import DRAINED_MESSAGE, STUCK_MESSAGE
from paraserve.server.telemetry.request_log import new_request_id

BINARY = "binary"
FULL_MESSAGE = "another live client would make the texts of the others late: try again later"
RETURN_WAIT_S = 0.1
"""Time for a client that finds the server full or drained to say that it returns: in place of a connection that is
still open, perhaps."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Back:
    """The first message of a client that returns, and the session that it wants back."""

    first: Message
    returning: Returning


@dataclass(slots=True)
class LiveService:
    """Serves live connections: their shared parts, and the set of those that are open."""

    shared: LiveShared
    choice_of: ChoiceOf
    dialect: FunasrDialect
    admission: ConcurrencyLimit
    address_limit: AddressLimit
    access: Access
    hosts: HostRules
    key_watch: KeyWatch
    is_draining: bool = False
    connections: set[Connection] = field(default_factory=set)

    async def serve(
        self, socket: WebSocket, protocol: LiveProtocol, request_id: str, trace: LiveTrace | None = None
    ) -> int:
        """Serve one client until the connection is closed; return the close code. `trace` gets what it does.

        Raises:
            AccessError: the client may not use the server.
            OverloadedError: too many clients are served, in all or for this key or address, another one would make
                the others late, or the server is stopping.
            ProtocolError: the client's address cannot be used.
        """
        self.hosts.check_host(socket)
        self.hosts.check_origin(socket)
        self.access.check_key(socket)
        self.access.check_scope(socket, KeyScope.LIVE)
        if isinstance(protocol, RefusedClient):
            raise protocol.error
        if self.is_draining:
            raise ShuttingDownError("the server is shutting down")
        owner = Owner.of(api_key(socket), self.address_limit.group(socket))
        async with contextlib.AsyncExitStack() as stack:
            back: Back | None = None
            if not socket.app.state.readiness.takes_work:
                back = await self._returning(socket, protocol)
                if back is None or not self.shared.kept.has(back.returning, owner):
                    raise OverloadedError(DRAINED_MESSAGE, code="not_ready")
            try:
                places, admitted = await stack.enter_async_context(self._admitted(socket))
            except OverloadedError:
                back = back or await self._returning(socket, protocol)
                if back is None or not await self.shared.kept.release(back.returning, owner):
                    raise
                places, admitted = await stack.enter_async_context(self._admitted(socket))
            first = None if back is None else back.first
            connection = Connection(socket, protocol, self.shared, request_id, owner, first)
            connection.trace = trace
            connection.charge_with(partial(self._charge, places), admitted.audio)
            self.connections.add(connection)
            try:
                with self.key_watch.watching(connection, api_key(socket)):
                    return await connection.run()
            finally:
                self.connections.discard(connection)

    @contextlib.asynccontextmanager
    async def _admitted(self, socket: WebSocket) -> AsyncIterator[tuple[Places, Admitted]]:
        if self.shared.context.metrics.live_load.is_full:
            raise OverloadedError(FULL_MESSAGE, retry_after_s=RETRY_AFTER_S)
        with self.address_limit.admit(socket):
            async with self.admission.admit(api_key(socket)) as admitted:
                with self.admission.places() as places:
                    if self.is_draining:
                        raise ShuttingDownError("the server is shutting down")
                    yield places, admitted

    async def _returning(self, socket: WebSocket, protocol: LiveProtocol) -> "Back | None":
        """Return the first message of a client that wants its session back, None for others.

        Its former connection may still have a place: the break may be known on the client's side only.
        """
        if self.shared.kept.is_empty:
            return None
        try:
            async with asyncio.timeout(RETURN_WAIT_S):
                first = await socket.receive()
        except TimeoutError:
            return None
        returning = protocol.returning(first.get("text") or "")
        return None if returning is None else Back(first, returning)

    def _charge(self, places: Places, n: int) -> None:
        try:
            places.take(n)
        except OverloadedError as error:
            self.shared.context.metrics.live_refusals.labels(error.code).inc()
            raise

    @property
    def away(self) -> list[SessionFacts]:
        """Return the facts about sessions that wait for their clients."""
        return [facts_of_away(session, owner) for session, owner in self.shared.kept.waiting]

    async def drain(self) -> None:
        """End all sessions as `end_all` does. None is opened from now on."""
        self.is_draining = True
        await self.end_all()

    async def end_all(self) -> None:
        """End all utterances as if their clients had, and close all connections."""
        await self.shared.kept.close()
        async with asyncio.TaskGroup() as group:
            for connection in self.connections:
                group.create_task(connection.end(CloseRequest(1012, "shutting_down")))


def live_route() -> WebSocketRoute:
    """Return the route of every path. It is Starlette's: FastAPI's keeps 5 KB for each open connection."""
    return WebSocketRoute("/{path:path}", _live)


async def _live(socket: WebSocket) -> None:
    request_id = new_request_id(socket)
    try:
        await socket.accept(chosen_subprotocol(public_subprotocols(socket.scope["subprotocols"])))
    except OSError:
        # The client has gone in the meantime.
        return
    with contextlib.suppress(WebSocketDisconnect):
        await serve_or_refuse(socket, request_id, protocol_by_path)


def chosen_subprotocol(offered: Sequence[str]) -> str | None:
    """Return "binary", FunASR's, if the client offers it, else its first one: a client that gets none fails."""
    return BINARY if BINARY in offered else next(iter(offered), None)


async def serve_or_refuse(socket: WebSocket, request_id: str, protocol_of: ProtocolOf) -> None:
    """Serve a client whose connection has been accepted, or tell it why not and close the connection."""
    service: LiveService | None = socket.app.state.live
    dialect = FunasrDialect() if service is None else service.dialect
    choice_of = _any_choice if service is None else service.choice_of
    protocol = protocol_of(NewClient(socket, request_id, dialect, choice_of))
    if service is None:
        error = OverloadedError("the server is starting or shutting down", code="not_ready")
        await _refuse(socket, error, protocol, request_id)
        return
    try:
        if socket.app.state.readiness.is_stuck:
            raise EngineStuckError(STUCK_MESSAGE)
        with live_trace(socket.app.state.tracer, socket, request_id) as trace:
            await service.serve(socket, protocol, request_id, trace)
    except (AccessError, OverloadedError, ProtocolError) as error:
        service.shared.context.metrics.live_refusals.labels(error.code).inc()
        if error.code in PAGE_CODES:
            socket.app.state.refusals.note(error.code, client_address(socket))
        await _refuse(socket, error, protocol, request_id)


def _any_choice(_model: str | None) -> ModelChoice:
    return ModelChoice()


async def _refuse(socket: WebSocket, error: ParaserveError, protocol: LiveProtocol, request_id: str) -> None:
    """Tell a client why it is not let in, and close its connection."""
    socket.app.state.recent_errors.note(request_id, socket.scope["path"], error.code, error.message)
    log.info("live session refused", session_id=request_id, request_id=request_id, code=error.code)
    await send_frames(socket, protocol.write(Failed(error, ends_utterance=True)))
    await socket.close(protocol.close_code(error) or 1013, error.code)
