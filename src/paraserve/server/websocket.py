"""FunASR's WebSocket protocol: one connection = a reader, a worker and a writer, with bounded queues between them."""

import asyncio
import contextlib
import json
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from paraserve.errors import OverloadedError, ParaserveError
from paraserve.runtime.offline import first_cause
from paraserve.server.admission import Admission
from paraserve.server.conversation import Conversation, Recognition, close_code
from paraserve.server.live_messages import LiveRequest
from paraserve.server.live_queues import Frame, Inbox, Outbox, Outgoing, Stop
from paraserve.server.observe import Metrics, new_request_id
from paraserve.server.wire_live import Flavour, error_result

QUIET_S = 0.1
"""At the end of the service, a client that sent nothing for so long has nothing on its way ..."""
MAX_QUIET_CHECKS = 10
"""... and one that goes on speaking is stopped after so many looks."""

log = structlog.get_logger()


class SlowClientError(TimeoutError):
    """The client does not read its results."""


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """`max_session_s` of a connection, and how long one message may take to be accepted by a slow client."""

    max_session_s: float
    send_timeout_s: float


@dataclass(slots=True)
class LiveService:
    """What every live connection needs, and those that are open."""

    recognition: Recognition
    admission: Admission
    limits: LiveLimits
    metrics: Metrics
    is_draining: bool = False
    connections: set["Connection"] = field(default_factory=set)

    async def serve(self, socket: WebSocket, request_id: str) -> int:
        """Talk with one client until the connection is closed; gives the close code.

        Raises:
            OverloadedError: too many are being served, or the server is stopping.
        """
        if self.is_draining:
            raise OverloadedError("the server is shutting down", code="shutting_down")
        with self.admission:
            connection = Connection(socket, self, request_id)
            self.connections.add(connection)
            try:
                return await connection.run()
            finally:
                self.connections.discard(connection)

    async def drain(self) -> None:
        """End all utterances as if their clients had, and close all connections; none is opened from now on."""
        self.is_draining = True
        async with asyncio.TaskGroup() as group:
            for connection in self.connections:
                group.create_task(connection.end(Stop(1012, "shutting_down")))


def live_router() -> APIRouter:
    """The WebSocket of every path."""
    routes = APIRouter()

    @routes.websocket("/{path:path}")
    async def live(socket: WebSocket) -> None:
        request_id = new_request_id(socket)
        # A client that has gone in the meantime is no fault of anybody's.
        with contextlib.suppress(OSError, WebSocketDisconnect):
            await socket.accept("binary" if "binary" in socket.scope["subprotocols"] else None)
            await _serve_or_refuse(socket, request_id)

    return routes


async def _serve_or_refuse(socket: WebSocket, request_id: str) -> None:
    service: LiveService | None = socket.app.state.live
    if service is None:
        error = OverloadedError("the server is starting or shutting down", code="not_ready")
        await _refuse(socket, error, Flavour(), request_id)
        return
    try:
        await service.serve(socket, request_id)
    except OverloadedError as error:
        await _refuse(socket, error, service.recognition.flavour, request_id)


async def _refuse(socket: WebSocket, error: OverloadedError, flavour: Flavour, request_id: str) -> None:
    """Tell a client at the door why it is not let in."""
    log.info("live session refused", request_id=request_id, code=error.code)
    nobody = LiveRequest()
    mode = flavour.final_label(nobody.mode)
    body = error_result(error.code, error.message, request_id, mode=mode, wav_name=nobody.wav_name)
    await _send_json(socket, body)
    await socket.close(close_code(error) or 1013, error.code)


async def _send_json(socket: WebSocket, body: dict[str, Any]) -> None:
    await socket.send_text(json.dumps(body, ensure_ascii=False, separators=(",", ":")))


class Connection:
    """One client."""

    def __init__(self, socket: WebSocket, service: LiveService, request_id: str) -> None:
        self._socket = socket
        self._service = service
        self._request_id = request_id
        self._inbox = Inbox()
        self._outbox = Outbox()
        self._conversation = Conversation(service.recognition, self._inbox, self._outbox, request_id)
        self._n_frames = 0
        self._closed = asyncio.Event()
        self._code = 1006

    async def run(self) -> int:
        """Until either side closes; gives the close code (1006: the connection broke)."""
        started = time.monotonic()
        timer = asyncio.get_running_loop().call_later(
            self._service.limits.max_session_s, self._inbox.stop, Stop(1008, "session_too_long")
        )
        try:
            await self._run_tasks()
        except ExceptionGroup as errors:
            await self._broken(first_cause(errors))
        finally:
            timer.cancel()
            self._closed.set()
            self._record(time.monotonic() - started)
        return self._code

    async def end(self, stop: Stop) -> None:
        """Take in what the client has already sent, end its utterance, close; returns once closed."""
        for _ in range(MAX_QUIET_CHECKS):
            n_before = self._n_frames
            await asyncio.sleep(QUIET_S)
            if self._n_frames == n_before:
                break
        self._inbox.stop(stop)
        await self._closed.wait()

    async def _run_tasks(self) -> None:
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(self._work()), group.create_task(self._write())]
            await self._read()
            for task in others:
                task.cancel()

    async def _read(self) -> None:
        """Frames into the inbox, until the connection is closed."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                self._code = message.get("code") or 1005
                return
            text = message.get("text")
            self._n_frames += 1
            await self._inbox.put(Frame(message["bytes"] if text is None else text, time.monotonic()))

    async def _work(self) -> None:
        """The conversation; at its end the outbox is told how to close."""
        try:
            stop = await self._conversation.run()
        except ParaserveError as error:
            code = close_code(error)
            if code is None:
                raise
            log.warning("live session failed", request_id=self._request_id, error=repr(error))
            stop = Stop(code, error.code)
            # Nobody takes frames any more, but the reader has to go on until it sees the connection closed.
            self._inbox.stop(stop)
        self._outbox.stop(stop)

    async def _write(self) -> None:
        """Messages from the outbox to the client, then the close frame."""
        while not isinstance(message := await self._outbox.get(), Stop):
            await self._in_time(self._send(message))
        await self._in_time(self._socket.close(message.code, message.reason))

    async def _send(self, message: Outgoing) -> None:
        took_s = None if message.received_s is None else time.monotonic() - message.received_s
        if message.is_timed and took_s is not None:
            message.body["server_ms"] = round(took_s * 1000, 1)
        await _send_json(self._socket, message.body)
        if "error" not in message.body and "is_end" not in message.body:
            self._service.metrics.live_result(is_partial=message.segment is not None, took_s=took_s)

    async def _in_time(self, sending: Coroutine[Any, Any, None]) -> None:
        """Send something that the client has to make room for.

        Raises:
            SlowClientError: it did not.
        """
        limit_s = self._service.limits.send_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                await sending
        except TimeoutError:
            raise SlowClientError(f"a result was not read for {limit_s:g} s") from None

    async def _broken(self, error: Exception) -> None:
        """Close after something that ended a task."""
        if isinstance(error, WebSocketDisconnect):
            return
        if isinstance(error, SlowClientError):
            await self._close(1013, "slow_client")
            return
        log.error("live session broke", request_id=self._request_id, error=repr(error), exc_info=error)
        body = error_result(
            "internal_error",
            "internal error; the server's log has the request id",
            self._request_id,
            mode=self._service.recognition.flavour.final_label(self._conversation.listener.request.mode),
            wav_name=self._conversation.listener.request.wav_name,
        )
        with contextlib.suppress(SlowClientError, WebSocketDisconnect):
            await self._in_time(_send_json(self._socket, body))
        await self._close(1011, "internal_error")

    async def _close(self, code: int, reason: str) -> None:
        self._code = code
        with contextlib.suppress(WebSocketDisconnect):
            await self._socket.close(code, reason)

    def _record(self, seconds: float) -> None:
        """One log line a connection; never what was said."""
        listener = self._conversation.listener
        self._service.metrics.live_closes.labels(str(self._code)).inc()
        log.info(
            "live session",
            request_id=self._request_id,
            mode=listener.request.mode,
            utterances=self._conversation.n_utterances,
            audio_ms=round(listener.heard_ms),
            close_code=self._code,
            ms=round(seconds * 1000),
        )
