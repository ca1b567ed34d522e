"""Live sessions count for what their settings cost, and those who send too fast wait for those who speak."""

import contextlib

import pytest

from support.fakes import FakeEngine
from support.live import eventually, heard, live, live_sessions, speech

COSTLY = {"mode": "online", "chunk_size": [8, 2, 2]}
DEFAULTS = {"mode": "online", "chunk_size": [5, 10, 5]}


@pytest.fixture(scope="module")
def url(serve_app):
    with serve_app(FakeEngine(), max_live=3) as client:
        yield client


def assert_refused(client) -> None:
    """It is told why, and closed."""
    message = client.receive()
    assert message["error"]["code"] == "overloaded"
    assert "with the defaults" in message["error"]["message"]
    assert client.close_code() == (1013, "overloaded")


def test_costly_settings_take_several_places(url):
    """They are refused, typed, where others have taken too many, at once and in the middle of a session."""
    with contextlib.ExitStack() as stack:
        first, costly, other = (stack.enter_context(live(url.url)) for _ in range(3))
        assert first.utterance(speech(700))[-1]["text"] == heard(700)
        costly.say(**COSTLY, is_speaking=True)
        assert_refused(costly)
        other.say(**DEFAULTS, is_speaking=True)
        other.utterance(speech(700))
        other.say(**COSTLY)
        assert_refused(other)
        assert first.utterance(speech(700))[-1]["text"] == heard(700)
    eventually(lambda: live_sessions(url) == 0)


def test_places_come_back(url):
    """Who is alone may have any settings; others find no room meanwhile, and find it when they are cheap again."""
    for _ in range(3):
        with live(url.url) as costly:
            costly.say(**COSTLY, is_speaking=True)
            costly.utterance(speech(700))
            assert live_sessions(url) == 1
            with live(url.url) as other:
                assert other.receive()["error"]["code"] == "overloaded"
                assert other.close_code() == (1013, "overloaded")
            eventually(lambda: live_sessions(url) == 1)
            costly.say(**DEFAULTS, is_speaking=True)
            costly.utterance(speech(700))
            with live(url.url) as other:
                assert other.utterance(speech(700))[-1]["text"] == heard(700)
        eventually(lambda: live_sessions(url) == 0)
