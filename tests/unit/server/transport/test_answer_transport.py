"""The end of a connection."""

import asyncio

import pytest

from paraserve.server.transport import answer_transport
from paraserve.server.transport.answer_transport import LINGER_BYTES, AnswerTransport

SHORT_S = 0.01


class Recorder(asyncio.Transport):
    """A transport that notes what is done with it."""

    def __init__(self, buffered_bytes: int = 0) -> None:
        super().__init__()
        self.done: list[str] = []
        self.buffered_bytes = buffered_bytes

    def write(self, data):
        self.done.append("write")

    def can_write_eof(self):
        return True

    def write_eof(self):
        self.done.append("write_eof")

    def close(self):
        self.done.append("close")

    def abort(self):
        self.done.append("abort")

    def is_closing(self):
        return bool({"close", "abort"} & set(self.done))

    def get_write_buffer_size(self):
        return self.buffered_bytes


@pytest.fixture(autouse=True)
def short_times(monkeypatch):
    """Waits of a moment."""
    monkeypatch.setattr(answer_transport, "LINGER_S", SHORT_S)
    monkeypatch.setattr(answer_transport, "FLUSH_TIMEOUT_S", SHORT_S)


def answers(transport: Recorder, *, is_receiving: bool = False) -> AnswerTransport:
    return AnswerTransport(transport, asyncio.get_running_loop(), lambda: is_receiving)


async def test_whole_request():
    """After a whole request the connection is closed at once."""
    transport = Recorder()
    answers(transport).close()
    await asyncio.sleep(5 * SHORT_S)
    assert transport.done == ["close"]


async def test_client_that_is_still_sending():
    """A client that is still sending may read its answer, for a while."""
    transport = Recorder()
    answers(transport, is_receiving=True).close()
    assert transport.done == ["write_eof"]
    await asyncio.sleep(5 * SHORT_S)
    assert transport.done == ["write_eof", "abort"]


async def test_client_that_sends_too_much():
    """What is dropped is bounded."""
    transport = Recorder()
    ending = answers(transport, is_receiving=True)
    ending.close()
    ending.drop(LINGER_BYTES)
    assert transport.done == ["write_eof"]
    ending.drop(1)
    assert transport.done == ["write_eof", "abort"]


async def test_client_that_does_not_read():
    """A client that takes nothing of its answer is given up, during the answer and at its end."""
    for end in (AnswerTransport.wait_for_reader, AnswerTransport.close):
        transport = Recorder(buffered_bytes=1)
        end(answers(transport))
        await asyncio.sleep(5 * SHORT_S)
        assert transport.done[-1] == "abort"


async def test_client_that_reads_on():
    """A client that goes on reading in time is not given up."""
    transport = Recorder()
    answer = answers(transport)
    answer.wait_for_reader()
    answer.reader_is_back()
    await asyncio.sleep(5 * SHORT_S)
    assert transport.done == []
