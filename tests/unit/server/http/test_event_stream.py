"""An answer in events: when it begins, what keeps it alive, and slow readers."""

import asyncio

from paraserve.server.http.event_stream import KEEP_ALIVE, EventStream, data_events


class Sent:
    """What was sent. Sending waits until `may_go_on` is set, as for a client that does not read."""

    def __init__(self):
        self.messages = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def __call__(self, message):
        await self.may_go_on.wait()
        self.messages.append(message)

    @property
    def body(self):
        return b"".join(one.get("body", b"") for one in self.messages)


async def test_nothing_is_sent_before_the_first_event():
    """Until then the request may be answered in another way."""
    sent = Sent()
    async with EventStream(sent) as events:
        assert not events.is_open
        events.open({"X-Test": "yes"})
        await asyncio.sleep(0.01)
        assert (events.is_open, events.has_begun, sent.messages) == (True, False, [])
        await events.end(data_events([{"a": "你"}, {}]))
    start, *_, last = sent.messages
    assert (b"x-test", b"yes") in start["headers"]
    assert (b"content-type", b"text/event-stream") in start["headers"]
    assert not any(name == b"content-length" for name, _ in start["headers"])
    assert sent.body == 'data: {"a":"你"}\n\ndata: {}\n\n'.encode()
    assert not last["more_body"]


async def test_comments_while_nothing_comes():
    """They begin the answer, too, and stop where events come."""
    sent = Sent()
    async with EventStream(sent, keep_alive_s=0.01) as events:
        events.open({})
        await asyncio.sleep(0.2)
        assert events.has_begun
        await events.end(b"data: {}\n\n")
    assert sent.body.count(KEEP_ALIVE) >= 2
    assert sent.body.replace(KEEP_ALIVE, b"") == b"data: {}\n\n"


async def test_writing_does_not_wait_for_the_client():
    """Events of a client that reads slowly are kept, in order, until it does."""
    sent = Sent()
    sent.may_go_on.clear()
    async with EventStream(sent) as events:
        events.open({})
        for n in range(100):
            events.write(b"%d " % n)
            await asyncio.sleep(0)
        assert sent.messages == []
        sent.may_go_on.set()
        await events.end(b"end")
    assert sent.body == b"".join(b"%d " % n for n in range(100)) + b"end"


async def test_leaving_amid_events():
    """Nothing more is sent, and no task is left."""
    sent = Sent()
    sent.may_go_on.clear()
    before = asyncio.all_tasks()
    async with EventStream(sent) as events:
        events.open({})
        events.write(b"data: {}\n\n")
        await asyncio.sleep(0)
    sent.may_go_on.set()
    await asyncio.sleep(0)
    assert (sent.messages, asyncio.all_tasks()) == ([], before)
