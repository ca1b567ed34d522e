"""First messages that no honest client sends: errors with a code that is documented, and nothing is left over."""

import contextlib
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings

from support.fakes import FakeEngine
from support.live import eventually, live_sessions, speech
from support.protocols.said import Closed, End, Problem, say
from support.protocols.ways import FILES, LIVE

DOCS = Path(__file__).parents[3] / "docs"
N_QUICK, N_FULL = 200, 2_000
FAILURES = {"internal_error", "inference_failed"}


@pytest.fixture(scope="module")
def served(serve_all):
    """An engine, and the server in front of it."""
    engine = FakeEngine()
    with serve_all(engine, max_live=50) as (app, target):
        FILES[0].send(target, b"no sound" * 100)  # starts the children that decode, which stay
        yield engine, app, target


def documented_codes(way):
    """All words in code type on the pages about a protocol's errors, without the codes of a server that fails."""
    pages = [(DOCS / page).read_text("utf-8") for page in {"http.md", "websocket.md", way.page}]
    return {code for page in pages for code in re.findall(r"`(\w+)`", page)} - FAILURES


def descriptors():
    """What this process has open: sockets, pipes and files, each with the number of times."""
    found = Counter()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found[re.sub(r"\d+", "", str(link.readlink()))] += 1
    return found


@pytest.mark.slow
@pytest.mark.parametrize("way", [way for way in LIVE if way.hostile is not None], ids=lambda way: way.name)
def test_hostile_first_messages(served, way, full):
    """Each is an error of a documented code, or harmless; sessions, streams, tasks and descriptors are as before."""
    engine, app, target = served
    with way.connect(target) as client:
        assert say(client, speech(200)).codes == []
    eventually(lambda: live_sessions(app) == 0)
    known, tasks, before = documented_codes(way), app.n_tasks(), descriptors()
    told_errors = 0

    @settings(max_examples=N_FULL if full else N_QUICK)
    @given(way.hostile)
    def one(frame):
        nonlocal told_errors
        with way.connect(target, is_plain=True) as client:
            client.send_frame(frame)
            told = say(client, speech(200))
        assert set(told.codes) <= known, told.codes
        assert isinstance(told.events[-1], Closed)
        assert told.of(End) or told.of(Problem)
        told_errors += bool(told.codes)

    one()
    assert told_errors > (N_FULL if full else N_QUICK) / 4
    eventually(lambda: (live_sessions(app), engine.open_streams) == (0, 0))
    eventually(lambda: app.n_tasks() <= tasks)
    eventually(lambda: descriptors() <= before)
