"""One live client: a reader, a worker and a writer with bounded queues between them, until either side closes."""

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import WebSocket, WebSocketDisconnect

from paraserve.errors import ParaserveError
from paraserve.runtime.offline import first_cause
from paraserve.server.live.live_session import LiveContext, LiveSession, close_code
from paraserve.server.live.queues import CloseRequest, Frame, Inbox, Outbox, QueuedMessage
from paraserve.server.protocols.funasr.bodies import Json
from paraserve.server.protocols.json_encoding import object_text
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.request_log import key_name
from paraserve.server.telemetry.slow_log import SlowLog

QUIET_S = 0.25
"""At the end of the service, a client that sent nothing for so long has nothing on its way ..."""
MAX_QUIET_CHECKS = 4
"""... and one that goes on speaking is stopped after so many looks."""
LONG_CHARS = 4096
"""The JSON of a longer text, with its times, is written on another thread."""

log = structlog.get_logger()


class SlowClientError(TimeoutError):
    """The client does not read its results."""


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """`max_session_s` of a connection, and how long one message may take to be accepted by a slow client."""

    max_session_s: float
    send_timeout_s: float


async def send_json(socket: WebSocket, body: Json) -> None:
    """A text frame."""
    is_long = len(body["text"]) > LONG_CHARS
    await socket.send_text(await asyncio.to_thread(object_text, body) if is_long else object_text(body))


class Connection:
    """One client."""

    def __init__(
        self,
        socket: WebSocket,
        recognition: LiveContext,
        limits: LiveLimits,
        metrics: Metrics,
        slow_log: SlowLog,
        request_id: str,
    ) -> None:
        self._socket = socket
        self._limits = limits
        self._metrics = metrics
        self._slow_log = slow_log
        # One connection is one session; errors name it as their request.
        self._ids = {"session_id": request_id, "request_id": request_id, "key": key_name(socket)}
        self._inbox = Inbox()
        self._outbox = Outbox()
        self._conversation = LiveSession(recognition, self._inbox, self._outbox, request_id)
        self._n_frames = 0
        self._closed = asyncio.Event()
        self._code = 1006

    async def run(self) -> int:
        """Until either side closes; gives the close code (1006: the connection broke)."""
        started = time.monotonic()
        timer = asyncio.get_running_loop().call_later(
            self._limits.max_session_s, self._inbox.stop, CloseRequest(1008, "session_too_long")
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

    async def end(self, stop: CloseRequest) -> None:
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
            log.warning("live session failed", **self._ids, error=repr(error))
            stop = CloseRequest(code, error.code)
            # Nobody takes frames any more, but the reader has to go on until it sees the connection closed.
            self._inbox.stop(stop)
        self._outbox.stop(stop)

    async def _write(self) -> None:
        """Messages from the outbox to the client, then the close frame."""
        while not isinstance(message := await self._outbox.get(), CloseRequest):
            await self._in_time(self._send(message))
        await self._in_time(self._socket.close(message.code, message.reason))

    async def _send(self, message: QueuedMessage) -> None:
        took_s = None if message.received_s is None else time.monotonic() - message.received_s
        if message.is_timed and took_s is not None:
            message.body["server_ms"] = round(took_s * 1000, 1)
        await send_json(self._socket, message.body)
        if "error" not in message.body and "is_end" not in message.body:
            self._sent(message, took_s)

    def _sent(self, message: QueuedMessage, took_s: float | None) -> None:
        """Measure and log a result."""
        is_partial = message.segment is not None
        self._metrics.live_result(is_partial=is_partial, took_s=took_s)
        facts = {"kind": "partial" if is_partial else "final", "utterance": self._conversation.n_utterances}
        # The one result of a file may take its time.
        if took_s is not None and (is_partial or message.timing is not None):
            self._slow_log.result(took_s, message.timing, **facts, **self._ids)
        if not is_partial:
            self._slow_log.text(str(message.body["text"]), **facts, **self._ids)

    async def _in_time(self, sending: Coroutine[Any, Any, None]) -> None:
        """Send something that the client has to make room for.

        Raises:
            SlowClientError: it did not.
        """
        limit_s = self._limits.send_timeout_s
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
        log.error("live session broke", **self._ids, error=repr(error), exc_info=error)
        body = self._conversation.error("internal_error", "internal error; the server's log has the request id")
        with contextlib.suppress(SlowClientError, WebSocketDisconnect):
            await self._in_time(send_json(self._socket, body))
        await self._close(1011, "internal_error")

    async def _close(self, code: int, reason: str) -> None:
        self._code = code
        with contextlib.suppress(WebSocketDisconnect):
            await self._socket.close(code, reason)

    def _record(self, seconds: float) -> None:
        """One log line a connection; never what was said."""
        listener = self._conversation.listener
        self._metrics.live_close(self._code)
        log.info(
            "live session",
            **self._ids,
            mode=listener.request.mode,
            utterances=self._conversation.n_utterances,
            audio_ms=round(listener.heard_ms),
            close_code=self._code,
            ms=round(seconds * 1000),
        )
