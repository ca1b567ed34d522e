"""Deepgram's API on a real socket: live on `/v1/listen`, and about recordings with `POST`."""

import contextlib
import hashlib
import json
import signal
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
import soundfile
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from paraserve.errors import InferenceError
from paraserve.server.access.api_keys import hashed, new_key, write_keys
from support.audio_files import pcm_wav
from support.fakes import FakeEngine
from support.live import eventually, heard, live, live_sessions, silence, speech
from support.live_messages import check_from_server

RAW = {"encoding": "linear16", "sample_rate": "16000"}
FRAME_BYTES = 3200
TWO_SEGMENTS = speech(1000) + silence(600) + speech(600, 4000)
CLOSE, FINALIZE = {"type": "CloseStream"}, {"type": "Finalize"}


@dataclass
class DeepgramClient:
    """A live client; `/asyncapi.json` must describe each message that it gets."""

    ws: ClientConnection

    def send(self, audio):
        for start in range(0, len(audio), FRAME_BYTES):
            self.ws.send(audio[start : start + FRAME_BYTES])

    def say(self, message):
        self.ws.send(json.dumps(message))

    def receive(self):
        text = self.ws.recv(20)
        check_from_server("deepgram", text)
        return json.loads(text)

    def rest(self):
        """All messages until the connection is closed, then code and reason."""
        found = []
        with contextlib.suppress(ConnectionClosed):
            while True:
                found.append(self.receive())
        return found, (self.ws.close_code, self.ws.close_reason)

    def all_of(self, audio):
        """All messages about this audio."""
        self.send(audio)
        self.say(CLOSE)
        found, closing = self.rest()
        assert closing == (1000, "")
        return found


@contextlib.contextmanager
def deepgram(url, path="/v1/listen", headers=None, **query):
    with live(url, f"{path}?{urlencode(query, doseq=True)}", additional_headers=headers) as client:
        yield DeepgramClient(client.ws)


def texts(messages):
    return [text for one in messages if one["type"] == "Results" and (text := text_of(one))]


def text_of(result):
    return result["channel"]["alternatives"][0]["transcript"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where URLs may name files."""
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture(scope="module")
def app(serve_app, folder):
    with serve_app(FakeEngine(), url_file_root=str(folder)) as client:
        yield client


@pytest.fixture(scope="module")
def url(app):
    return app.url


def test_two_segments(url):
    """Each has one final result, told by a pause; they lie behind each other, and `Metadata` is the last message."""
    with deepgram(url, **RAW) as client:
        *results, metadata = client.all_of(TWO_SEGMENTS)
    assert texts(results) == [heard(1000), heard(600, 4000)]
    assert all(one["is_final"] for one in results)
    assert [one["speech_final"] for one in results if text_of(one)] == [True, True]
    edges = [(one["start"], one["start"] + one["duration"]) for one in results]
    assert [end for _, end in edges[:-1]] == pytest.approx([start for start, _ in edges[1:]])
    assert (metadata["type"], metadata["duration"]) == ("Metadata", 2.2)
    assert metadata["sha256"] == hashlib.sha256(TWO_SEGMENTS).hexdigest()


def test_all_events(url):
    """Interim results grow, speech starts, and an utterance ends where nothing is said for long enough."""
    query = RAW | {"interim_results": "true", "vad_events": "true", "utterance_end_ms": "1000"}
    with deepgram(url, **query) as client:
        found = client.all_of(speech(2000) + silence(2000) + speech(600, 4000))
    kinds = [one["type"] for one in found]
    assert (kinds[0], kinds[-1]) == ("SpeechStarted", "Metadata")
    assert (kinds.count("SpeechStarted"), kinds.count("UtteranceEnd")) == (2, 1)
    before_end = found[: kinds.index("UtteranceEnd")]
    assert [text_of(one) for one in before_end if one.get("is_final")] == [heard(2000)]
    interim = [text_of(one) for one in found if one["type"] == "Results" and not one["is_final"]]
    assert len(interim) >= 3
    assert next(one for one in found if one["type"] == "UtteranceEnd")["last_word_end"] == 2.0


def test_finalize(url):
    """What was said so far comes at once; outside speech too, there is exactly one result for it."""
    with deepgram(url, **RAW) as client:
        client.say({"type": "KeepAlive"})
        client.send(silence(1000))
        client.say(FINALIZE)
        first = client.receive()
        client.send(speech(1000))
        client.say(FINALIZE)
        second = client.receive()
        client.say(CLOSE)
        rest, _ = client.rest()
    assert [(text_of(one), one["from_finalize"], one["is_final"]) for one in (first, second)] == [
        ("", True, True),
        (heard(1000), True, True),
    ]
    assert not any(one["from_finalize"] for one in rest[:-1])


def test_configure(url):
    """It is answered when it counts."""
    with deepgram(url, **RAW) as client:
        client.say({"type": "Configure", "keyterms": ["hello"]})
        assert client.receive()["keyterms"] == ["hello"]
        assert texts(client.all_of(speech(700))) == [heard(700)]


def test_text_that_is_no_message(url):
    """An error that changes nothing."""
    with deepgram(url, **RAW) as client:
        client.send(speech(300))
        for text in ("nonsense", '{"type":"Sing"}'):
            client.ws.send(text)
            assert client.receive()["variant"] == "SchemaError"
        assert texts(client.all_of(speech(400))) == [heard(700)]


def test_nothing_sent(url):
    """An empty result and `Metadata`; an empty frame ends the audio, too."""
    for end in (json.dumps(CLOSE), b""):
        with deepgram(url, **RAW) as client:
            client.ws.send(end)
            found, closing = client.rest()
        assert [one["type"] for one in found] == ["Results", "Metadata"]
        assert closing == (1000, "")


def test_a_wav_file(url):
    """Without `encoding` the audio tells its own format; a rate that it contradicts is named."""
    wav = pcm_wav(speech(1000), sample_rate=16_000)
    with deepgram(url) as client:
        assert texts(client.all_of(wav)) == [heard(1000)]
    with deepgram(url, encoding="linear16", sample_rate="8000") as client:
        result, *_ = client.all_of(wav)
    assert [one["param"] for one in result["warnings"]] == ["sample_rate"]


def test_channels(url):
    """Each is heard for itself."""
    left, right = speech(1000), speech(1000, 4000)
    both = b"".join(left[n : n + 2] + right[n : n + 2] for n in range(0, len(left), 2))
    with deepgram(url, **RAW, multichannel="true", channels="2") as client:
        found = client.all_of(both)
    assert {tuple(one["channel_index"]): text_of(one) for one in found[:-1] if text_of(one)} == {
        (0, 2): heard(1000),
        (1, 2): heard(1000, 4000),
    }
    assert found[-1]["channels"] == 2


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"encoding": "g729"}, "invalid_value"),
        ({"model": "gpt-9"}, "model_not_found"),
        ({"callback": "http://example.com"}, "unsupported_parameter"),
    ],
)
def test_bad_query(url, query, code):
    """The client is told at once, before it has sent anything."""
    with deepgram(url, **query) as client:
        (error,), closing = client.rest()
    assert (error["code"], error["param"], closing) == (code, next(iter(query)), (1008, code))


def test_flux(url):
    """Its clients wait for a first message, and get an error."""
    with deepgram(url, "/v2/listen", model="flux-general-en") as client:
        (error,), closing = client.rest()
    assert (error["code"], closing) == ("not_served", (1008, "not_served"))


def test_keys(serve_app, tmp_path):
    """`Token KEY` of the SDKs, the subprotocol of browsers; without a key nothing is told of the models."""
    key = new_key()
    write_keys(tmp_path / "keys", [hashed("one", key)])
    with serve_app(FakeEngine(), api_keys_file=str(tmp_path / "keys")) as server:
        with deepgram(server.url, **RAW, headers={"Authorization": f"Token {key}"}) as client:
            assert texts(client.all_of(speech(700))) == [heard(700)]
        with live(server.url, "/v1/listen", subprotocols=["token", key]) as browser:
            client = DeepgramClient(browser.ws)
            assert texts(client.all_of(speech(700))) == [heard(700)]
        with deepgram(server.url, model="gpt-9") as client:
            (error,), closing = client.rest()
        assert (error["code"], closing) == ("missing_api_key", (1008, "missing_api_key"))
        assert server.post_raw("/v1/listen", b"", model="gpt-9").status_code == 401


def test_places(serve_app):
    """Each channel takes one; a client for whom there are too few is told and closed with 1013."""
    with serve_app(FakeEngine(), max_live=3) as server, live(server.url):
        with deepgram(server.url, **RAW, multichannel="true", channels="3") as client:
            client.send(speech(100))
            (error,), closing = client.rest()
        assert (error["code"], closing) == ("overloaded", (1013, "overloaded"))
        eventually(lambda: live_sessions(server) == 1)


def test_model_failure(serve_app):
    """An error, then 1011."""
    with serve_app(FakeEngine(error=InferenceError("broken"))) as server, deepgram(server.url, **RAW) as client:
        client.send(speech(1000))
        client.say(CLOSE)
        found, closing = client.rest()
    assert (found[-1]["code"], closing) == ("inference_failed", (1011, "inference_failed"))


@pytest.mark.full
@pytest.mark.slow
def test_shutdown(start_fake_server):
    """What was said until then is one last result with `Metadata`, then 1012."""
    server = start_fake_server()
    with deepgram(server.url, **RAW) as client:
        client.send(speech(1000))
        server.process.send_signal(signal.SIGTERM)
        found, closing = client.rest()
    assert (texts(found), found[-1]["type"], closing) == ([heard(1000)], "Metadata", (1012, "shutting_down"))


def test_demo_bundle(server, samples):
    """Real models: words as they were spoken; formatted, the same text and times live and from a file."""
    sample = samples["mixed_long"]
    pcm = soundfile.read(sample.path, dtype="int16")[0].tobytes()
    with deepgram(server.url, **RAW) as client:
        assert "".join(texts(client.all_of(pcm))).replace(" ", "") == sample.text.replace(" ", "")
    with deepgram(server.url, **RAW, smart_format="true", interim_results="true") as client:
        finals = [one for one in client.all_of(pcm)[:-1] if one["is_final"] and text_of(one)]
    answer = server.post_raw("/v1/listen", sample.data, smart_format="true", utterances="true").json()
    utterances = answer["results"]["utterances"]
    assert answer["results"]["channels"][0]["alternatives"][0]["transcript"].startswith("23038367776。")
    assert [text_of(one) for one in finals] == [one["transcript"] for one in utterances]
    assert [one["channel"]["alternatives"][0]["words"] for one in finals] == [one["words"] for one in utterances]


def test_recording(app):
    """Facts about it, and its text; parameters without effect are named."""
    wav = pcm_wav(speech(1000), sample_rate=16_000)
    answer = app.post_raw("/v1/listen", wav, model="nova-3", diarize="true", encoding="flac", beam="3").json()
    raw = app.post_raw("/v1/listen", speech(1000), **RAW).json()
    assert answer["results"]["channels"][0]["alternatives"][0]["transcript"] == heard(1000)
    assert raw["results"] == answer["results"]
    assert (answer["metadata"]["sha256"], answer["metadata"]["duration"]) == (hashlib.sha256(wav).hexdigest(), 1.0)
    assert {one["param"] for one in answer["warnings"]} == {"diarize", "beam"}


@pytest.mark.parametrize(
    ("query", "param"),
    [({"model": "gpt-9"}, "model"), ({"encoding": "g729"}, "encoding"), ({"redact": "name"}, "redact")],
)
def test_bad_request(app, is_error, query, param):
    """The error names the parameter."""
    code = "model_not_found" if param == "model" else "invalid_value"
    answer = app.post_raw("/v1/listen", speech(100), **query)
    is_error(answer, 404 if param == "model" else 400, code, param=param)


def test_bodies_without_a_recording(app, is_error):
    """A form, JSON without a URL, a URL that leads into the own network, nothing at all."""
    is_error(app.post("/v1/listen", b"a"), 400, "invalid_form")
    is_error(app._request("POST", "/v1/listen", json={"uri": "a"}), 400, "no_file", param="url")
    for address in ("http://127.0.0.1/a.wav", "file:///etc/hostname"):
        is_error(app._request("POST", "/v1/listen", json={"url": address}), 400, "url_not_allowed", param="url")
    is_error(app.post_raw("/v1/listen", b""), 400, "empty_file", param="file")


def test_recording_of_a_url(app, folder):
    """It is fetched, with its digest in the answer."""
    wav = pcm_wav(speech(1000), sample_rate=16_000)
    (folder / "a.wav").write_bytes(wav)
    answer = app._request("POST", "/v1/listen", json={"url": f"file://{folder}/a.wav", "why": 1})
    missing = app._request("POST", "/v1/listen", json={"url": f"file://{folder}/b.wav"})
    body = answer.json()
    assert body["results"]["channels"][0]["alternatives"][0]["transcript"] == heard(1000)
    assert body["metadata"]["sha256"] == hashlib.sha256(wav).hexdigest()
    assert [one["param"] for one in body["warnings"]] == ["why"]
    assert (missing.status_code, missing.json()["error"]["code"]) == (422, "url_failed")
