"""Requests of a load, `scripts/load/recording_requests.py`, at a server: what counts as right, and what is lost."""

import dataclasses

import pytest

from deployed_server import LostError, Server, read_json
from paraserve.errors import InferenceError
from paraserve.server.access.api_keys import hashed, new_key, write_keys
from recording_requests import events, events_of_openai, job, upload, upload_to_openai
from spoken_clips import Clip
from support.fakes import FakeEngine

KEY = new_key()
MEASURES = {
    upload: ["uploads"],
    upload_to_openai: ["uploads"],
    events: ["events, first text", "events, whole text"],
    events_of_openai: ["events, first text", "events, whole text"],
    job: ["jobs, accepted", "jobs, text"],
}
PCM = bytes(12) + b"\x00\x40" * 7_994
"""Half a second as loud as half of full scale, which the fake engine hears as its length and its loudness."""
HEARD = "8000x500"

ways = pytest.mark.parametrize("way", MEASURES, ids=lambda way: way.__name__)


@pytest.fixture(scope="module")
def engine():
    return FakeEngine()


@pytest.fixture(scope="module")
def server(serve_app, engine, tmp_path_factory):
    """A server that wants a key."""
    folder = tmp_path_factory.mktemp("data")
    write_keys(folder / "keys", [hashed("load", KEY)])
    with serve_app(engine, data_dir=str(folder), api_keys_file=str(folder / "keys"), jobs_max_attempts=1) as running:
        yield Server(running.url, KEY, insecure=False, timeout_s=30)


def send(way, server, text):
    """The measures that a request had before it was lost or complete, and its loss."""
    marks = []
    try:
        way(server, Clip("clip", PCM, text), marks.append)
    except LostError as error:
        return marks, str(error)
    return marks, None


@ways
def test_right_answers(way, server):
    """A right text is measured, and so are its parts."""
    assert send(way, server, HEARD) == (MEASURES[way], None)
    assert send(way, server, None) == (MEASURES[way], None)


@ways
def test_wrong_text(way, server):
    """Another text is no answer, however quick."""
    marks, loss = send(way, server, "something else")
    assert (marks, loss) == (MEASURES[way][:-1], f"clip is '{HEARD}', not 'something else'")


@ways
def test_errors(way, server, engine):
    """A failure is told by the code of the server's error."""
    engine.error = InferenceError("broken")
    try:
        marks, loss = send(way, server, HEARD)
    finally:
        engine.error = None
    assert marks == [mark for mark in MEASURES[way] if mark == "jobs, accepted"]
    assert "inference_failed" in loss


@ways
def test_refusals(way, server):
    """A wrong key is refused with its code."""
    assert send(way, dataclasses.replace(server, api_key="wrong"), HEARD) == ([], "401 invalid_api_key")


@ways
def test_nobody_answers(way, server):
    """A server that is not there is a loss, too."""
    marks, loss = send(way, dataclasses.replace(server, address="http://127.0.0.1:1"), HEARD)
    assert (marks, loss) == ([], "Connection refused")


def test_jobs_are_deleted(server):
    """A load leaves no jobs behind."""
    send(job, server, HEARD)
    send(job, server, "something else")
    with server.request("GET", "/v1/jobs") as answer:
        assert read_json(answer.read())["data"] == []
