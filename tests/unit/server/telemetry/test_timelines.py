"""Timelines by request id, while their requests go on and for a while after."""

import pytest

from paraserve.runtime.timeline import MAX_PAGES, PAGE_RECORDS, TIMELINE, PagePool, Timeline
from paraserve.server.telemetry import timelines as module
from paraserve.server.telemetry.timelines import MAX_ENDED, Timelines


@pytest.fixture
def now(monkeypatch):
    """Sets the clock."""
    clock = {"s": 1000.0}
    monkeypatch.setattr(module.time, "monotonic", lambda: clock["s"])
    return clock


def ended(timelines, request_id, n=1):
    with timelines.recording(request_id) as timeline:
        for i in range(n):
            timeline.ran("vad", 100 + i / 1000, 1, 1, 1)
    return timeline


def test_kept_for_a_while(now):
    """Five minutes, and no more than so many."""
    timelines = Timelines()
    one = ended(timelines, "one")
    assert TIMELINE.get() is None
    assert timelines.find("one") is one
    now["s"] += 299
    assert timelines.find("one") is one
    now["s"] += 2
    assert timelines.find("one") is None
    assert one.n_bytes == 0
    for n in range(MAX_ENDED + 5):
        ended(timelines, str(n))
    assert len(timelines.ids) == MAX_ENDED
    assert timelines.find("4") is None
    assert timelines.find("5") is not None


def test_those_that_have_nothing(now):
    """Requests that were turned away push no others out."""
    timelines = Timelines()
    ended(timelines, "one")
    for n in range(2 * MAX_ENDED):
        ended(timelines, str(n), n=0)
    assert timelines.ids == {"one"}


def test_one_id_for_two():
    """Clients choose their ids. The newer is found, and no memory is lost."""
    timelines = Timelines()
    timelines._pool = pool = PagePool(100)
    first, second = timelines.begin("same"), timelines.begin("same")
    for timeline in (first, second):
        timeline.ran("vad", 100, 1, 1, 1)
    assert timelines.find("same") is second
    timelines.end(first)
    assert timelines.find("same") is second
    timelines.end(second)
    third = ended(timelines, "same")
    assert timelines.find("same") is third
    assert pool.free == 99


def test_two_ids_for_one(now):
    """A session that is resumed over another connection is found by the ids of both."""
    timelines = Timelines()
    session, blank = timelines.begin("before"), timelines.begin("after")
    timelines.end(blank)
    timelines.name("after", session)
    session.ran("vad", 100, 1, 1, 1)
    assert timelines.find("before") is timelines.find("after") is session
    timelines.end(session)
    assert timelines.find("before") is timelines.find("after") is session
    now["s"] += 301
    assert timelines.ids == set()
    assert session.n_bytes == 0


def test_room_for_newcomers():
    """Where memory is short, what has ended makes room, the oldest first."""
    timelines = Timelines()
    timelines._pool = pool = PagePool(MAX_PAGES + 4)
    for name in ("one", "two"):
        ended(timelines, name, n=4 * PAGE_RECORDS)
    assert pool.free == MAX_PAGES - 4
    new = timelines.begin("new")
    assert timelines.ids == {"two", "new"}
    assert isinstance(new, Timeline)
    assert pool.free == MAX_PAGES
