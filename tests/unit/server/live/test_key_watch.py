"""The watch over keys of open sessions: whom it ends, how often, and that it rests while there is nobody."""

import asyncio
from dataclasses import dataclass, field

import pytest

from paraserve.server.access.api_keys import hashed, new_key, write_keys
from paraserve.server.access.authentication import Access
from paraserve.server.access.key_ring import KeyRing
from paraserve.server.access.wrong_keys import WrongKeys
from paraserve.server.live import key_watch
from paraserve.server.live.key_watch import KeyWatch
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.refusals import Refusals

ANN, BOB = hashed("ann", new_key()), hashed("bob", new_key())
MANY_CHECKS_S = 0.3


@dataclass(eq=False)
class FakeConnection:
    """Notes what it is told, and does not end."""

    told: list[str] = field(default_factory=list)

    async def refuse(self, error, grace_s):
        self.told.append(error.code)


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(key_watch, "CHECK_INTERVAL_S", 0.01)
    write_keys(tmp_path / "keys", [ANN, BOB])
    return tmp_path / "keys"


def watch_over(file):
    return KeyWatch(Access(KeyRing(file), WrongKeys(0), Refusals(Metrics().refusals)))


async def settle():
    await asyncio.sleep(MANY_CHECKS_S)


def test_who_is_told(file):
    """Sessions of a key that is gone are told once, however long they take; others are not."""

    async def run():
        watch, connections = watch_over(file), [FakeConnection() for _ in range(3)]
        with (
            watch.watching(connections[0], ANN),
            watch.watching(connections[1], ANN),
            watch.watching(connections[2], BOB),
        ):
            await settle()
            assert [one.told for one in connections] == [[], [], []]
            write_keys(file, [BOB])
            await settle()
            assert [one.told for one in connections] == [["invalid_api_key"], ["invalid_api_key"], []]

    asyncio.run(run())


def test_a_session_right_behind_another(file):
    """A session that opens in the moment in which the last one closes is watched, too."""

    async def run():
        watch, connection = watch_over(file), FakeConnection()
        with watch.watching(FakeConnection(), BOB):
            await settle()
        with watch.watching(connection, ANN):
            write_keys(file, [BOB])
            await settle()
        assert connection.told == ["invalid_api_key"]

    asyncio.run(run())


def test_rest(file):
    """Without sessions, and with sessions that need no key, nothing runs."""

    async def run():
        watch = watch_over(file)
        with watch.watching(FakeConnection(), None):
            assert len(asyncio.all_tasks()) == 1
        with watch.watching(FakeConnection(), ANN), watch.watching(FakeConnection(), ANN):
            assert len(asyncio.all_tasks()) == 2
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())
