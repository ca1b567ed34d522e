"""Real answers and live messages of every kind are those that the API's descriptions name.

The clients of this folder hold each answer and each message of the server against `/openapi.json` and
`/asyncapi.json`. Here every kind of them is provoked.
"""

import json
import socket

import pytest

from paraserve.server.http.upload_formats import upload_formats
from paraserve.server.protocols.schemas.asyncapi import FUNASR
from paraserve.server.protocols.schemas.funasr_events import FunasrSpeechEvent
from paraserve.server.protocols.schemas.funasr_messages import FunasrPartial, FunasrSegmentResult
from support import audio_files
from support.api_description import api_description, example_path
from support.fakes import FakeEngine
from support.live import live, silence, speech
from support.live_messages import check_from_server, kinds_of

PATHS = [one.path for one in upload_formats(is_strict=False)]
OPENAI, TRANSLATIONS = "/v1/audio/transcriptions", "/v1/audio/translations"
WORDS = {"response_format": "verbose_json", "timestamp_granularities[]": ["word", "segment"]}


def formats_of(path):
    """Form fields for each kind of answer that the description names, and the media type that it must have."""
    content = api_description().paths[path]["post"]["requestBody"]["content"]
    fields = content["multipart/form-data"]["schema"]["properties"]
    for name in ("format", "response_format", "output"):
        for value in fields.get(name, {}).get("enum", []):
            yield {name: value} | ({"channel": "split"} if value == "diarized_json" else {})
    yield {}
    if path in {"/transcribe", "/recognize"}:
        yield {"stream": "true", "peaks": "true"}
    if path == OPENAI:
        yield WORDS
        yield from ({"stream": "true", "response_format": name} for name in ("json", "text", "verbose_json"))


@pytest.fixture(scope="module")
def serving(server, serve_app):
    """The server of a route: translations need an engine that translates, which the embedded bundle does not."""
    with serve_app(FakeEngine()) as translating:
        yield lambda path: translating if path == TRANSLATIONS else server


CASES = [(path, fields) for path in PATHS for fields in formats_of(path)]


@pytest.mark.parametrize(("path", "fields"), CASES, ids=lambda v: v if isinstance(v, str) else "-".join(map(str, v)))
def test_every_format_of_every_route(serving, samples, path, fields):
    """With speech and without, as a form and raw, each format has a described answer."""
    for data in (samples["zh_en"].data, audio_files.pcm_wav(bytes(3200))):
        assert serving(path).post(path, data, **fields).status_code == 200
        assert serving(path).post_raw(path, data, **fields).status_code == 200


def test_every_media_type_is_given():
    """The formats above come to all media types that the description names, so none is named in vain."""
    for path in PATHS:
        described = api_description().paths[path]["post"]["responses"]["200"]["content"]
        n_texts = {"/transcribe": 8, "/recognize": 8, OPENAI: 2, TRANSLATIONS: 1, "/asr": 1}.get(path, 0)
        assert len(described) == 1 + n_texts


def test_pages(server):
    """Files in whole, in parts, unchanged, and parts that are not there."""
    ranges = {"bytes=0-9": 206, "bytes=0-1,3-4": 206, "bytes=99999999-": 416, "lines=1": 400}
    for path in ("/", "/static/page.js", "/static/style/page.css", "/static/icon.svg"):
        assert [server.get(path, headers={"range": asked}).status_code for asked in ranges] == [*ranges.values()]
        assert server.get(path, headers={"if-none-match": "*"}).status_code == 304
    assert server.get("/static/none.js").status_code == 404


@pytest.mark.parametrize("path", [*api_description().paths])
def test_methods_that_are_not_there(server, path):
    """405 names all methods of the path, HEAD with GET."""
    methods = {method.upper() for method in api_description().paths[path]}
    answer = server.get(example_path(path), "PUT")
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == methods | ({"HEAD"} if "GET" in methods else set())


def test_descriptions_are_served(server):
    """Both descriptions over HTTP are those that the tests hold answers against."""
    assert server.get("/openapi.json").json()["paths"] == api_description().paths
    assert server.get("/asyncapi.json").json()["asyncapi"] == "3.0.0"


@pytest.fixture(scope="module")
def impatient(serve_app):
    """A server that waits 0.2 s for a client that does not send."""
    with serve_app(FakeEngine(), upload_idle_timeout_s=0.2) as client:
        yield client


@pytest.mark.parametrize(("announced", "status"), [(500, 408), (3 * 1024**3, 413)])
@pytest.mark.parametrize("path", PATHS)
def test_uploads_that_are_cut_off(impatient, path, announced, status):
    """A client that stops sending, and one that announces too much."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {announced}\r\n\r\n"
    with socket.create_connection(impatient.address, timeout=10) as sock:
        sock.sendall(head.encode() + b"RIFF")
        answer = read_answer(sock)
    assert answer[0] == status
    api_description().check_parts("POST", path, *answer)


def read_answer(sock):
    """(status, headers, body) of the answer on this connection."""
    with sock.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        lines = iter(lambda: stream.readline().decode().strip(), "")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        return status, headers, stream.read(int(headers["content-length"]))


def utterance(client, data, **end):
    """All messages up to the acknowledgement."""
    client.send(data, 1920)
    client.end(is_end=True, **end)
    messages = [receive(client)]
    while "is_end" not in messages[-1]:
        messages.append(receive(client))
    return messages


def receive(client):
    text = client.ws.recv(20)
    check_from_server("funasr", text)
    return json.loads(text)


def conversation(client):
    """Results of each mode, events of speech, an error, acknowledgements of good and bad ends, a kept session."""
    messages = []
    for asked in ("2pass", "online", "offline"):
        client.say(mode=asked, timing=True, speech_events=asked == "2pass")
        messages += utterance(client, speech(1300) + silence(600))
    client.say(audio_fs="fast")
    messages.append(receive(client))
    client.say(wav_format="mp3")
    messages += utterance(client, b"text, not audio" * 100)
    client.say(mode="2pass", wav_format="pcm", resume=True)
    return [*messages, receive(client), *utterance(client, speech(1300) + silence(600))]


@pytest.mark.parametrize("protocol", ["compat", "strict"])
@pytest.mark.parametrize("mode", ["2pass", "offline"])
def test_every_kind_of_live_message(serve_app, mode, protocol):
    """Both servers of FunASR and their strict twins send described messages, and every described kind comes."""
    with serve_app(FakeEngine(), mode=mode, protocol=protocol) as server, live(server.url) as client:
        messages = conversation(client)
    kinds = {kind for message in messages for kind in kinds_of("funasr", message)}
    of_live = {FunasrPartial, FunasrSegmentResult, FunasrSpeechEvent}
    assert set(FUNASR.from_server) - kinds == (of_live if mode == "offline" else set())
    keys = {key for message in messages for key in message}
    assert {"server_ms", "timestamp", "stamp_sents", "seq"} <= keys
    is_strict_2pass = (protocol, mode) == ("strict", "2pass")
    assert ({"slice_type", "index", "start_time", "end_time"} <= keys) == is_strict_2pass
    assert any("mode" not in message for message in messages) == is_strict_2pass
    assert any("error" in message for message in messages if "is_end" in message)
