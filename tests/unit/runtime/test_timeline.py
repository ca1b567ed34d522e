"""The ring of one session's events: what it keeps, that its memory is bounded, and who writes to it."""

import asyncio
import time

import pytest

from paraserve.runtime.scheduling.batches import BatchCall, Lane
from paraserve.runtime.scheduling.scheduler import Scheduler
from paraserve.runtime.timeline import (
    KEPT_S,
    MAX_PAGES,
    PAGE_BYTES,
    PAGE_RECORDS,
    TIMELINE,
    TOTAL_PAGES,
    PagePool,
    Timeline,
)

MAX_RECORDS = MAX_PAGES * PAGE_RECORDS
MOST_NS = 10_000
"""For an event, on a test machine that does much else. Alone it is about 1 µs."""


def fill(timeline, n, every_s=0.001):
    for i in range(n):
        timeline.ran("recognize", 100 + i * every_s, 1.5, 2.0, 3)


def test_events_are_told_as_they_were():
    """Each kind has its times and amounts, in the order of their starts."""
    timeline, now_s = Timeline(PagePool()), time.monotonic()
    timeline.passed("decode", now_s - 3, 0.25)
    timeline.sent("final text", now_s, 0.5)
    timeline.ran("vad", now_s - 2, 1.5, 2.0, 3)
    timeline.received(640, now_s - 4)
    received, stage, run, sent = timeline.events()
    assert (received.kind, received.name, received.start_s, received.amount) == ("receive", "audio", now_s - 4, 640)
    assert (stage.kind, stage.name, stage.lasted_us) == ("stage", "decode", 250_000)
    assert (run.kind, run.name, run.waited_us, run.lasted_us, run.items) == ("run", "vad", 1500, 2000, 3)
    assert (sent.kind, sent.name, sent.start_s, sent.amount) == ("send", "final text", now_s, 500)
    assert 0 <= sent.lasted_us < 10**6


def test_what_comes_together_is_one_event():
    """Frames of 10 ms would fill the ring. Messages are told apart from audio."""
    timeline = Timeline(PagePool())
    for n in range(10):
        timeline.received(320, 100 + n / 128)
    timeline.received(20, 100.1, "message")
    timeline.received(320, 101.0)
    events = timeline.events()
    assert [(one.name, one.amount) for one in events] == [
        ("audio", 7 * 320),
        ("audio", 3 * 320),
        ("message", 20),
        ("audio", 320),
    ]
    assert events[0].lasted_us == pytest.approx(6 / 128 * 1e6, abs=2)


def test_the_last_minute():
    """What is older than the newest event by more is not told, though it is in the ring."""
    timeline = Timeline(PagePool())
    fill(timeline, 200, every_s=1.0)
    starts = [event.start_s for event in timeline.events()]
    assert starts == [299 - KEPT_S + n for n in range(int(KEPT_S) + 1)]


def test_memory_of_one(full):
    """A ring grows with its events to its limit, then the oldest go."""
    timeline = Timeline(PagePool())
    assert timeline.n_bytes == 0
    fill(timeline, 10)
    assert timeline.n_bytes == PAGE_BYTES
    fill(timeline, MAX_RECORDS * (20 if full else 2))
    assert timeline.n_bytes == MAX_PAGES * PAGE_BYTES < 100_000
    assert len(timeline.events()) == MAX_RECORDS


def test_memory_of_all():
    """Many of them share a bound. Those that come too late record nothing, until others have ended."""
    pool = PagePool(5)
    first, second, third = (Timeline(pool) for _ in range(3))
    fill(first, 4 * PAGE_RECORDS)
    fill(second, 3 * PAGE_RECORDS)
    fill(third, 5)
    assert (pool.free, first.n_bytes + second.n_bytes + third.n_bytes) == (0, 5 * PAGE_BYTES)
    assert (len(second.events()), third.events()) == (PAGE_RECORDS, [])
    first.release()
    assert (first.events(), pool.free) == ([], 4)
    fill(third, 5)
    assert len(third.events()) == 5
    assert TOTAL_PAGES * PAGE_BYTES < 32_000_000


def test_cost_of_an_event():
    """Near nothing beside a model run of milliseconds."""
    timeline, n = Timeline(PagePool()), 2_000
    costs_ns = []
    for _ in range(10):
        started_ns = time.perf_counter_ns()
        fill(timeline, n)
        costs_ns.append((time.perf_counter_ns() - started_ns) / n)
    assert min(costs_ns) < MOST_NS


async def test_runs_of_those_who_ask():
    """The scheduler notes a run, with its batch, for the task that asked, and for the tasks that it has started."""
    scheduler = Scheduler(1)
    timelines = [Timeline(PagePool()) for _ in range(2)]

    async def ask(timeline):
        TIMELINE.set(timeline)
        call = BatchCall("step", lambda items: [time.sleep(0.01), *items][1:], budget=100)
        await asyncio.gather(*(scheduler.submit(call, n, lane=Lane.STEP) for n in range(3)))

    async with asyncio.TaskGroup() as group:
        for timeline in timelines:
            group.create_task(ask(timeline))
    scheduler.close()
    runs = [timeline.events() for timeline in timelines]
    assert [len(events) for events in runs] == [3, 3]
    assert {event.name for events in runs for event in events} == {"step"}
    assert max(event.items for events in runs for event in events) > 1
    assert all(event.lasted_us >= 10_000 for events in runs for event in events)
    assert TIMELINE.get() is None
