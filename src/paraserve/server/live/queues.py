"""Bounded queues between the reader, the worker and the writer of a connection."""

import asyncio
import bisect
import math
from collections import deque
from dataclasses import dataclass, replace
from operator import itemgetter

from paraserve.hotword_types import joined_reports
from paraserve.server.live.client_clock import ClientClock
from paraserve.server.protocols.events import Event, PartialText
from paraserve.server.protocols.requests import Frame

INBOX_BYTES = 4 * 1024**2
"""Two minutes of 16 kHz audio. While the inbox is full, the connection is not read: TCP slows the client down."""
FRAME_OVERHEAD_BYTES = 128
"""Memory of an empty frame."""
OUTBOX_EVENTS = 256
"""While the outbox is full, no more audio is taken."""
MAX_ARRIVALS = 4096
"""Frames whose arrival is remembered."""


@dataclass(frozen=True, slots=True)
class ReceivedFrame:
    """One frame of the client; `received_s` is `time.monotonic()`."""

    data: Frame
    received_s: float


@dataclass(frozen=True, slots=True)
class CloseRequest:
    """Ends the utterance and closes the connection with `code`. `reason` is an error code, "" for none.

    `message` describes the error to the client before the connection is closed, "" for no such message.
    """

    code: int
    reason: str
    message: str = ""


NORMAL_CLOSE = CloseRequest(1000, "")


class Signal:
    """Wakes the one task that waits for it. An idle connection has five, so it is smaller than an `asyncio.Event`."""

    __slots__ = ("_waiter",)

    def __init__(self) -> None:
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        """Wait for the next `set`. To be called again while what is waited for is not so."""
        assert self._waiter is None
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def set(self) -> None:
        """Wake the task that waits, if there is one."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Inbox:
    """Frames of the client that the worker has not taken yet."""

    def __init__(self, max_bytes: int = INBOX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._frames: deque[ReceivedFrame] = deque()
        self._n_bytes = 0
        self._stop: CloseRequest | None = None
        self._added = Signal()
        self._room = Signal()

    async def put(self, frame: ReceivedFrame) -> None:
        """Queue a frame, once there is room. Drop it after `stop`, so that the connection is still read."""
        while self._n_bytes >= self._max_bytes and self._stop is None:
            await self._room.wait()
        if self._stop is None:
            self._frames.append(frame)
            self._n_bytes += _size(frame)
            self._added.set()

    async def get(self) -> ReceivedFrame | CloseRequest:
        """Take the next frame; once all are taken after `stop`, its request."""
        while not self._frames:
            if self._stop is not None:
                return self._stop
            await self._added.wait()
        frame = self._frames.popleft()
        self._n_bytes -= _size(frame)
        self._room.set()
        return frame

    @property
    def has_audio(self) -> bool:
        """Tell whether `get` would return a binary frame at once."""
        return bool(self._frames) and isinstance(self._frames[0].data, bytes)

    @property
    def oldest_s(self) -> float | None:
        """Return when the frame came that `get` would return, None without one."""
        return self._frames[0].received_s if self._frames else None

    @property
    def is_stopped(self) -> bool:
        """Tell whether no frames are taken any more."""
        return self._stop is not None

    def stop(self, stop: CloseRequest) -> None:
        """Take no frames after those in the queue. The first call counts."""
        self._stop = self._stop or stop
        self._added.set()
        self._room.set()


class Outbox:
    """Events that the client has not been told yet. Whoever puts them waits for `room` in between."""

    def __init__(self, max_events: int = OUTBOX_EVENTS) -> None:
        self._max_events = max_events
        self._events: deque[Event | CloseRequest] = deque()
        self._is_taken = True  # all events are, and `get` waits for another
        self._added = Signal()
        self._room = Signal()
        self._taken = Signal()

    def put(self, event: Event) -> None:
        """Queue an event. A partial text is joined to one of its segment that is still the last in the queue."""
        if self._events and (joined := _joined(self._events[-1], event)) is not None:
            self._events[-1] = joined
            return
        self._events.append(event)
        self._is_taken = False
        self._added.set()

    def stop(self, stop: CloseRequest) -> None:
        """Close the connection after what is queued."""
        self._events.append(stop)
        self._added.set()

    async def room(self) -> None:
        """Wait until there is room for another event."""
        while len(self._events) >= self._max_events:
            await self._room.wait()

    async def get(self) -> Event | CloseRequest:
        """Take the next event, once there is one."""
        while not self._events:
            self._is_taken = True
            self._taken.set()
            await self._added.wait()
        self._room.set()
        return self._events.popleft()

    async def drained(self) -> None:
        """Wait until the client has been told everything: `get` waits for another event."""
        while not self._is_taken:
            await self._taken.wait()


class ArrivalTimes:
    """The times when each moment of an utterance's audio arrived. `clock` compares them with the audio's."""

    def __init__(self) -> None:
        self.clock = ClientClock()
        self._end_ms = 0.0
        self._times: deque[tuple[float, float]] = deque(maxlen=MAX_ARRIVALS)

    def add(self, end_ms: float, received_s: float) -> None:
        """Note that the audio up to `end_ms` was complete at `received_s`. Infinite: there is no more of it."""
        self._times.append((end_ms, received_s))
        if math.isfinite(end_ms):
            self.clock.add((end_ms - self._end_ms) / 1000, received_s)
            self._end_ms = end_ms

    def at(self, due_ms: int) -> float | None:
        """Return when the audio up to `due_ms` was complete; None before any arrived."""
        if not self._times:
            return None
        place = bisect.bisect_left(self._times, due_ms, key=itemgetter(0))
        return self._times[min(place, len(self._times) - 1)][1]


def _joined(last: Event | CloseRequest, event: Event) -> PartialText | None:
    """Return two partial texts of one segment as one, due when the first was; None for other events."""
    if not isinstance(last, PartialText) or not isinstance(event, PartialText):
        return None
    if last.is_last or event.is_last or last.is_committed or event.is_committed:
        return None
    if last.segment_index != event.segment_index:
        return None
    text, notice = last.text + event.text, event.notice or last.notice
    redactions = last.redactions and event.redactions and last.redactions + event.redactions
    redactions = redactions or event.redactions or last.redactions
    return replace(
        last,
        text=text,
        tail=event.tail,
        heard=event.heard,
        notice=notice,
        redactions=redactions,
        hotwords=joined_reports(last.hotwords, event.hotwords),
        tokens=last.tokens + event.tokens,
    )


def _size(frame: ReceivedFrame) -> int:
    return len(frame.data) + FRAME_OVERHEAD_BYTES
