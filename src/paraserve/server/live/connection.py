"""One live client: a reader, a worker and a writer with bounded queues between them, until either side closes.

The worker with its queues is a session, which another connection of the same client may take over after a break.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any, TypeAlias

import structlog
from fastapi import WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from paraserve.errors import OverloadedError, ParaserveError
from paraserve.runtime.offline import first_cause
from paraserve.server.access.hosts import client_address
from paraserve.server.live.live_trace import LiveTrace
from paraserve.server.live.queues import CloseRequest, ReceivedFrame
from paraserve.server.live.result_record import ResultRecord
from paraserve.server.live.sending import SlowClientError, in_time, send_frames
from paraserve.server.live.session_cost import session_cost
from paraserve.server.live.session_facts import SessionFacts, SessionWatch
from paraserve.server.live.sessions.kept_sessions import Owner
from paraserve.server.live.sessions.session_task import SessionTask, Written
from paraserve.server.live.sessions.shared import LiveShared
from paraserve.server.protocols.events import Failed, PartialText, Received, RecordingText, SegmentText, SessionKept
from paraserve.server.protocols.live_protocol import LiveProtocol
from paraserve.server.protocols.requests import Frame, Returning
from paraserve.server.telemetry.request_log import key_name

DRAIN_CHECK_S = 0.25
"""At shutdown, a client that has sent nothing for this long has nothing more on its way."""
MAX_DRAIN_CHECKS = 4
"""Checks before a client that keeps sending is cut off."""
DELIBERATE_CLOSES = (1000, 1005)
"""Codes of clients that are done. After others they may return, and after none."""
CUT_OFF_TIMEOUT_S = 0.25
"""Time for what is in progress to end, and again for the error to be sent, where a session is cut off."""

Message: TypeAlias = MutableMapping[str, Any]
"""A message of ASGI."""

log = structlog.get_logger()


class Connection:
    """One client that talks `protocol`. It has a session of its own, or returns to one of those kept for `owner`.

    `trace` gets what is sent, None where nobody traces.
    """

    def __init__(
        self,
        socket: WebSocket,
        protocol: LiveProtocol,
        shared: LiveShared,
        request_id: str,
        owner: Owner,
        first: Message | None = None,
    ) -> None:
        self._socket = socket
        self._protocol = protocol
        self._limits = limits = shared.limits
        # Errors name the connection as their request.
        ids = {"session_id": request_id, "request_id": request_id, "key": key_name(socket)}
        self._record = ResultRecord(shared.context.metrics, shared.slow_log, ids)
        self._watch = SessionWatch(request_id, client_address(socket), key_name(socket))
        self.trace: LiveTrace | None = None
        self._errors = shared.errors
        self._timelines = shared.context.timelines
        self._kept = shared.kept
        self._owner = owner
        self._session = SessionTask(shared.context, protocol, ids, limits.max_session_s)
        self._session.session.reader.keep = self._keep
        self._charge: Callable[[int], None] = lambda _: None
        self._on_audio: Callable[[float], None] = lambda _: None
        self._first = first
        self._n_frames = self._n_skipped_bytes = 0
        self._audio_s = time.monotonic()  # when audio arrived last
        self._idle_timer: asyncio.TimerHandle | None = None
        self._group = asyncio.TaskGroup()
        self._writer: asyncio.Task[None] | None = None
        self._until_taken: asyncio.Timeout | None = None
        self._closed = asyncio.Event()
        self._code = 1006
        self._is_broken = False
        self._silent_s = 0.0

    def charge_with(self, take: Callable[[int], None], on_audio: Callable[[float], None]) -> None:
        """Use `take` for the places that the client's settings cost. OverloadedError: too few are free.

        `on_audio` is called with the milliseconds of audio as they come.
        """
        self._charge, self._on_audio = take, on_audio
        self._session.session.reader.charge, self._session.session.reader.on_audio = take, on_audio

    @property
    def facts(self) -> SessionFacts:
        """What operators see of it."""
        return self._watch.facts(self._session)

    async def run(self) -> int:
        """Serve the client until either side closes; return the close code (1006: the connection broke)."""
        started = time.monotonic()
        self._check_idle()
        try:
            async with asyncio.timeout(None) as self._until_taken:
                await self._run_tasks()
        except ExceptionGroup as errors:
            await self._close_after(first_cause(errors))
        except TimeoutError:
            await self._close(1008, "session_resumed")
        finally:
            self._until_taken = None
            if self._idle_timer is not None:
                self._idle_timer.cancel()
            if self.trace is not None:
                self.trace.left(self._session, self._watch, self._code)
            await self._leave()
            self._closed.set()
            self._record.connection(self._session.session, self._code, time.monotonic() - started)
        return self._code

    async def give_up(self) -> None:
        """Leave the session to another connection of its client, and close this one. Returns once it is left."""
        if self._until_taken is not None:
            self._is_broken = True
            self._until_taken.reschedule(asyncio.get_running_loop().time())
        await self._closed.wait()

    async def end(self, stop: CloseRequest) -> None:
        """Take in what the client has already sent, end its utterance, close. Returns once closed."""
        for _ in range(MAX_DRAIN_CHECKS):
            n_before = self._n_frames
            await asyncio.sleep(DRAIN_CHECK_S)
            if self._n_frames == n_before:
                break
        self._session.inbox.stop(stop)
        await self._closed.wait()

    async def refuse(self, error: ParaserveError, grace_s: float) -> None:
        """End the utterance, tell the client of the error, close. What takes longer than `grace_s` is left out."""
        code = self._protocol.close_code(error) or 1008
        session = self._session
        session.inbox.stop(CloseRequest(code, error.code, error.message))
        try:
            async with asyncio.timeout(grace_s):
                await self._closed.wait()
        except TimeoutError:
            if self._writer is not None:
                self._writer.cancel()
            await session.end(CUT_OFF_TIMEOUT_S)
            await self._tell_and_close(error, code)

    async def _tell_and_close(self, error: ParaserveError, code: int) -> None:
        """Close, with the error before it if the client makes room for it at once."""
        self._note(error)
        if self._socket.application_state is WebSocketState.DISCONNECTED:
            return
        with contextlib.suppress(TimeoutError, WebSocketDisconnect):
            async with asyncio.timeout(CUT_OFF_TIMEOUT_S):
                await send_frames(self._socket, self._session.protocol.write(self._failed(error)))
        await self._close(code, error.code)

    def _failed(self, error: ParaserveError) -> Failed:
        session = self._session
        return Failed(error, ends_utterance=session.session.n_utterances > session.n_told)

    async def _run_tasks(self) -> None:
        async with self._group:
            self._writer = self._group.create_task(self._write())
            await self._read()
            self._writer.cancel()

    async def _read(self) -> None:
        """Put frames into the inbox, until the connection is closed."""
        while True:
            message = self._first or await self._socket.receive()
            self._first = None
            if message["type"] == "websocket.disconnect":
                self._note_close(message)
                return
            text = message.get("text")
            self._n_frames += 1
            returning = self._protocol.returning(text) if text is not None and self._n_frames == 1 else None
            if returning is None or not await self._resume(returning):
                await self._take(message["bytes"] if text is None else text)

    def _note_close(self, message: Message) -> None:
        self._code = message.get("code") or 1005
        # Our transport says for how long a peer was silent that is gone without a close frame.
        self._is_broken = "silent_s" in message or self._code not in DELIBERATE_CLOSES
        self._silent_s = message.get("silent_s", 0.0)

    async def _take(self, data: Frame) -> None:
        session = self._session
        if isinstance(data, bytes):
            if data:
                self._audio_s = time.monotonic()
            if self._n_skipped_bytes:
                n_skipped = min(self._n_skipped_bytes, len(data))
                self._n_skipped_bytes -= n_skipped
                data = data[n_skipped:]
        received_s = time.monotonic()
        session.timeline.received(len(data), received_s, "audio" if isinstance(data, bytes) else "message")
        await session.inbox.put(ReceivedFrame(data, received_s))
        if isinstance(data, bytes):
            session.n_bytes += len(data)
        else:
            session.n_messages += 1

    def _keep(self) -> str:
        return self._kept.keep(self._session, self._owner, self)

    async def _resume(self, returning: Returning) -> bool:
        """Go on with the session that the client wants back. False: this is not possible.

        Raises OverloadedError where its settings cost more places than are free. The session waits on.
        """
        session = await self._kept.take(returning, self._owner, self)
        if session is None:
            return False
        blank, self._session = self._session, session
        self._timelines.name(self._watch.request_id, session.timeline)
        assert self._writer is not None
        self._writer.cancel()
        await asyncio.wait([self._writer])
        await blank.end()
        reader = session.session.reader
        self._charge(session_cost(reader.settings))
        reader.charge, reader.keep, reader.on_audio = self._charge, self._keep, self._on_audio
        n_sent = session.n_bytes if returning.sent_bytes is None else returning.sent_bytes
        self._n_skipped_bytes = max(0, session.n_bytes - n_sent)
        n_lost = max(0, n_sent - session.n_bytes)
        session.n_bytes += n_lost
        session.attach()
        received = Received(session.n_bytes, session.n_messages, n_lost)
        answer = session.protocol.write(SessionKept(session.token, received))
        await self._send([*answer, *session.after(returning.seq)])
        self._writer = self._group.create_task(self._write())
        return True

    async def _leave(self) -> None:
        """End the session, or let it wait for its client."""
        session = self._session
        reader = session.session.reader
        reader.charge, reader.keep = lambda _: None, lambda: ""  # nothing of this connection is held by its session
        if self._is_broken and self._kept.park(session, self._silent_s):
            return
        self._kept.forget(session)
        await session.end()

    def _check_idle(self) -> None:
        """End the session of a client that has sent no audio for too long, else look again when that may be so.

        Pings and messages are no audio. Time that the client waits for its texts does not count.
        """
        limit_s, session = self._limits.idle_timeout_s, self._session
        if not limit_s:
            return
        reader = session.session.reader
        if session.inbox.has_audio or (reader.has_audio and reader.end is not None):
            self._audio_s = time.monotonic()
        # Some protocols have their audio in text frames, so the reader knows of it alone.
        left_s = max(self._audio_s, reader.audio_s) + limit_s - time.monotonic()
        if left_s <= 0:
            session.inbox.stop(CloseRequest(1008, "idle_timeout", f"no audio came for {limit_s:g} s"))
            return
        self._idle_timer = asyncio.get_running_loop().call_later(max(0.01, left_s), self._check_idle)

    async def _write(self) -> None:
        """Send the session's messages to the client, then the close frame."""
        while isinstance(written := await self._session.next(), Written):
            started_s = time.monotonic()
            if isinstance(written.event, Failed):
                self._note(written.event.error)
            await self._send(written.frames)
            self._watch.sent(self._session, written, started_s)
            if self.trace is not None:
                self.trace.sent(self._session, written)
            if isinstance(written.event, PartialText | SegmentText | RecordingText):
                self._record.text(written.event, written.took_s, self._session.session.n_utterances)
        await in_time(self._socket.close(written.code, written.reason), self._limits.send_timeout_s)

    def _note(self, error: ParaserveError) -> None:
        """Keep an error that the client is told, for operators."""
        if self.trace is not None:
            self.trace.error = error.code
        self._errors.note(self._watch.request_id, self._socket.scope["path"], error.code, error.message)

    async def _send(self, frames: Sequence[Frame]) -> None:
        if frames:
            await in_time(send_frames(self._socket, frames), self._limits.send_timeout_s)

    async def _close_after(self, error: Exception) -> None:
        """Close the connection after an error that ended one of the tasks."""
        if isinstance(error, WebSocketDisconnect):
            await self._find_close()
            return
        self._is_broken = isinstance(error, SlowClientError | OverloadedError)
        if isinstance(error, SlowClientError):
            await self._close(1013, "slow_client")
            return
        if isinstance(error, OverloadedError):  # for a client that has returned
            await send_frames(self._socket, self._protocol.write(Failed(error)))
            await self._close(1013, error.code)
            return
        log.error("live session broke", **self._record.ids, error=repr(error), exc_info=error)
        error = ParaserveError("internal error; the server's log has the request id")
        self._note(error)
        with contextlib.suppress(SlowClientError, WebSocketDisconnect):
            await self._send(self._session.protocol.write(self._failed(error)))
        await self._close(1011, "internal_error")

    async def _find_close(self) -> None:
        """Find out whether a client that cannot be told anything has closed the connection or lost it."""
        if not self._session.token or self._socket.client_state is WebSocketState.DISCONNECTED:
            return
        self._is_broken = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CUT_OFF_TIMEOUT_S):
                while (message := await self._socket.receive())["type"] != "websocket.disconnect":
                    pass
                self._note_close(message)

    async def _close(self, code: int, reason: str) -> None:
        self._code = code
        with contextlib.suppress(WebSocketDisconnect):
            await self._socket.close(code, reason)
