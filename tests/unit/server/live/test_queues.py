"""Queues of a live connection: bounds, coalescing, and when audio came."""

import asyncio

import pytest

from paraserve.server.live.queues import (
    FRAME_OVERHEAD_BYTES,
    ArrivalTimes,
    CloseRequest,
    Frame,
    Inbox,
    Outbox,
    QueuedMessage,
)

STOP = CloseRequest(1012, "shutting_down")


def partial(text, segment=0):
    return QueuedMessage({"text": text}, segment)


def final(text):
    return QueuedMessage({"text": text})


async def texts_until_stop(outbox):
    outbox.stop(STOP)
    texts = []
    while not isinstance(message := await outbox.get(), CloseRequest):
        texts.append(message.body["text"])
    assert message is STOP
    return texts


async def test_partials_of_one_segment_become_one():
    """Only neighbours, only of the same segment, and never a final."""
    outbox = Outbox()
    for message in (
        partial("a"),
        partial("b"),
        final("AB"),
        partial("c", 1),
        partial("d", 1),
        partial("e", 2),
        final("E"),
        final("F"),
    ):
        outbox.put(message)
    assert await texts_until_stop(outbox) == ["ab", "AB", "cd", "e", "E", "F"]


async def test_a_full_outbox():
    """It drops nothing; who would say more waits until a message has been taken."""
    outbox = Outbox(max_messages=2)
    outbox.put(final("a"))
    await outbox.room()
    outbox.put(final("b"))
    outbox.put(final("c"))
    waiting = asyncio.create_task(outbox.room())
    for expected in ("a", "b"):
        await asyncio.sleep(0)
        assert not waiting.done()
        assert (await outbox.get()).body["text"] == expected
    await waiting
    assert await texts_until_stop(outbox) == ["c"]


async def test_partials_do_not_fill_the_outbox():
    """However long a client does not read, what one segment says is one message."""
    outbox = Outbox(max_messages=2)
    for _ in range(100):
        outbox.put(partial("a"))
        await outbox.room()
    assert await texts_until_stop(outbox) == ["a" * 100]


async def test_drained():
    """Once the last message has been handed over and the next one is asked for."""
    outbox = Outbox()
    await outbox.drained()
    outbox.put(final("a"))
    waiting = asyncio.create_task(outbox.drained())
    await outbox.get()
    await asyncio.sleep(0)
    assert not waiting.done()
    getting = asyncio.create_task(outbox.get())
    await waiting
    getting.cancel()


async def test_inbox_pushes_back():
    """A frame waits while the bytes before it fill the inbox, and comes in order."""
    inbox = Inbox(max_bytes=FRAME_OVERHEAD_BYTES + 10)
    await inbox.put(Frame(bytes(10), 0.0))
    waiting = asyncio.create_task(inbox.put(Frame(b"next", 1.0)))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert (await inbox.get()).data == bytes(10)
    await waiting
    assert (await inbox.get()).data == b"next"


async def test_empty_frames_fill_the_inbox():
    """A flood of nothing is a flood."""
    inbox = Inbox(max_bytes=10 * FRAME_OVERHEAD_BYTES)
    for _ in range(10):
        await inbox.put(Frame(b"", 0.0))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(inbox.put(Frame(b"", 0.0)), 0.05)


async def test_inbox_stops():
    """What came before is still there, later frames are dropped, nobody waits, the first stop counts."""
    inbox = Inbox(max_bytes=1)
    await inbox.put(Frame(b"first", 0.0))
    waiting = asyncio.create_task(inbox.put(Frame(b"second", 0.0)))
    await asyncio.sleep(0)
    inbox.stop(STOP)
    inbox.stop(CloseRequest(1008, "later"))
    await waiting
    await inbox.put(Frame(b"third", 0.0))
    assert (await inbox.get()).data == b"first"
    assert [await inbox.get(), await inbox.get()] == [STOP, STOP]


def test_arrivals():
    """A result was possible when the frame came that completed its audio."""
    arrivals = ArrivalTimes()
    assert arrivals.at(0) is None
    for end_ms, received_s in ((60.0, 1.0), (120.0, 2.0), (float("inf"), 3.0)):
        arrivals.add(end_ms, received_s)
    assert [arrivals.at(due_ms) for due_ms in (0, 60, 61, 120, 10_000)] == [1.0, 1.0, 2.0, 2.0, 3.0]
