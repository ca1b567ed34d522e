"""`/transcribe` in events: progress, sentences as they become final, the whole at the end; peaks for a waveform."""

import base64
import io
import itertools
import json

import numpy as np
import pytest
import soundfile

from paraserve.errors import InferenceError
from support.live import eventually
from support.loud_engine import LoudEngine, bursts, wav_of

N_BURSTS = 6
firsts = itertools.count(step=N_BURSTS)


@pytest.fixture(scope="module")
def engine():
    return LoudEngine()


@pytest.fixture(scope="module")
def server(serve_app, engine):
    with serve_app(engine, result_cache="memory") as running:
        yield running


@pytest.fixture
def recording():
    """Bursts that no other test has."""
    return wav_of(bursts(N_BURSTS, next(firsts))).getvalue()


def events_of(text):
    """(name, data) of each event."""
    blocks = [block.splitlines() for block in text.split("\n\n") if block and not block.startswith(":")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


def numpy_peaks(samples):
    """The loudest of each 100 ms, with the rest as the last one."""
    heights = [np.abs(samples[at : at + 1600]).max() for at in range(0, len(samples), 1600)]
    return np.rint(np.array(heights) * 255).astype(np.uint8).tobytes()


def values(peaks):
    assert peaks["per_s"] == 10
    return base64.b64decode(peaks["values"])


def test_events_come_while_it_is_recognized(server, engine, recording):
    """Sentences come before the rest is recognized. They are those of the last event, which has the whole answer."""
    engine.hold_after = engine.heard.total() + N_BURSTS // 2
    request = {"files": {"file": recording}, "data": {"stream": "true"}}
    with server.http.stream("POST", f"{server.url}/transcribe", **request) as answer:
        assert (answer.headers["content-type"], answer.headers["x-accel-buffering"]) == ("text/event-stream", "no")
        pieces = answer.iter_text()
        text = ""
        while text.count("event: sentence") < N_BURSTS // 2 - 1:
            text += next(pieces)
        assert "event: done" not in text
        engine.hold_after = None
        text += "".join(pieces)
    events = events_of(text)
    whole = server.post("/transcribe", recording).json()
    name, done = events[-1]
    varying = {"timing": None, "cached": None}
    assert (name, {**done, **varying}) == ("done", {**whole, **varying})
    sentences = [data for name, data in events if name == "sentence"]
    assert [one.pop("index") for one in sentences] == list(range(N_BURSTS))
    assert sentences == whole["sentences"]
    progress = [data for name, data in events if name == "progress"]
    assert progress[-1] == {
        "recognized_ms": progress[-1]["recognized_ms"],
        "decoded_ms": 21_000,
        "duration_ms": 21_000,
    }


def test_asked_for_by_accept(server, recording):
    """A client that accepts events gets them, unless it names another format."""
    accepts = {"accept": "text/event-stream"}
    answer = server.post_raw("/transcribe", recording, headers=accepts)
    assert answer.headers["content-type"] == "text/event-stream"
    (name, done) = events_of(answer.text)[-1]
    assert (name, len(done["sentences"])) == ("done", N_BURSTS)
    subtitles = server.post_raw("/transcribe", recording, headers=accepts, format="srt")
    assert subtitles.headers["content-type"].startswith("application/x-subrip")


@pytest.mark.parametrize(
    ("data", "fields", "status", "code", "param"),
    [
        (b"no audio", {}, 415, "unsupported_format", "file"),
        (None, {"format": "srt"}, 400, "unsupported_parameter", "stream"),
        (None, {"peaks": "perhaps"}, 400, "invalid_value", "peaks"),
    ],
)
def test_failures_before_the_first_event(server, is_error, recording, data, fields, status, code, param):
    """They have the true status."""
    answer = server.post("/transcribe", recording if data is None else data, stream="true", **fields)
    is_error(answer, status, code, param=param)


def test_a_failure_amid_the_text(server, engine, recording):
    """It is the last event, with the one error body."""
    engine.hold_after = engine.heard.total()
    request = {"files": {"file": recording}, "data": {"stream": "true"}}
    with server.http.stream("POST", f"{server.url}/transcribe", **request) as answer:
        pieces = answer.iter_text()
        text = next(pieces)
        engine.failing.append(InferenceError("the model failed"))
        engine.hold_after = None
        text += "".join(pieces)
    name, data = events_of(text)[-1]
    assert (name, data["error"]["code"]) == ("error", "inference_failed")
    eventually(lambda: server.metric("paraserve_uploads_in_progress") == 0)


def test_peaks_are_those_of_the_samples(server):
    """Of a recording of no whole number of peaks, in blocks, from the first answer and from the result cache."""
    rng = np.random.default_rng(5)
    envelope = np.abs(np.sin(np.arange(16_000 * 61 + 700) / 9000))
    samples = (rng.uniform(-1, 1, len(envelope)) * envelope).astype(np.float32)
    data = wav_of(samples).getvalue()
    expected = numpy_peaks(soundfile.read(io.BytesIO(data), dtype="float32")[0])
    first, again = (server.post("/transcribe", data, peaks="true").json() for _ in range(2))
    assert again["cached"]
    assert values(first["peaks"]) == values(again["peaks"]) == expected
    assert len(expected) == 611
    events = events_of(server.post("/transcribe", data, peaks="true", stream="true").text)
    told = bytearray()
    for name, event in events:
        if name == "peaks":
            told[event["start"] : event["start"] + len(values(event))] = values(event)
    assert bytes(told) == values(events[-1][1]["peaks"]) == expected
    assert "peaks" not in server.post("/transcribe", data).json()


def test_peaks_of_a_compressed_recording(server):
    """They are those of what a child decodes, at any rate and of all channels mixed."""
    tone = np.repeat([0.1, 0.8, 0.3], 24_000 * 2) * np.sin(np.arange(144_000) / 20)
    file = io.BytesIO()
    soundfile.write(file, np.stack([tone, tone], 1), 48_000, format="OGG")
    peaks = np.frombuffer(values(server.post("/transcribe", file.getvalue(), peaks="true").json()["peaks"]), np.uint8)
    assert len(peaks) == 30
    np.testing.assert_allclose(peaks[[5, 15, 25]] / 255, [0.1, 0.8, 0.3], atol=0.03)


def test_peaks_of_split_channels(server):
    """The loudest channel counts; all sentences come before the end, with progress."""
    left, right = bursts(2, 300), bursts(2, 302)
    file = io.BytesIO()
    soundfile.write(file, np.stack([left, np.roll(right, 24_000)], 1), 16_000, format="WAV")
    answer = server.post("/transcribe", file.getvalue(), peaks="true", stream="true", channel="split")
    events = events_of(answer.text)
    assert [data["channel"] for name, data in events if name == "sentence"] == [0, 1, 0, 1]
    both = np.maximum(np.abs(left), np.abs(np.roll(right, 24_000)))
    heard = np.frombuffer(values(events[-1][1]["peaks"]), np.uint8).astype(int)
    assert np.abs(heard - np.frombuffer(numpy_peaks(both), np.uint8)).max() <= 1


def test_peaks_beside_other_formats(server, recording):
    """They are for JSON; others get a warning."""
    answer = server.post("/transcribe", recording, format="text", peaks="true")
    assert answer.headers["x-paraserve-warnings"] == "not_honoured peaks"
