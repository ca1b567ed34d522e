"""Wrong keys, too many clients, messages that are too large, a server that stops: each protocol says so its way."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from paraserve.server.access.api_keys import hashed, new_key, write_keys
from support.audio_files import pcm_wav
from support.fakes import FakeEngine
from support.live import eventually, heard, live, live_sessions, speech
from support.protocols.said import say, send_all, until_closed
from support.protocols.ways import FILES, LIVE

KEY = new_key()
MAX_BYTES = 200_000
VOICE = speech(1000)
FIRST_PASS = "<9600><6400>"
"""What the fake engine's first pass says of it."""

each_live = pytest.mark.parametrize("way", LIVE, ids=lambda way: way.name)
each_file = pytest.mark.parametrize("way", FILES, ids=lambda way: way.name)


def refusal(told):
    """Status and code, as `Refusals` has them. Nothing but errors came."""
    assert told.text == ""
    return closing(told)


def closing(told):
    """Status and codes, each once."""
    return " ".join(dict.fromkeys((*told.status.split(), *told.codes)))


@pytest.fixture(scope="module")
def guarded(serve_all, tmp_path_factory):
    """A server that wants a key."""
    file = tmp_path_factory.mktemp("keys") / "keys"
    write_keys(file, [hashed("one", KEY)])
    of_wyoming = file.with_name("wyoming")
    of_wyoming.write_text(KEY, "utf-8")
    settings = {"api_keys_file": str(file), "wyoming_api_key_file": str(of_wyoming), "max_wrong_keys": 0}
    with serve_all(FakeEngine(), **settings) as (_, target):
        yield target


@each_live
def test_wrong_key_of_a_live_client(guarded, way):
    """It is refused, and one with the right key is served."""
    if way.refusals.wrong_key:
        with way.connect(replace(guarded, key=new_key())) as client:
            assert refusal(until_closed(client)) == way.refusals.wrong_key
    with way.connect(replace(guarded, key=KEY)) as client:
        assert say(client, VOICE).codes == []


@each_file
def test_wrong_key_of_a_recording(guarded, way):
    """The same for recordings."""
    assert refusal(way.send(replace(guarded, key=new_key()), pcm_wav(VOICE))) == way.refusals.wrong_key
    assert way.send(replace(guarded, key=KEY), pcm_wav(VOICE)).text == heard(1000)


@pytest.fixture(scope="module")
def full_server(serve_all):
    """A server with room for one live client, who is there."""
    with serve_all(FakeEngine(), max_live=1) as (app, target), live(target.url) as only:
        eventually(lambda: live_sessions(app) == 1)
        yield target
        assert only.utterance(VOICE)[-1]["text"] == heard(1000)


@each_live
def test_one_live_client_too_many(full_server, way):
    """It is told to come again later."""
    with way.connect(full_server) as client:
        assert refusal(until_closed(client)) == way.refusals.overloaded


@pytest.fixture(scope="module")
def without_memory(serve_all):
    """A server whose memory is used up."""
    with serve_all(FakeEngine(), max_memory_bytes=1_000_000) as (_, target):
        yield target


@each_file
def test_one_recording_too_many(without_memory, way):
    """It is told to come again later."""
    assert refusal(way.send(without_memory, pcm_wav(VOICE))) == way.refusals.overloaded


@pytest.fixture(scope="module")
def narrow(serve_all):
    """A server that takes small messages and recordings alone."""
    with serve_all(FakeEngine(), max_frame_bytes=MAX_BYTES, max_upload_bytes=MAX_BYTES) as (_, target):
        yield target


@each_live
def test_message_that_is_too_large(narrow, way):
    """It ends the connection, and the next client is served."""
    with way.connect(narrow) as client:
        client.send(bytes(MAX_BYTES + 2))
        assert refusal(until_closed(client)) == way.refusals.too_large
    with way.connect(narrow) as client:
        assert say(client, VOICE).codes == []


@each_file
def test_recording_that_is_too_large(narrow, way):
    """It is refused."""
    assert refusal(way.send(narrow, pcm_wav(bytes(MAX_BYTES)))) == way.refusals.too_large


@pytest.fixture(scope="module")
def stopped(serve_all):
    """What clients of each way were told by a server that stopped while they spoke or waited."""
    engine, speaking = FakeEngine(), threading.Semaphore(0)
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(len(LIVE) + len(FILES)) as threads:
        app, target = stack.enter_context(serve_all(engine))

        def speak(way):
            with way.connect(target) as client:
                send_all(client, VOICE)
                speaking.release()
                return until_closed(client)

        told = {id(way): threads.submit(speak, way) for way in LIVE}
        for _ in LIVE:
            assert speaking.acquire(timeout=30)
        eventually(lambda: live_sessions(app) == len(LIVE))
        engine.is_held = True
        told |= {id(way): threads.submit(way.send, target, pcm_wav(VOICE)) for way in FILES if way.name != "a job"}
        eventually(lambda: engine.started - engine.finished >= len(FILES) - 1)
        engine.is_held = False
        stack.close()
        yield {one_id: one.result(30) for one_id, one in told.items()}


@each_live
def test_live_client_of_a_server_that_stops(stopped, way):
    """It gets the text of all that it said, without an end of its own, then the connection is closed."""
    told = stopped[id(way)]
    assert told.text == (heard(1000) if way.has_second_pass else FIRST_PASS)
    assert closing(told) == way.refusals.stopping, told.events


@each_file
def test_recording_of_a_server_that_stops(stopped, way):
    """It is answered. A job is left to the server that starts next, as its own tests show."""
    if way.name != "a job":
        assert stopped[id(way)].text == heard(1000)
