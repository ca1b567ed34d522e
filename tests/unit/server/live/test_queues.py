"""Queues of a live connection: bounds, coalescing, and when audio came."""

import asyncio

import pytest

from paraserve.hotword_types import HotwordHit, HotwordReport, IgnoredHotword
from paraserve.server.live.queues import (
    FRAME_OVERHEAD_BYTES,
    ArrivalTimes,
    CloseRequest,
    Inbox,
    Outbox,
    ReceivedFrame,
    Signal,
)
from paraserve.server.protocols.events import Finished, PartialText, SegmentText, SpeechChanged
from paraserve.speech_types import SpeechChange
from paraserve.types import Token

STOP = CloseRequest(1012, "shutting_down")


def partial(text, segment=0):
    return PartialText(text, segment_index=segment)


def final(text):
    return SegmentText(text)


async def texts_until_stop(outbox):
    outbox.stop(STOP)
    texts = []
    while not isinstance(event := await outbox.get(), CloseRequest):
        texts.append(event.text)
    assert event is STOP
    return texts


async def test_a_signal():
    """It wakes the task that waits. Nobody to wake is no error, and a cancelled wait leaves nothing behind."""
    signal = Signal()
    signal.set()
    for is_cancelled in (True, False):
        waiting = asyncio.create_task(signal.wait())
        await asyncio.sleep(0)
        assert not waiting.done()
        if is_cancelled:
            waiting.cancel()
        signal.set()
        signal.set()
        await asyncio.wait({waiting})
        assert waiting.cancelled() is is_cancelled


async def test_partials_of_one_segment_become_one():
    """Only neighbours, only of the same segment, and never a final text."""
    outbox = Outbox()
    for event in (
        partial("a"),
        partial("b"),
        final("AB"),
        partial("c", 1),
        partial("d", 1),
        partial("e", 2),
        final("E"),
        final("F"),
    ):
        outbox.put(event)
    assert await texts_until_stop(outbox) == ["ab", "AB", "cd", "e", "E", "F"]


async def test_what_a_joined_partial_keeps():
    """It was due when its first part was; its unstable tail is that of its last part."""
    outbox = Outbox()
    outbox.put(PartialText("a", tail="x", due_ms=600, received_s=1.0))
    outbox.put(PartialText("b", tail="y", due_ms=1200, received_s=2.0))
    assert await outbox.get() == PartialText("ab", tail="y", due_ms=600, received_s=1.0)


async def test_a_joined_partial_has_all_words_and_hotwords():
    """What each part tells of its words is told of both, in order."""
    outbox = Outbox()
    reports = [HotwordReport((HotwordHit(text),), (IgnoredHotword(text, "too long"),)) for text in "ab"]
    for text, hotwords in zip("ab", reports, strict=True):
        outbox.put(PartialText(text, tokens=(Token(text),), hotwords=hotwords))
    joined = await outbox.get()
    assert joined.tokens == (Token("a"), Token("b"))
    assert [hit.text for hit in joined.hotwords.hits] == [item.text for item in joined.hotwords.ignored] == ["a", "b"]


@pytest.mark.parametrize(
    "between",
    [
        Finished(),
        PartialText("!", is_last=True),
        PartialText("", is_committed=True),
        SpeechChanged(SpeechChange("ended", 1, 2)),
    ],
)
async def test_partials_of_two_utterances(between):
    """Both have a segment 0, and are never joined: an end, a commit's answer or an event stands between them."""
    outbox = Outbox()
    events = [partial("a"), between, partial("b")]
    for event in events:
        outbox.put(event)
    assert [await outbox.get() for _ in events] == events


async def test_a_full_outbox():
    """It drops nothing; who would say more waits until a message has been taken."""
    outbox = Outbox(max_events=2)
    outbox.put(final("a"))
    await outbox.room()
    outbox.put(final("b"))
    outbox.put(final("c"))
    waiting = asyncio.create_task(outbox.room())
    for expected in ("a", "b"):
        await asyncio.sleep(0)
        assert not waiting.done()
        assert (await outbox.get()).text == expected
    await waiting
    assert await texts_until_stop(outbox) == ["c"]


async def test_partials_do_not_fill_the_outbox():
    """However long a client does not read, what one segment says is one message."""
    outbox = Outbox(max_events=2)
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
    await inbox.put(ReceivedFrame(bytes(10), 0.0))
    waiting = asyncio.create_task(inbox.put(ReceivedFrame(b"next", 1.0)))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert (await inbox.get()).data == bytes(10)
    await waiting
    assert (await inbox.get()).data == b"next"


async def test_empty_frames_fill_the_inbox():
    """A flood of nothing is a flood."""
    inbox = Inbox(max_bytes=10 * FRAME_OVERHEAD_BYTES)
    for _ in range(10):
        await inbox.put(ReceivedFrame(b"", 0.0))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(inbox.put(ReceivedFrame(b"", 0.0)), 0.05)


async def test_inbox_stops():
    """What came before is still there, later frames are dropped, nobody waits, the first stop counts."""
    inbox = Inbox(max_bytes=1)
    await inbox.put(ReceivedFrame(b"first", 0.0))
    waiting = asyncio.create_task(inbox.put(ReceivedFrame(b"second", 0.0)))
    await asyncio.sleep(0)
    inbox.stop(STOP)
    inbox.stop(CloseRequest(1008, "later"))
    await waiting
    await inbox.put(ReceivedFrame(b"third", 0.0))
    assert (await inbox.get()).data == b"first"
    assert [await inbox.get(), await inbox.get()] == [STOP, STOP]


def test_arrivals():
    """A result was possible when the frame came that completed its audio."""
    arrivals = ArrivalTimes()
    assert arrivals.at(0) is None
    for end_ms, received_s in ((60.0, 1.0), (120.0, 2.0), (float("inf"), 3.0)):
        arrivals.add(end_ms, received_s)
    assert [arrivals.at(due_ms) for due_ms in (0, 60, 61, 120, 10_000)] == [1.0, 1.0, 2.0, 2.0, 3.0]
