"""The timing of one session or upload: what came, what waited and ran for it, and what was sent. No audio, no text.

The newest events are kept as fixed records in a ring, so that an event costs less than a microsecond and an hour of
speech takes no more memory than a minute. Whoever serves a request sets `TIMELINE` in its task: the tasks that it
starts have the same, and the scheduler, which knows nothing of requests, notes there what it ran for them.
"""

import struct
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["receive", "run", "stage", "send"]

KEPT_S = 60.0
"""Age up to which events are told."""
_RECORD = struct.Struct("<dffIHH")  # start in s, wait and work in ms, amount, items, name
PAGE_RECORDS = 64
PAGE_BYTES = PAGE_RECORDS * _RECORD.size
MAX_PAGES = 64
"""Of one timeline: 4096 events, 96 KiB. A client with frames of 60 ms causes 40 events a second."""
TOTAL_PAGES = 20_000
"""Of all timelines of a process, which take 30 MB at most."""
JOINED_S = 0.05
"""Frames and pieces of an upload that come within this time are one event."""


@dataclass(frozen=True, slots=True)
class TimedEvent:
    """One event; `start_s` is `time.monotonic()`.

    `waited_us` passed from then on until the work began, which lasted `lasted_us`. `amount` is the number of bytes of
    what was received, and for what was sent the milliseconds since the audio that made it possible. `items` is the
    size of the batch of a run.
    """

    kind: Kind
    name: str
    start_s: float
    waited_us: int
    lasted_us: int
    amount: int
    items: int


class PagePool:
    """Memory of all timelines of a process, by pages of `PAGE_BYTES`."""

    def __init__(self, pages: int = TOTAL_PAGES) -> None:
        self.free = pages

    def take(self) -> bool:
        """Take a page; False if there is none."""
        if not self.free:
            return False
        self.free -= 1
        return True

    def give_back(self, pages: int) -> None:
        """Give pages back."""
        self.free += pages


class Timeline:
    """The newest events of one session or upload.

    Where `pool` has no page left, what is there is used in turn. Names are words of the program, so there are few.
    All methods are for the event loop's thread.
    """

    # Idle connections are many, and each has one.
    __slots__ = ("_arrival", "_arrival_name", "_capacity", "_n_records", "_names", "_pool", "_ring")

    def __init__(self, pool: PagePool) -> None:
        self._pool = pool
        self._ring = bytearray()
        self._n_records = 0  # since the beginning
        self._capacity = 0
        self._names: dict[tuple[Kind, str], int] = {}
        self._arrival: list[float] | None = None  # first and last time, and bytes, of what is not yet in the ring
        self._arrival_name = ""

    def received(self, n_bytes: int, at_s: float, name: str = "audio") -> None:
        """Note bytes that have come at `at_s` (`time.monotonic()`)."""
        arrival = self._arrival
        if arrival is not None and at_s - arrival[0] < JOINED_S and name == self._arrival_name:
            arrival[1] = at_s
            arrival[2] += n_bytes
            return
        self._put_arrival()
        self._arrival, self._arrival_name = [at_s, at_s, n_bytes], name

    def ran(self, stage: str, queued_s: float, queue_ms: float, run_ms: float, items: int) -> None:
        """Note a model run that was asked for at `queued_s`, with so many items in its batch."""
        self._put(("run", stage), queued_s, queue_ms, run_ms, 0, items)

    def passed(self, stage: str, start_s: float, seconds: float) -> None:
        """Note a stage of an upload, which has lasted so long from `start_s` on."""
        self._put(("stage", stage), start_s, 0.0, seconds * 1000)

    def sent(self, name: str, start_s: float, took_s: float | None) -> None:
        """Note what was sent from `start_s` until now. `took_s`: seconds from its audio on, None for no result."""
        lasted_ms = (time.monotonic() - start_s) * 1000
        self._put(("send", name), start_s, 0.0, lasted_ms, 0 if took_s is None else int(took_s * 1000))

    def events(self) -> list[TimedEvent]:
        """Return the events of the last `KEPT_S` before the newest one, the oldest first."""
        self._put_arrival()
        found = sorted(self._told(), key=lambda event: event.start_s)
        return [event for event in found if event.start_s >= found[-1].start_s - KEPT_S]

    def since(self, n_events: int) -> list[TimedEvent]:
        """Return what is left of the events after the first `n_events`, however old, in the order of their ends."""
        self._put_arrival()
        return list(self._told(n_events))

    @property
    def n_events(self) -> int:
        """Number of events since the beginning, without a frame that may be joined with the next one."""
        return self._n_records

    @property
    def n_lost(self) -> int:
        """Number of events that newer ones have replaced."""
        return max(0, self._n_records - self._capacity)

    @property
    def is_empty(self) -> bool:
        """True before the first event."""
        return not self._n_records and self._arrival is None

    @property
    def n_bytes(self) -> int:
        """Memory of the ring."""
        return len(self._ring)

    def release(self) -> None:
        """Forget all events, and give the memory back."""
        self._pool.give_back(len(self._ring) // PAGE_BYTES)
        self._ring, self._n_records, self._capacity, self._arrival = bytearray(), 0, 0, None

    def _put_arrival(self) -> None:
        if self._arrival is not None:
            first_s, last_s, n_bytes = self._arrival
            self._arrival = None
            self._put(("receive", self._arrival_name), first_s, 0.0, (last_s - first_s) * 1000, int(n_bytes))

    def _put(
        self, name: tuple[Kind, str], start_s: float, wait_ms: float, work_ms: float, amount: int = 0, items: int = 0
    ) -> None:
        place = self._n_records
        if place >= self._capacity and not self._grow():
            if not self._capacity:
                return
            place %= self._capacity
        number = self._names.setdefault(name, len(self._names))
        _RECORD.pack_into(self._ring, place * _RECORD.size, start_s, wait_ms, work_ms, amount, items, number)
        self._n_records += 1

    def _grow(self) -> bool:
        """Add a page while the ring has not been round; False if it may not grow."""
        if self._n_records > self._capacity or self._capacity >= MAX_PAGES * PAGE_RECORDS or not self._pool.take():
            return False
        self._ring += bytes(PAGE_BYTES)
        self._capacity += PAGE_RECORDS
        return True

    def _told(self, n_before: int = 0) -> Iterator[TimedEvent]:
        names = list(self._names)
        for n in range(max(n_before, self.n_lost), self._n_records):
            place = n % self._capacity * _RECORD.size
            start_s, wait_ms, work_ms, amount, items, number = _RECORD.unpack_from(self._ring, place)
            kind, name = names[number]
            yield TimedEvent(kind, name, start_s, round(wait_ms * 1000), round(work_ms * 1000), amount, items)


TIMELINE: ContextVar[Timeline | None] = ContextVar("timeline", default=None)
"""The timeline of the session or upload that a task works for, None in other tasks."""
