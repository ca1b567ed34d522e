"""A live session at work: the task of its worker, its queues, and the frames that have been written of it.

It belongs to one connection at a time, and outlives it where its client may return (`kept_sessions.py`).
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from paraserve.errors import ParaserveError
from paraserve.runtime.timeline import TIMELINE
from paraserve.server.live.live_session import LiveSession
from paraserve.server.live.queues import CloseRequest, Inbox, Outbox
from paraserve.server.live.recorded_utterance import LiveContext
from paraserve.server.protocols.events import (
    Cleared,
    Event,
    Failed,
    Opened,
    PartialText,
    RecordingText,
    SegmentText,
    SessionKept,
)
from paraserve.server.protocols.live_protocol import LiveProtocol
from paraserve.server.protocols.requests import Frame

LONG_CHARS = 1024
"""Frames of a longer text are written on another thread: encoding hours of speech would hold the event loop."""
MAX_SENT_BYTES = 128 * 1024
"""Frames that are kept to be sent again, at most: minutes of speech. A client has read all but the last seconds."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Written:
    """An event and its frames. `took_s` is the time from the event's audio on, None where that says nothing."""

    event: Event
    frames: Sequence[Frame]
    took_s: float | None


class SessionTask:
    """One session, from its first connection to its end.

    `token` is that of a client that may return, "" for others. `n_bytes` of audio and `n_messages` have come of the
    client. `n_told` is the number of utterances whose last text, or error in its place, has been written. `timeline`
    has the timing of the last minute. `started_s` is `time.monotonic()` at its beginning.

    Args:
        context: engine and limits.
        protocol: of the connection.
        ids: facts for log lines.
        max_session_s: longest duration.
    """

    def __init__(
        self, context: LiveContext, protocol: LiveProtocol, ids: Mapping[str, str | None], max_session_s: float
    ) -> None:
        self.ids = ids
        self.protocol = protocol
        self.inbox, self.outbox = Inbox(), Outbox()
        self.session = LiveSession(context, protocol, self.inbox, self.outbox)
        self.timeline = context.timelines.begin(ids["request_id"] or "")
        self._timelines = context.timelines
        self.token = ""
        self.n_bytes = self.n_messages = self.n_told = 0
        self._sent: SentFrames | None = None  # once the client knows its token
        self._writing: asyncio.Task[Written] | None = None
        self._attached_s = 0.0
        self.started_s = time.monotonic()
        too_long = CloseRequest(1008, "session_too_long", f"the connection is older than {max_session_s:g} s")
        self._timer = asyncio.get_running_loop().call_later(max_session_s, self.inbox.stop, too_long)
        self._task = asyncio.create_task(self._work())
        self._task.add_done_callback(self._over)

    @property
    def is_over(self) -> bool:
        """True once the worker has ended."""
        return self._task.done()

    def attach(self) -> None:
        """Note that a connection has the session from now on. Delays of the time before are no figures."""
        self._attached_s = time.monotonic()

    def has_after(self, seq: int) -> bool:
        """Tell whether all messages after number `seq` can still be sent."""
        return self._sent is not None and self._sent.n_forgotten <= seq <= self._sent.n_frames

    def after(self, seq: int) -> list[Frame]:
        """Return the messages after number `seq` that have been written."""
        return [] if self._sent is None else self._sent.after(seq)

    async def next(self) -> Written | CloseRequest:
        """Return the next event as frames. What a cancelled call would have returned, the next one or `after` does.

        Raises:
            Exception: whatever ended the worker in an unforeseen way.
        """
        if self._writing is None:
            event = await self.outbox.get()
            if isinstance(event, CloseRequest):
                if self._task.done():
                    self._task.result()
                return event
            took_s = self._took_s(event)
            if not isinstance(event, PartialText | SegmentText | RecordingText) or len(event.text) <= LONG_CHARS:
                return self._note(Written(event, self.protocol.write(event, took_s), took_s))
            self._writing = asyncio.create_task(self._write_long(event, took_s))
        written = await asyncio.shield(self._writing)
        self._writing = None
        return self._note(written)

    async def end(self, timeout_s: float | None = None) -> None:
        """End the session, whatever it is doing. Return once it has ended, or after so long."""
        self._task.cancel()
        if self._writing is not None:
            self._writing.cancel()
        await asyncio.wait([self._task], timeout=timeout_s)
        if self._task.cancelled():
            # A cancelled task holds the frames in which it was, and those the session's audio, until this is asked.
            with contextlib.suppress(asyncio.CancelledError):
                self._task.result()

    async def _work(self) -> None:
        """Run the session, then tell the writer how to close."""
        TIMELINE.set(self.timeline)  # in this task, and in those that it starts
        self.outbox.put(Opened())
        try:
            stop = await self.session.run()
        except ParaserveError as error:
            code = self.protocol.close_code(error)
            if code is None:
                raise
            log.warning("live session failed", **self.ids, error=repr(error))
            stop = CloseRequest(code, error.code)
        if stop.message:
            self.outbox.put(Failed(ParaserveError(stop.message, code=stop.reason)))
        self._stop(stop)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._timer.cancel()
        self._timelines.end(self.timeline)
        if not task.cancelled() and task.exception() is not None:
            self._stop(CloseRequest(1011, "internal_error"))

    def _stop(self, stop: CloseRequest) -> None:
        # Nobody takes frames any more, but the reader has to go on until it sees the connection closed.
        self.inbox.stop(stop)
        self.outbox.stop(stop)

    def _took_s(self, event: Event) -> float | None:
        if not isinstance(event, PartialText | SegmentText | RecordingText) or event.received_s is None:
            return None
        return None if event.received_s < self._attached_s else time.monotonic() - event.received_s

    async def _write_long(self, event: Event, took_s: float | None) -> Written:
        return Written(event, await asyncio.to_thread(self.protocol.write, event, took_s), took_s)

    def _note(self, written: Written) -> Written:
        """Count what is said with this event, before it is sent: a client that returns hears it then."""
        event = written.event
        if isinstance(event, RecordingText):
            self.n_told += 1
        elif isinstance(event, PartialText | SegmentText):
            self.n_told += event.is_last
        elif isinstance(event, Failed | Cleared):
            self.n_told += event.ends_utterance
        if isinstance(event, SessionKept):
            self._sent = SentFrames() if event.token else None
        elif self._sent is not None:
            self._sent.add(written.frames)
        return written


class SentFrames:
    """Numbered frames, from 1, of which the last ones are kept."""

    def __init__(self) -> None:
        self.n_frames = self.n_forgotten = 0
        self._n_bytes = 0
        self._frames: deque[Frame] = deque()

    def add(self, frames: Sequence[Frame]) -> None:
        """Take the next frames, and forget the oldest."""
        self._frames.extend(frames)
        self.n_frames += len(frames)
        self._n_bytes += sum(map(len, frames))
        while self._n_bytes > MAX_SENT_BYTES and len(self._frames) > 1:
            self._n_bytes -= len(self._frames.popleft())
            self.n_forgotten += 1

    def after(self, seq: int) -> list[Frame]:
        """Return the frames after number `seq`."""
        return list(self._frames)[max(0, seq - self.n_forgotten) :]
