"""What waits between a connection's three tasks: bounded where the peer could make it grow."""

import asyncio
import bisect
from collections import deque
from dataclasses import dataclass
from operator import itemgetter

from paraserve.server.protocols.funasr.bodies import Json
from paraserve.types import Timing

INBOX_BYTES = 4 * 1024**2
"""Two minutes of 16 kHz audio. When so much waits, the connection is not read: TCP slows the client down."""
FRAME_OVERHEAD_BYTES = 128
"""What an empty frame still takes."""
OUTBOX_MESSAGES = 256
"""When so many results wait for the client, no more audio is taken."""
ARRIVALS = 4096


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of the client; `received_s` is `time.monotonic()`."""

    data: str | bytes
    received_s: float


@dataclass(frozen=True, slots=True)
class CloseRequest:
    """No more is taken: end the utterance, then close with this code. `reason` is an error code, "" for none."""

    code: int
    reason: str


class Inbox:
    """Frames that came and were not taken yet."""

    def __init__(self, max_bytes: int = INBOX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._frames: deque[Frame] = deque()
        self._n_bytes = 0
        self._stop: CloseRequest | None = None
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    async def put(self, frame: Frame) -> None:
        """Wait for room. After `stop` frames are dropped, so that the connection is still read."""
        while self._n_bytes >= self._max_bytes and self._stop is None:
            self._room.clear()
            await self._room.wait()
        if self._stop is None:
            self._frames.append(frame)
            self._n_bytes += _size(frame)
            self._news.set()

    async def get(self) -> Frame | CloseRequest:
        """The next frame, or once all are taken what `stop` was told."""
        while not self._frames:
            if self._stop is not None:
                return self._stop
            self._news.clear()
            await self._news.wait()
        frame = self._frames.popleft()
        self._n_bytes -= _size(frame)
        self._room.set()
        return frame

    @property
    def has_audio(self) -> bool:
        """Whether `get` would give audio at once."""
        return bool(self._frames) and isinstance(self._frames[0].data, bytes)

    def stop(self, stop: CloseRequest) -> None:
        """No frame after those that wait; the first call counts."""
        self._stop = self._stop or stop
        self._news.set()
        self._room.set()


@dataclass(slots=True)
class QueuedMessage:
    """A message to send. Partials of one segment may become one; `segment` is None for all else.

    `received_s` is when the frame came that made it possible; with `is_timed` it carries `server_ms` since then.
    `timing` is that of a live final text.
    """

    body: Json
    segment: int | None = None
    received_s: float | None = None
    is_timed: bool = False
    timing: Timing | None = None


class Outbox:
    """Messages that the client has not taken yet. Who puts them waits for `room` between."""

    def __init__(self, max_messages: int = OUTBOX_MESSAGES) -> None:
        self._max_messages = max_messages
        self._messages: deque[QueuedMessage | CloseRequest] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def put(self, message: QueuedMessage) -> None:
        """Queue a message; what a partial adds goes into the one before it if that still waits."""
        last = self._messages[-1] if self._messages else None
        if isinstance(last, QueuedMessage) and last.segment is not None and last.segment == message.segment:
            last.body["text"] += message.body["text"]
            return
        self._messages.append(message)
        self._empty.clear()
        self._news.set()

    def stop(self, stop: CloseRequest) -> None:
        """Close the connection after what waits."""
        self._messages.append(stop)
        self._news.set()

    async def room(self) -> None:
        """Wait while too much waits."""
        while len(self._messages) >= self._max_messages:
            self._room.clear()
            await self._room.wait()

    async def get(self) -> QueuedMessage | CloseRequest:
        """The next message."""
        while not self._messages:
            self._empty.set()
            self._news.clear()
            await self._news.wait()
        self._room.set()
        return self._messages.popleft()

    async def drained(self) -> None:
        """Wait until all has been handed to the connection."""
        await self._empty.wait()


class ArrivalTimes:
    """When each moment of an utterance's audio came in."""

    def __init__(self) -> None:
        self._times: deque[tuple[float, float]] = deque(maxlen=ARRIVALS)

    def add(self, end_ms: float, received_s: float) -> None:
        """The frame that came at `received_s` brought the audio up to `end_ms`."""
        self._times.append((end_ms, received_s))

    def at(self, due_ms: int) -> float | None:
        """When the audio up to `due_ms` was there; None before any came."""
        if not self._times:
            return None
        place = bisect.bisect_left(self._times, due_ms, key=itemgetter(0))
        return self._times[min(place, len(self._times) - 1)][1]


def _size(frame: Frame) -> int:
    return len(frame.data) + FRAME_OVERHEAD_BYTES
