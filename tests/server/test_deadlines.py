"""Deadlines: of an upload, of its client's own choosing, and of a live utterance's last text."""

import io
import time

import numpy as np
import pytest
import soundfile

from paraserve.errors import InferenceTimeoutError
from support.fakes import FakeEngine
from support.live import heard, live, speech

LIMIT_S = 0.3


def wav() -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.full(1600, 0.5, np.float32), 16_000, format="WAV")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def engine_held():
    return FakeEngine()


@pytest.fixture(scope="module")
def serving(serve_app, engine_held):
    with serve_app(engine_held, request_timeout_s=4 * LIMIT_S, final_timeout_s=LIMIT_S) as client:
        yield client


@pytest.fixture
def held(engine_held):
    """The engine while it answers nobody."""
    engine_held.is_held = True
    yield engine_held
    engine_held.is_held = False


@pytest.mark.parametrize("path", ["/transcribe", "/v1/audio/transcriptions", "/recognition", "/asr", "/"])
def test_the_clients_own_limit(serving, held, is_error, path):
    """A request is given up after its own `timeout`, the answer names the field, and its work is cancelled."""
    before = held.cancelled
    is_error(serving.post(path, wav(), timeout=str(LIMIT_S)), 504, "request_timeout", param="timeout")
    assert held.cancelled == before + 1


def test_the_servers_limit_holds_whatever_the_client_asks_for(serving, held, is_error):
    """A longer `timeout` changes nothing."""
    is_error(serving.post("/transcribe", wav(), timeout="1e9"), 504, "request_timeout")
    is_error(serving.post("/transcribe", wav()), 504, "request_timeout")


def test_a_limit_that_is_kept(serving):
    """A request within its `timeout` is answered as ever, without a warning."""
    answer = serving.post("/transcribe", wav(), timeout="30")
    assert answer.json()["text"]
    assert not answer.json().get("warnings")


@pytest.mark.parametrize("value", ["0", "-1", "soon", "nan", "inf", "1e999"])
def test_limits_that_are_none(serving, is_error, value):
    """What is no time is refused by name."""
    is_error(serving.post("/transcribe", wav(), timeout=value), 400, "invalid_value", param="timeout")


@pytest.mark.parametrize("mode", ["2pass", "offline"])
def test_a_last_text_that_does_not_come(serving, held, mode):
    """The utterance ends with one final error, and the next one of the connection gets its text."""
    with live(serving.url) as client:
        client.say(mode=mode)
        error = client.utterance(speech(700))[-1]
        assert error["error"]["code"] == "final_timeout"
        assert error["is_final"]
        held.is_held = False
        client.say(mode=mode)
        assert client.utterance(speech(500))[-1]["text"] == heard(500)


def test_speech_has_no_deadline(serving, engine_held):
    """The time of speaking does not count, only that after the end."""
    with live(serving.url) as client:
        for _ in range(3):
            client.send(speech(100))
            time.sleep(LIMIT_S / 2)
        client.end()
        assert client.until_final()[-1]["text"] == heard(300)


def test_a_model_run_that_takes_too_long(serving, engine_held, is_error):
    """Whoever waits for it is told by a typed error, over HTTP and live."""
    engine_held.error = InferenceTimeoutError("a model run took longer than 1 s")
    try:
        is_error(serving.post("/transcribe", wav()), 503, "inference_timeout")
        with live(serving.url) as client:
            assert client.utterance(speech(700))[-1]["error"]["code"] == "inference_timeout"
    finally:
        engine_held.error = None
