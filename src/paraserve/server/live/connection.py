"""One live client: a reader, a worker and a writer with bounded queues between them, until either side closes."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from paraserve.errors import ParaserveError
from paraserve.runtime.offline import first_cause
from paraserve.server.live.live_session import LiveSession
from paraserve.server.live.queues import CloseRequest, Inbox, Outbox, ReceivedFrame
from paraserve.server.live.recorded_utterance import LiveContext
from paraserve.server.protocols.events import (
    Failed,
    Frame,
    LiveProtocol,
    PartialText,
    RecordingText,
    SegmentText,
    TextEvent,
)
from paraserve.server.telemetry.request_log import key_name
from paraserve.server.telemetry.slow_log import SlowLog

DRAIN_CHECK_S = 0.25
"""At shutdown, a client that has sent nothing for this long has nothing more on its way."""
MAX_DRAIN_CHECKS = 4
"""Checks before a client that keeps sending is cut off."""
LONG_CHARS = 1024
"""Frames of a longer text are written on another thread: encoding hours of speech would hold the event loop."""

CUT_OFF_TIMEOUT_S = 0.25
"""Time for what is in progress to end, and again for the error to be sent, where a session is cut off."""

log = structlog.get_logger()


class SlowClientError(TimeoutError):
    """The client does not read its results."""


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """Times of a connection.

    Args:
        max_session_s: its longest duration.
        send_timeout_s: time for a client to take one message.
        idle_timeout_s: longest time without audio, 0 = no limit.
    """

    max_session_s: float
    send_timeout_s: float
    idle_timeout_s: float = 0.0


async def send_frames(socket: WebSocket, frames: Sequence[Frame]) -> None:
    """Send text and binary frames."""
    for frame in frames:
        await (socket.send_text(frame) if isinstance(frame, str) else socket.send_bytes(frame))


class Connection:
    """One client that talks `protocol`."""

    def __init__(
        self,
        socket: WebSocket,
        protocol: LiveProtocol,
        context: LiveContext,
        limits: LiveLimits,
        slow_log: SlowLog,
        request_id: str,
    ) -> None:
        self._socket = socket
        self._protocol = protocol
        self._limits = limits
        self._metrics = context.metrics
        self._slow_log = slow_log
        # One connection is one session; errors name it as their request.
        self._ids = {"session_id": request_id, "request_id": request_id, "key": key_name(socket)}
        self._inbox = Inbox()
        self._outbox = Outbox()
        self._session = LiveSession(context, protocol, self._inbox, self._outbox)
        self._n_frames = 0
        self._n_told = 0  # utterances whose last text, or error in its place, has been sent
        self._audio_s = time.monotonic()  # when audio arrived last
        self._idle_timer: asyncio.TimerHandle | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = asyncio.Event()
        self._code = 1006

    @property
    def charge(self) -> Callable[[int], None]:
        """Take as many places as the client's settings cost. Raises OverloadedError where they are not free."""
        return self._session.reader.charge

    @charge.setter
    def charge(self, take: Callable[[int], None]) -> None:
        self._session.reader.charge = take

    async def run(self) -> int:
        """Serve the client until either side closes; return the close code (1006: the connection broke)."""
        started, limits = time.monotonic(), self._limits
        too_long = CloseRequest(1008, "session_too_long", f"the connection is older than {limits.max_session_s:g} s")
        timer = asyncio.get_running_loop().call_later(limits.max_session_s, self._inbox.stop, too_long)
        self._check_idle()
        try:
            await self._run_tasks()
        except ExceptionGroup as errors:
            await self._close_after(first_cause(errors))
        finally:
            timer.cancel()
            if self._idle_timer is not None:
                self._idle_timer.cancel()
            self._closed.set()
            self._record(time.monotonic() - started)
        return self._code

    async def end(self, stop: CloseRequest) -> None:
        """Take in what the client has already sent, end its utterance, close. Returns once closed."""
        for _ in range(MAX_DRAIN_CHECKS):
            n_before = self._n_frames
            await asyncio.sleep(DRAIN_CHECK_S)
            if self._n_frames == n_before:
                break
        self._inbox.stop(stop)
        await self._closed.wait()

    async def refuse(self, error: ParaserveError, grace_s: float) -> None:
        """End the utterance, tell the client of the error, close. What takes longer than `grace_s` is left out."""
        code = self._protocol.close_code(error) or 1008
        self._inbox.stop(CloseRequest(code, error.code, error.message))
        try:
            async with asyncio.timeout(grace_s):
                await self._closed.wait()
        except TimeoutError:
            self._cancel_tasks()
            await asyncio.wait(self._tasks, timeout=CUT_OFF_TIMEOUT_S)
            await self._tell_and_close(error, code)

    async def _tell_and_close(self, error: ParaserveError, code: int) -> None:
        """Close, with the error before it if the client makes room for it at once."""
        if self._socket.application_state is WebSocketState.DISCONNECTED:
            return
        failed = Failed(error, ends_utterance=self._session.n_utterances > self._n_told)
        with contextlib.suppress(TimeoutError, WebSocketDisconnect):
            async with asyncio.timeout(CUT_OFF_TIMEOUT_S):
                await send_frames(self._socket, self._protocol.write(failed))
        await self._close(code, error.code)

    async def _run_tasks(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._tasks += [group.create_task(task) for task in (self._work(), self._write())]
            await self._read()
            self._cancel_tasks()

    def _cancel_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _read(self) -> None:
        """Put frames into the inbox, until the connection is closed."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                self._code = message.get("code") or 1005
                return
            text = message.get("text")
            self._n_frames += 1
            if message.get("bytes"):
                self._audio_s = time.monotonic()
            await self._inbox.put(ReceivedFrame(message["bytes"] if text is None else text, time.monotonic()))

    def _check_idle(self) -> None:
        """End the session of a client that has sent no audio for too long, else look again when that may be so.

        Pings and messages are no audio. Time that the client waits for its texts does not count.
        """
        limit_s, reader = self._limits.idle_timeout_s, self._session.reader
        if not limit_s:
            return
        if self._inbox.has_audio or (reader.has_audio and reader.end is not None):
            self._audio_s = time.monotonic()
        left_s = self._audio_s + limit_s - time.monotonic()
        if left_s <= 0:
            self._inbox.stop(CloseRequest(1008, "idle_timeout", f"no audio came for {limit_s:g} s"))
            return
        self._idle_timer = asyncio.get_running_loop().call_later(max(0.01, left_s), self._check_idle)

    async def _work(self) -> None:
        """Run the session, then tell the writer how to close."""
        try:
            stop = await self._session.run()
        except ParaserveError as error:
            code = self._protocol.close_code(error)
            if code is None:
                raise
            log.warning("live session failed", **self._ids, error=repr(error))
            stop = CloseRequest(code, error.code)
        if stop.message:
            self._outbox.put(Failed(ParaserveError(stop.message, code=stop.reason)))
        # Nobody takes frames any more, but the reader has to go on until it sees the connection closed.
        self._inbox.stop(stop)
        self._outbox.stop(stop)

    async def _write(self) -> None:
        """Send the outbox's events to the client, then the close frame."""
        while not isinstance(event := await self._outbox.get(), CloseRequest):
            if isinstance(event, PartialText | SegmentText | RecordingText):
                await self._send_text(event)
            else:
                await self._send(self._protocol.write(event))
                self._n_told += isinstance(event, Failed) and event.ends_utterance
        await self._in_time(self._socket.close(event.code, event.reason))

    async def _send_text(self, event: TextEvent) -> None:
        took_s = None if event.received_s is None else time.monotonic() - event.received_s
        if len(event.text) > LONG_CHARS:
            frames = await asyncio.to_thread(self._protocol.write, event, took_s)
        else:
            frames = self._protocol.write(event, took_s)
        await self._send(frames)
        self._record_text(event, took_s)

    async def _send(self, frames: Sequence[Frame]) -> None:
        if frames:
            await self._in_time(send_frames(self._socket, frames))

    def _record_text(self, event: TextEvent, took_s: float | None) -> None:
        """Measure and log a result."""
        is_final = not isinstance(event, PartialText) or event.is_last
        if not event.text and not is_final:
            return
        self._n_told += isinstance(event, RecordingText) or event.is_last
        notice = None if isinstance(event, RecordingText) else event.notice
        self._metrics.live_result(is_partial=not is_final, took_s=took_s, notice=notice)
        if is_final:
            self._metrics.hotwords(event.transcript.hotwords if isinstance(event, RecordingText) else event.hotwords)
        self._metrics.redacted(event.redactions)
        facts = {"kind": "final" if is_final else "partial", "utterance": self._session.n_utterances}
        timing = event.timing if isinstance(event, SegmentText) else None
        # The one result of a file may take its time.
        if took_s is not None and (not is_final or timing is not None):
            self._slow_log.result(took_s, timing, **facts, **self._ids)
        if is_final:
            self._slow_log.text(event.text, **facts, **self._ids)

    async def _in_time(self, sending: Coroutine[Any, Any, None]) -> None:
        """Send something that the client has to make room for.

        Raises:
            SlowClientError: the client made no room in time.
        """
        limit_s = self._limits.send_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                await sending
        except TimeoutError:
            raise SlowClientError(f"a result was not read for {limit_s:g} s") from None

    async def _close_after(self, error: Exception) -> None:
        """Close the connection after an error that ended one of the tasks."""
        if isinstance(error, WebSocketDisconnect):
            return
        if isinstance(error, SlowClientError):
            await self._close(1013, "slow_client")
            return
        log.error("live session broke", **self._ids, error=repr(error), exc_info=error)
        error = ParaserveError("internal error; the server's log has the request id")
        event = Failed(error, ends_utterance=self._session.n_utterances > self._n_told)
        with contextlib.suppress(SlowClientError, WebSocketDisconnect):
            await self._send(self._protocol.write(event))
        await self._close(1011, "internal_error")

    async def _close(self, code: int, reason: str) -> None:
        self._code = code
        with contextlib.suppress(WebSocketDisconnect):
            await self._socket.close(code, reason)

    def _record(self, seconds: float) -> None:
        """Write one log line for the connection, without what was said."""
        reader = self._session.reader
        self._metrics.live_close(self._code)
        log.info(
            "live session",
            **self._ids,
            mode=reader.settings.mode,
            utterances=self._session.n_utterances,
            audio_ms=round(reader.received_ms),
            close_code=self._code,
            ms=round(seconds * 1000),
        )
