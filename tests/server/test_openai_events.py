"""`stream=true`: text as sentences become final, errors amid it, and clients that leave."""

import io
import itertools
import json

import numpy as np
import pytest
import soundfile
from openai import APIError, BadRequestError, OpenAI

from paraserve.errors import InferenceError
from support.live import eventually
from support.loud_engine import LoudEngine, bursts, wav_of

PATH = "/v1/audio/transcriptions"
N_BURSTS = 6
DELTA, SEGMENT, DONE = "transcript.text.delta", "transcript.text.segment", "transcript.text.done"
firsts = itertools.count(step=N_BURSTS)


@pytest.fixture(scope="module")
def engine():
    return LoudEngine()


@pytest.fixture(scope="module")
def server(serve_app, engine):
    with serve_app(engine, result_cache="memory") as running:
        yield running


@pytest.fixture(scope="module")
def client(server):
    with OpenAI(base_url=f"{server.url}/v1", api_key="-", max_retries=0) as made:
        yield made


@pytest.fixture
def recording():
    """Bursts that no other test has."""
    return wav_of(bursts(N_BURSTS, next(firsts))).getvalue()


@pytest.fixture
def held(engine):
    """Half of the bursts of the next recording are recognized, the others are not. The function lets them go on."""
    engine.hold_after = engine.heard.total() + N_BURSTS // 2

    def release():
        engine.hold_after = None

    yield release
    release()


def transcribe(client, recording, **fields):
    """The events as they come."""
    return client.audio.transcriptions.create(model="auto", file=("a.wav", recording), stream=True, **fields)


def test_events_come_as_sentences_finish(server, client, recording, held):
    """Deltas come while the rest is being recognized. Together they are the text, and the last event has all."""
    stream = transcribe(client, recording)
    early = [next(stream) for _ in range(N_BURSTS // 2 - 1)]
    held()
    *late, done = stream
    assert {one.type for one in (*early, *late)} == {DELTA}
    assert len(early) + len(late) == N_BURSTS
    answer = server.post(PATH, recording).json()
    assert "".join(one.delta for one in (*early, *late)) == done.text == answer["text"]
    assert done.model_dump(exclude_unset=True) == {"type": DONE} | answer
    assert done.usage.seconds == 21


def test_segments_and_words(server, client, recording):
    """`verbose_json` adds the times of each sentence to the events, and `word` those of its words."""
    fields = {"response_format": "verbose_json", "timestamp_granularities": ["word", "segment"]}
    *events, done = transcribe(client, recording, **fields)
    answer = server.post(PATH, recording, **fields).json()
    assert done.model_dump(exclude_unset=True) == {"type": DONE} | answer
    segments = [one for one in events if one.type == SEGMENT]
    assert [(one.start, one.end, one.text) for one in segments] == [
        (one["start"], one["end"], one["text"]) for one in answer["segments"]
    ]
    assert [word for one in segments for word in one.words] == answer["words"]
    assert [one.segment_id for one in events if one.type == DELTA] == [one.id for one in segments]


def test_probabilities(client, recording):
    """`logprobs` come with each delta, and all of them at the end."""
    *deltas, done = transcribe(client, recording, include=["logprobs"])
    told = [one.model_dump() for delta in deltas for one in delta.logprobs]
    assert told == [one.model_dump() for one in done.logprobs]
    assert len(done.logprobs) == N_BURSTS


def test_a_kept_result_in_events(server, recording):
    """A result of the cache has the same events, all at once."""
    first, second = (server.post(PATH, recording, stream="true") for _ in range(2))
    assert second.text == first.text
    assert first.text.count("data: ") == N_BURSTS + 1
    assert server.metric('paraserve_result_cache_total{outcome="hit"}') >= 1


def test_silence_has_one_event(client):
    """Without speech the last event is the only one."""
    (done,) = transcribe(client, wav_of(np.zeros(16_000, np.float32)).getvalue())
    assert (done.type, done.text, done.languages) == (DONE, "", [])


def test_no_proxy_holds_events_back(server, recording):
    """The headers say so. Warnings that are known at the beginning are in their header, all of them at the end."""
    answer = server.post(PATH, recording, stream="true", beam_size="5")
    assert (answer.headers["content-type"], answer.headers["x-accel-buffering"]) == ("text/event-stream", "no")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-paraserve-warnings"] == "unknown_field beam_size"
    done = json.loads(answer.text.strip().rpartition("data: ")[2])
    assert [one["param"] for one in done["warnings"]] == ["beam_size"]


@pytest.mark.parametrize(
    ("data", "fields", "status", "code", "param"),
    [
        (b"no audio", {}, 415, "unsupported_format", "file"),
        (b"", {}, 400, "empty_file", "file"),
        (None, {"response_format": "srt"}, 400, "unsupported_parameter", "stream"),
        (None, {"response_format": "diarized_json"}, 400, "unsupported_parameter", "response_format"),
        (None, {"language": "klingon"}, 400, "invalid_value", "language"),
    ],
)
def test_failures_before_the_first_event(server, is_error, recording, data, fields, status, code, param):
    """They have the true status, as without events."""
    answer = server.post(PATH, recording if data is None else data, stream="true", **fields)
    is_error(answer, status, code, param=param)


def test_the_types_of_refusals(client, recording):
    """OpenAI's package raises its own error, with code and field."""
    with pytest.raises(BadRequestError) as refused:
        transcribe(client, recording, known_speaker_names=["agent"])
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "known_speaker_names")


def test_a_failure_amid_the_text(server, client, engine, recording, held):
    """It is an event `error` with the one error body, after which the answer ends as it should."""
    stream = transcribe(client, recording)
    next(stream)
    engine.failing.append(InferenceError("the model failed"))
    held()
    with pytest.raises(APIError) as failed:
        list(stream)
    assert failed.value.body["code"] == "inference_failed"
    assert set(failed.value.body) == {"message", "type", "param", "code", "request_id"}
    assert server.metric("paraserve_uploads_in_progress") == 0


def test_a_deadline_amid_the_text(client, recording, held):
    """The client's own limit ends an answer that has begun."""
    with pytest.raises(APIError) as failed:
        list(transcribe(client, recording, extra_body={"timeout": 1}))
    assert (failed.value.body["code"], failed.value.body["param"]) == ("request_timeout", "timeout")
    held()


def test_a_client_that_leaves(server, client, engine, recording, held):
    """Its work is cancelled and its place is free."""
    stream = transcribe(client, recording)
    next(stream)
    assert server.metric("paraserve_uploads_in_progress") == 1
    n_heard = engine.heard.total()
    stream.close()
    eventually(lambda: server.metric("paraserve_uploads_in_progress") == 0)
    held()
    assert server.post(PATH, wav_of(bursts(1, 400)).getvalue()).status_code == 200
    assert engine.heard.total() == n_heard + 1


def test_speakers(server, client):
    """Channels are speakers: each segment has its own, and each turn is a line behind it."""
    first, second = bursts(2, 300), bursts(2, 302)
    stereo = np.stack([first, np.roll(second, 24_000)], axis=1)
    data = stereo_wav(stereo)
    fields = {"response_format": "diarized_json", "extra_body": {"channel": "split"}}
    whole = client.audio.transcriptions.create(model="auto", file=("a.wav", data), **fields)
    *events, done = transcribe(client, data, **fields)
    assert [one.speaker for one in whole.segments] == ["A", "B", "A", "B"]
    assert whole.text == "\n".join(f"{one.speaker}: {one.text}" for one in whole.segments)
    assert whole.duration == 7.0
    assert "".join(one.delta for one in events[::2]) == done.text == whole.text
    assert [one.model_dump() for one in events[1::2]] == [one.model_dump() for one in whole.segments]


def stereo_wav(samples):
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, format="WAV")
    return file.getvalue()
