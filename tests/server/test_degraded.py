"""A server with more live clients than it has time for: what it refuses, and what those inside are told."""

import json

import pytest

from support.fakes import FakeEngine, FixedLoad
from support.live import assert_works, eventually, live, live_sessions, silence, speech

UTTERANCE = speech(3000) + silence(300)


def counted(server, name: str) -> float:
    lines = server.get("/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"paraserve_{name}"))


def test_a_newcomer_is_refused_where_it_would_make_others_late(serve_app):
    """1013 at once, with an error that says when to try again, while those inside are served; later it gets in."""
    load = FixedLoad(0)
    with serve_app(FakeEngine(), load) as server, live(server.url) as inside:
        inside.send(speech(700))
        inside.receive()
        load.has_no_room = True
        for path in ("/", "/vosk"):
            with live(server.url, path) as outside:
                error = json.loads(outside.ws.recv(5))["error"]
                assert (error["code"], error["retry_after_s"]) == ("overloaded", 5)
                assert outside.close_code() == (1013, "overloaded")
        assert inside.utterance(silence(300))[-1]["is_final"]
        load.has_no_room = False
        assert_works(server.url)
        eventually(lambda: live_sessions(server) == 1)
        assert counted(server, 'live_refusals_total{code="overloaded"}') == 2


def test_a_count_says_when_to_try_again_too(serve_app):
    """The error of a full server by `max_live` has the seconds as well."""
    with serve_app(FakeEngine(), max_live=1) as server, live(server.url) as inside:
        inside.send(speech(100))
        eventually(lambda: live_sessions(server) == 1)
        with live(server.url) as outside:
            assert outside.receive()["error"]["retry_after_s"] == 1


@pytest.mark.parametrize(("level", "partials"), [(0, 5), (1, 2), (3, 0)])
def test_a_degraded_stream_says_so(serve_app, level, partials):
    """`notice` once a segment, with its first partial text, else with its final one; none where all is there."""
    with serve_app(FakeEngine(), FixedLoad(level)) as server, live(server.url) as client:
        messages = client.utterance(UTTERANCE, frame_bytes=19_200)
        texts = [m for m in messages if m["text"]]
        assert [m["mode"] for m in texts] == ["2pass-online"] * partials + ["2pass-offline"]
        notices = [m.get("notice", {}).get("code") for m in texts]
        assert notices == ["degraded" if level else None] + [None] * partials
        assert counted(server, "live_degraded_total") == int(level > 0)
        eventually(lambda: counted(server, "live_degradation_level") == level)


def test_the_strict_protocol_says_nothing_new(serve_app):
    """FunASR's servers have no notice."""
    with serve_app(FakeEngine(), FixedLoad(3), protocol="strict") as server, live(server.url) as client:
        client.send(UTTERANCE)
        client.end()
        messages = [json.loads(client.ws.recv(5)) for _ in range(2)]
        assert [m["is_final"] for m in messages] == [False, True]
        assert all("notice" not in m for m in messages)
