"""`/readyz`: a second of audio decoded lately; engines that hang, fail and come back."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from paraserve.server import readiness
from support.fakes import FakeEngine

HANGS_S = readiness.FRESH_S + readiness.PROBE_TIMEOUT_S


@pytest.fixture
def server(serve_app, engine):
    with serve_app(engine) as running:
        yield running


def test_each_check_is_a_decode_or_a_fresh_one(server, engine):
    """The first check decodes, those right after it count the same decode."""
    bodies = [server.get(path).json() for path in ("/readyz", "/health", "/readyz")]
    assert [body["status"] for body in bodies] == ["ok"] * 3
    assert (engine.started, engine.finished) == (1, 1)


@pytest.mark.slow
def test_wedged_engine(server, engine):
    """Not ready within 10 s of the hang, one decode left hanging however many ask; alive; ready again afterwards."""
    assert server.get("/readyz").status_code == 200
    engine.is_held = True
    deadline = time.monotonic() + HANGS_S + 5
    while (answer := server.get("/readyz")).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert (answer.json()["status"], answer.json()["reason"]) == ("not ready", "no decode has succeeded lately")
    with ThreadPoolExecutor(8) as threads:
        statuses = threads.map(lambda _: server.get("/readyz").status_code, range(8))
        assert list(statuses) == [503] * 8
    assert engine.started == 2
    assert server.get("/livez").status_code == 200
    engine.is_held = False
    deadline = time.monotonic() + 5
    while server.get("/readyz").status_code != 200:
        assert time.monotonic() < deadline
    assert engine.finished >= 2


@pytest.mark.slow
def test_stop_while_the_engine_hangs(serve_app):
    """A decode that never returns does not keep the server from stopping."""
    engine = FakeEngine(is_held=True)
    with serve_app(engine, drain_timeout_s=1) as server:
        assert server.get("/readyz").status_code == 503
    assert (engine.is_closed, engine.cancelled) == (True, 1)
