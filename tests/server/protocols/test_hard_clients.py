"""Clients that read nothing, vanish, or send far too fast, in every protocol: nothing is left of them."""

import threading

import pytest

from paraserve.types import Hypothesis, Token
from support.fakes import FakeEngine
from support.live import eventually, heard, live_sessions, silence, speech
from support.protocols.said import TIMEOUT_S, say_while_reading, send_all
from support.protocols.ways import LIVE

SEGMENTS = (speech(100) + silence(300)) * 5
LONG_TEXT = "x" * 50_000
"""What is heard in each segment for a client that does not read it, so that no buffer takes it for long."""
ONE_OF_EACH_TRANSPORT = list({way.transport: way for way in reversed(LIVE)}.values())
ways = pytest.mark.parametrize("way", [way for way in LIVE if way.hostile is not None], ids=lambda way: way.name)


@pytest.fixture(scope="module")
def served(serve_all):
    """An engine, and the server in front of it."""
    engine = FakeEngine()
    with serve_all(engine, max_live=50) as (app, target):
        yield engine, app, target


@pytest.fixture(scope="module")
def talkative(serve_all):
    """The same, with much to say."""
    heard_text = Hypothesis((Token(LONG_TEXT, 0, 100, 0.5),), (0,), LONG_TEXT)
    engine = FakeEngine(hears=lambda samples: heard_text)
    with serve_all(engine, send_timeout_s=1) as (app, target):
        yield engine, app, target


def assert_nothing_left(engine, app):
    """No session and no stream."""
    eventually(lambda: (live_sessions(app), engine.open_streams) == (0, 0))


@ways
def test_vanishing(served, way):
    """A client that is gone in the middle of its speech leaves nothing, and so does one that has said nothing."""
    engine, app, target = served
    for pcm in (b"", speech(500)):
        with way.connect(target) as client:
            send_all(client, pcm)
            client.vanish()
    assert_nothing_left(engine, app)


@pytest.mark.slow
@pytest.mark.parametrize("way", ONE_OF_EACH_TRANSPORT, ids=lambda way: way.name)
def test_client_that_reads_nothing(talkative, way):
    """It is given up, and what it goes on to send is thrown away."""
    engine, app, target = talkative
    is_over = threading.Event()

    def flood():
        while not is_over.is_set():
            send_all(client, SEGMENTS)

    with way.connect(target) as client:
        sender = threading.Thread(target=flood, daemon=True)
        sender.start()
        eventually(lambda: engine.open_streams > 0)
        assert_nothing_left(engine, app)
        is_over.set()
        client.vanish()
        sender.join(TIMEOUT_S)
        assert not sender.is_alive()


@pytest.mark.slow
@ways
def test_flood(served, way, full):
    """Minutes that are sent at once are all heard, segment by segment.

    A client that is ahead by more than all buffers hold is given up where it cannot read while it sends, as that of
    `websockets` for threads cannot.
    """
    _, _, target = served
    n_segments = 1_000 if full else 50
    with way.connect(target) as client:
        told = say_while_reading(client, (speech(700) + silence(300)) * n_segments)
    assert (told.text, told.codes) == (heard(700) * n_segments, [])
