"""A recording comes as a form whose part has no name, as base64 in JSON, as raw audio, and to paths with slashes."""

import base64
import json

import httpx2
import numpy as np
import pytest
import soundfile

from paraserve.server.http.parsing.json_bodies import MAX_JSON_BYTES

OPENAI = "/v1/audio/transcriptions"
ROUTES = ("/transcribe", "/recognize", "/recognition", "/asr", "/", OPENAI)


@pytest.fixture(scope="module")
def date(samples):
    """A recording."""
    return samples["zh_date"]


@pytest.fixture(scope="module")
def wanted(server, date):
    """Its text, by an upload of the plainest kind."""
    return server.post("/transcribe", date.data).json()["text"]


@pytest.fixture(scope="module")
def pcm(date):
    """Its samples, int16 at 16 kHz."""
    return soundfile.read(date.path, dtype="int16")[0]


def post(server, path, body, content_type, **query):
    return server.post_raw(path, body, headers={"content-type": content_type}, **query)


def warned(answer):
    return [(warning["code"], warning["param"]) for warning in answer.json().get("warnings", [])]


PARTS = {
    "no name": b'name="file"',
    "no name, audio": b'name="audio"',
    "no quotes": b"name=file",
    "an empty name": b'name="file"; filename=""',
    "an encoded name": b"name=\"file\"; filename*=UTF-8''%E5%BD%95%E9%9F%B3.wav",
    "both names": b'name="file"; filename="a.wav"; filename*=UTF-8\'\'%E5%BD%95.wav',
}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("media_type", [b"", b"Content-Type: application/octet-stream\r\n"])
def test_parts_without_a_file_name(server, date, wanted, name, media_type):
    """A part of the file's name is the recording, whatever file name it has, and fields beside it are read."""
    head = b"--b\r\nContent-Disposition: form-data; " + PARTS[name] + b"\r\n" + media_type + b"\r\n"
    field = b'--b\r\nContent-Disposition: form-data; name="beam_size"\r\n\r\n5\r\n'
    answer = post(server, "/", field + head + date.data + b"\r\n--b--\r\n", "multipart/form-data; boundary=b")
    assert answer.json()["text"] == wanted
    assert warned(answer) == [("unknown_field", "beam_size")]


def test_two_recordings(server, date, is_error):
    """A form with two recordings is refused: none is dropped silently."""
    part = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n' + date.data + b"\r\n"
    body = part.replace(b"%s", b"file") + part.replace(b"%s", b"audio") + b"--b--\r\n"
    is_error(post(server, "/asr", body, "multipart/form-data; boundary=b"), 400, "invalid_form")


@pytest.mark.parametrize("path", ["/{}/", "//{}", "/{}//"])
@pytest.mark.parametrize("route", ROUTES)
def test_slashes(server, date, wanted, route, path):
    """A slash at the end and doubled slashes are answered at once, without a redirect that would lose the body."""
    answer = server.post(path.format(route[1:]), date.data)
    assert (answer.status_code, answer.json()["text"]) == (200, wanted)


@pytest.mark.parametrize("path", ["/livez/", "//livez", "/v1//models/", "/static/page.js/", "/docs/"])
def test_slashes_of_pages(server, path):
    """So are other routes."""
    assert server.get(path).status_code == 200


def test_models_by_name(server, is_error):
    """A model is described under each of its names, with slashes in them or not; another is a typed 404."""
    (listed,) = server.get("/v1/models").json()["data"]
    for name in (listed["id"], "demo", "whisper-1", "gpt-4o-transcribe", "auto"):
        assert server.get(f"/v1/models/{name}").json() == listed
    for name in ("gpt-9", "openai/whisper-large", "模型", "a" * 5000):
        is_error(server.get(f"/v1/models/{name}"), 404, "model_not_found", param="model")


def encoded(data):
    return base64.b64encode(data).decode()


AUDIO_VALUES = {
    "audio": lambda data: {"audio": encoded(data)},
    "file": lambda data: {"file": encoded(data)},
    "content": lambda data: {"content": encoded(data)},
    "FunASR's": lambda data: {"wav_base64": encoded(data)},
    "a URL": lambda data: {"audio": "data:audio/wav;base64," + encoded(data)},
    "an object": lambda data: {"audio": {"data": encoded(data), "format": "wav"}},
    "for URLs": lambda data: {"audio": base64.urlsafe_b64encode(data).decode().rstrip("=")},
    "lines": lambda data: {"audio": base64.encodebytes(data).decode()},
}


@pytest.mark.parametrize("name", AUDIO_VALUES)
def test_json(server, date, wanted, name):
    """Base64 under each of its keys and in each of its forms is the recording."""
    answer = server._request("POST", "/transcribe", json=AUDIO_VALUES[name](date.data))
    assert (answer.status_code, answer.json()["text"]) == (200, wanted)


@pytest.mark.parametrize("route", ROUTES)
def test_json_on_every_route(server, date, route):
    """Its other keys are the fields of the form; null is absent, and unknown ones are told."""
    fields = {"itn": False, "punctuate": False, "language": None, "beam_size": 5, "hotwords": ""}
    answer = server._request("POST", route, json={"audio": encoded(date.data), **fields})
    assert answer.json()["text"] == date.text
    assert warned(answer) == [("unknown_field", "beam_size")]


def test_json_lists(server, date):
    """A list is a list of the form."""
    asked = {"response_format": "verbose_json", "timestamp_granularities": ["word"], "hotwords": {"魔搭": 1}}
    answer = server._request("POST", OPENAI, json={"file": encoded(date.data), **asked})
    assert {"words", "segments"} & answer.json().keys() == {"words"}
    assert warned(answer) == [("not_honoured", "hotwords")]


BAD_JSON = {
    "not JSON": (b"RIFF....", "invalid_json", None),
    "a list": (b"[]", "invalid_json", None),
    "half a pair": (b'{"audio":"AAAA","language":"\\ud800"}', "invalid_json", None),
    "deep": (b"[" * 100_000, "invalid_json", None),
    "no recording": (b'{"language":"zh"}', "no_file", "file"),
    "null": (b'{"audio":null}', "no_file", "file"),
    "not base64": (b'{"audio":"!!!"}', "invalid_value", "audio"),
    "a number": (b'{"audio":5}', "invalid_value", "audio"),
    "an address": (b'{"audio":"http://localhost/a.wav"}', "invalid_value", "audio"),
    "a path": (b'{"audio":"file:///etc/hostname"}', "invalid_value", "audio"),
    "a plain URL": (b'{"audio":"data:audio/wav,abc"}', "invalid_value", "audio"),
    "a bad flag": (b'{"audio":"AAAA","itn":{"a":1}}', "invalid_value", "itn"),
    "empty": (b'{"audio":""}', "empty_file", "file"),
}


@pytest.mark.parametrize("name", BAD_JSON)
def test_bad_json(server, is_error, name):
    """Each mistake has its code and its key; no address is fetched and no path is opened."""
    body, code, param = BAD_JSON[name]
    is_error(post(server, "/transcribe", body, "application/json"), 400, code, param=param)


def test_too_much_json(server, is_error):
    """JSON over its limit is refused before it is read."""
    body = b'{"audio":"' + b"A" * MAX_JSON_BYTES + b'"}'
    is_error(post(server, "/transcribe", body, "application/json"), 413, "file_too_large", param="file")
    server.assert_settled()


def mu_law(samples):
    """G.711 with soundfile's encoder, at 8 kHz."""
    import io  # noqa: PLC0415

    buffer = io.BytesIO()
    soundfile.write(buffer, samples[::2], 8000, format="RAW", subtype="ULAW")
    return buffer.getvalue()


def raw_cases(pcm):
    """(bytes, content type, query) of the same recording without a header."""
    little, big = pcm.tobytes(), pcm.astype(">i2").tobytes()
    stereo = np.stack([pcm, pcm], axis=1).tobytes()
    wide = (pcm.astype("<i4") << 8).astype("<i4").tobytes()
    three = np.frombuffer(wide, np.uint8).reshape(-1, 4)[:, :3].tobytes()
    octets = "application/octet-stream"
    return {
        "L16, little-endian": (little, "audio/L16;rate=16000", {}),
        "L16, big-endian": (big, "audio/L16; rate=16000; channels=1", {}),
        "L16, stated": (big, "audio/l16;rate=16000;endianness=big-endian", {}),
        "L16, stated little": (little, 'audio/l16; rate="16000"; endianness=little-endian', {}),
        "L16, stereo": (stereo, "audio/L16;rate=16000;channels=2", {}),
        "pcm": (little, "audio/pcm;rate=16000", {}),
        "pcm, no rate": (little, "audio/pcm", {}),
        "GStreamer": (little, "audio/x-raw, layout=(string)interleaved, rate=16000, format=S16LE, channels=1", {}),
        "GStreamer, big": (big, "audio/x-raw,rate=16000,format=S16BE", {}),
        "query": (little, octets, {"encoding": "linear16", "sample_rate": 16000}),
        "query, no type": (little, "", {"encoding": "LINEAR16", "sample_rate": 16000, "channels": 1}),
        "query, pcm_s16le": (little, octets, {"encoding": "pcm_s16le", "sample_rate": 16000}),
        "24 bit": (three, octets, {"encoding": "s24le", "sample_rate": 16000}),
        "float": ((pcm / 32768).astype("<f4").tobytes(), octets, {"encoding": "f32le", "sample_rate": 16000}),
        "float, big": ((pcm / 32768).astype(">f4").tobytes(), octets, {"encoding": "f32be", "sample_rate": 16000}),
    }


RAW = tuple(raw_cases(np.zeros(2, np.int16)))


@pytest.mark.parametrize("name", RAW)
def test_raw_audio(server, pcm, wanted, name):
    """Samples without a header, as each media type or the field `encoding` says, have the recording's text."""
    data, content_type, query = raw_cases(pcm)[name]
    answer = post(server, "/transcribe", data, content_type, **query)
    assert (answer.status_code, answer.json().get("text")) == (200, wanted), answer.text
    assert answer.json()["duration_ms"] == len(pcm) // 16
    assert warned(answer) == ([("assumed_value", "sample_rate")] if name == "pcm, no rate" else [])


@pytest.mark.parametrize("content_type", ["audio/basic", "audio/PCMU", "audio/x-mulaw;rate=8000"])
def test_telephone_audio(server, pcm, content_type):
    """Mu-law is 8 kHz where nothing else is said."""
    answer = post(server, "/transcribe", mu_law(pcm), content_type)
    assert answer.status_code == 200
    assert answer.json()["duration_ms"] == pytest.approx(len(pcm) / 16, abs=1)
    assert answer.json()["text"]


def test_raw_audio_in_a_form_and_in_json(server, pcm, wanted):
    """A part's own media type, a field, and the media type of a `data:` URL tell as well."""
    data = pcm.tobytes()
    part = {"file": ("a.raw", data, "audio/L16;rate=16000")}
    assert server._request("POST", "/transcribe", files=part).json()["text"] == wanted
    assert server.post("/transcribe", data, encoding="linear16", sample_rate="16000").json()["text"] == wanted
    url = {"audio": "data:audio/pcm;rate=16000;base64," + encoded(data)}
    assert server._request("POST", "/transcribe", json=url).json()["text"] == wanted


def test_a_header_wins(server, date, wanted):
    """A WAV under the name of raw audio is a WAV."""
    assert post(server, "/transcribe", date.data, "audio/L16;rate=8000").json()["text"] == wanted


def test_layout_of_a_file(server, date, wanted):
    """The fields of raw audio beside a file are told."""
    answer = server.post("/transcribe", date.data, sample_rate="8000", channels="2")
    assert answer.json()["text"] == wanted
    assert warned(answer) == [("not_honoured", "sample_rate"), ("not_honoured", "channels")]


@pytest.mark.parametrize(
    ("content_type", "query", "code", "param"),
    [
        ("audio/L16;rate=fast", {}, "invalid_value", "file"),
        ("audio/L16;rate=0", {}, "invalid_value", "file"),
        ("audio/L16;rate=16000;channels=100", {}, "invalid_value", "file"),
        ("audio/x-raw,format=S17LE", {}, "invalid_value", "encoding"),
        ("", {"encoding": "opus"}, "invalid_value", "encoding"),
        ("", {"encoding": "linear16", "sample_rate": 10}, "invalid_value", "sample_rate"),
        ("", {"encoding": "linear16", "channels": 0}, "invalid_value", "channels"),
    ],
)
def test_bad_layouts(server, is_error, content_type, query, code, param):
    """A layout that cannot be used is a typed error."""
    is_error(post(server, "/asr", bytes(3200), content_type, **query), 400, code, param=param)


def test_nothing_raw(server, is_error):
    """Raw audio without bytes is an empty file."""
    is_error(post(server, "/asr", b"", "audio/L16;rate=16000"), 400, "empty_file", param="file")


def test_the_header_of_warnings(server, date):
    """Answers without room for warnings name them in a header, in letters that a header may have."""
    answer = server.post(OPENAI, date.data, response_format="srt", 词="1", prompt="数字", beam_size="5")
    told = answer.headers["x-paraserve-warnings"].split(", ")
    assert told == ["not_honoured prompt", "unknown_field %E8%AF%8D", "unknown_field beam_size"]
    assert "x-paraserve-warnings" not in server.post(OPENAI, date.data).headers


def test_a_long_header_of_warnings(server, date):
    """It has no more than a proxy lets pass; what does not fit is counted."""
    names = {f"{n}-{'词' * 60}": "1" for n in range(15)}
    told = server.post(OPENAI, date.data, response_format="srt", **names).headers["x-paraserve-warnings"]
    assert len(told) < 1100
    named = told.count("unknown_field")
    assert told.endswith(f", {15 - named} more")


def test_logprobs(server, date):
    """`include[]=logprobs` gives each word's probability, as bytes and text."""
    body = server.post(OPENAI, date.data, itn="0", **{"include[]": "logprobs"}).json()
    assert [one["token"] for one in body["logprobs"]] == date.tokens
    assert all(bytes(one["bytes"]).decode() == one["token"] for one in body["logprobs"])
    assert all(-1 < one["logprob"] <= 0 for one in body["logprobs"])


def test_verbose_values(server, samples, demo_dir):
    """`seek`, `tokens` and `no_speech_prob` are the segment's: its start, its units, its words' probabilities."""
    units = json.loads((demo_dir / "asr" / "tokens.json").read_text("utf-8"))
    fields = {"response_format": "verbose_json", "itn": "0", "timestamp_granularities[]": ["word", "segment"]}
    body = server.post(OPENAI, samples["mixed_long"].data, **fields).json()
    assert body["usage"] == {"type": "duration", "seconds": -(-body["duration"] // 1)}
    assert [s["seek"] for s in body["segments"]] == [int(s["start"] * 100) for s in body["segments"]]
    said = "".join(units[i] for s in body["segments"] for i in s["tokens"]).replace("@@", "")
    assert said.lower() == "".join(word["word"] for word in body["words"]).lower()
    written = server.post(OPENAI, samples["mixed_long"].data, response_format="verbose_json").json()["segments"]
    assert [i for s in written for i in s["tokens"]] == [i for s in body["segments"] for i in s["tokens"]]
    assert len({s["no_speech_prob"] for s in body["segments"]}) > 1 or len(body["segments"]) == 1
    assert all(0 <= s["no_speech_prob"] < 0.01 for s in body["segments"])


def test_hotwords_over_http(server, date):
    """FunASR's object of weights is read as on the WebSocket, and a mistake in it is an error of the field."""
    answer = server.post("/transcribe", date.data, hotwords='{"魔搭":20}')
    assert warned(answer) == [("not_honoured", "hotwords")]
    bad: httpx2.Response = server.post("/transcribe", date.data, hotwords='{"阿里巴巴":')
    assert (bad.status_code, bad.json()["error"]["param"]) == (400, "hotwords")
