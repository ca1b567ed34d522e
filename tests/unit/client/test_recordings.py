"""The client of recordings, in both ways of programming, against a server that refuses and is late."""

import io
import threading

import pytest

from paraserve_client import AsyncClient, Client, Retries
from paraserve_client.errors import AudioError, OverloadedError, ProtocolError, RequestTimeoutError
from support.looped import looped
from support.upload_stub import DURATION_MS, UploadStub

FAST = Retries(attempts=3, first_s=0.001, longest_s=0.01)


@pytest.fixture
def stub():
    return UploadStub()


@pytest.fixture
def url(stub):
    with stub.running() as running:
        yield running


@pytest.fixture(params=[Client, looped(AsyncClient)], ids=["sync", "async"])
def kind(request):
    return request.param


@pytest.fixture
def client(kind, url):
    with kind(url, retries=FAST, timeout_s=5) as running:
        yield running


def test_kinds_of_recordings(client, tmp_path):
    """A path, bytes and a file arrive whole."""
    path = tmp_path / "a b.wav"
    path.write_bytes(b"some sound")
    for recording in (path, str(path), b"some sound", io.BytesIO(b"some sound")):
        sent = []
        transcript = client.transcribe(recording, on_sent=lambda done, total, sent=sent: sent.append((done, total)))
        assert (transcript.text, transcript.duration_ms) == ("heard: some sound", DURATION_MS)
        assert sent[-1] == (10, 10)


@pytest.mark.parametrize("status", [429, 502, 503])
def test_later_is_tried_again(client, stub, status):
    """The whole recording is sent again when the server says "later", as often as the caller wants."""
    stub.statuses.extend([status, status])
    assert client.transcribe(b"one").text == "heard: one"
    stub.statuses.extend([status] * 3)
    with pytest.raises(OverloadedError) as refused:
        client.transcribe(b"two")
    assert refused.value.code == "overloaded"
    assert stub.texts == ["one"] * 3 + ["two"] * 3


def test_a_refusal_is_final(client, stub):
    """What the server does not take is not sent again."""
    with pytest.raises(AudioError):
        client.transcribe(b"bad")
    assert stub.texts == ["bad"]


def test_a_late_answer(kind, url, stub):
    """A server that recognizes for too long is not asked to begin again."""
    stub.held["slow"] = threading.Event()
    try:
        with kind(url, retries=FAST, timeout_s=0.3) as client, pytest.raises(RequestTimeoutError) as late:
            client.transcribe(b"slow")
    finally:
        stub.held["slow"].set()
    assert late.value.code == "answer_timeout"
    assert stub.texts == ["slow"]


def test_what_is_no_recording(client, stub, tmp_path):
    """A file that is not there is the usual error, and an address one that says what to do."""
    with pytest.raises(FileNotFoundError):
        client.transcribe(tmp_path / "absent.wav")
    with pytest.raises(ProtocolError, match="Jobs"):
        client.transcribe("https://example.com/talk.mp3")
    assert stub.texts == []


@pytest.mark.parametrize(("url", "code"), [("http://127.0.0.1:1", "no_connection"), ("127.0.0.1", "invalid_url")])
def test_no_server(kind, url, code):
    """What does not answer is tried again; what is no address is not."""
    with pytest.raises((OverloadedError, ProtocolError)) as failed, kind(url, retries=FAST) as client:
        client.models()
    assert failed.value.code == code
