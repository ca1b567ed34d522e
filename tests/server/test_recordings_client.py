"""The client of recordings and a real server: what it reads is what the server says."""

import json

import pytest

from paraserve.server.access.api_keys import hashed, new_key, write_keys
from paraserve_client import AsyncClient, Client
from paraserve_client.errors import AccessError, ModelNotFoundError, ProtocolError, UnsupportedFormatError
from support.fakes import FakeEngine
from support.looped import looped

FORMATS = ("text", "srt", "vtt", "tsv", "ass", "ttml", "lrc")


@pytest.fixture(scope="module", params=[Client, looped(AsyncClient)], ids=["sync", "async"])
def client(request, server):
    with request.param(server.url) as running:
        yield running


def test_transcript(client, server, data_dir):
    """Text, sentences, words and figures are the server's, from a path and with fields of all kinds."""
    path = data_dir / "zh_date.wav"
    got = client.transcribe(path, itn=False, hotwords={"今天": 20}, language=None, beam_size=3)
    expected = server.post("/transcribe", path.read_bytes(), itn="false", hotwords='{"今天": 20}').json()
    assert (got.text, got.duration_ms, got.language) == (expected["text"], expected["duration_ms"], None)
    assert [(one.text, one.start_ms, one.end_ms) for one in got.sentences] == [
        (one["text"], one["start_ms"], one["end_ms"]) for one in expected["sentences"]
    ]
    word, token = got.sentences[0].words[0], expected["sentences"][0]["tokens"][0]
    assert (word.text, word.start_ms, word.confidence) == (token["text"], token["start_ms"], token["confidence"])
    assert got.heard.speech_ms == expected["speech_ms"] > 0
    assert [(one.code, one.param) for one in got.warnings] == [("unknown_field", "beam_size")]


def test_formats(client, server, data_dir):
    """Every format is the server's text."""
    data = (data_dir / "en_weather.wav").read_bytes()
    for name in FORMATS:
        assert client.transcribe_as(name, data) == server.post("/transcribe", data, format=name).text
    assert json.loads(client.transcribe_as("json", data))["text"] == client.transcribe(data).text


def test_models(client):
    """The models are those of the server."""
    (model,) = client.models()
    assert (model.id, model.state) == ("demo", "loaded")
    assert model.languages


def test_refusals(client, data_dir):
    """What is refused is a typed error with the server's code and field."""
    with pytest.raises(UnsupportedFormatError) as refused:
        client.transcribe(b"no audio")
    assert refused.value.code == "unsupported_format"
    with pytest.raises(ModelNotFoundError):
        client.transcribe(data_dir / "zh_date.wav", model="none")
    with pytest.raises(ProtocolError) as refused:
        client.transcribe_as("docx", data_dir / "zh_date.wav")
    assert refused.value.param == "format"


def test_keys(serve_app, tmp_path):
    """An API key is shown, and a wrong one is an error."""
    key = new_key()
    write_keys(tmp_path / "keys", [hashed("reader", key)])
    with serve_app(FakeEngine(), api_keys_file=str(tmp_path / "keys")) as server:
        with Client(server.url, api_key=key) as client:
            assert client.models()
        with Client(server.url, api_key="ps_wrong") as client, pytest.raises(AccessError):
            client.models()
