"""Traces for OpenTelemetry: a real collector gets the spans of uploads, live sessions, calls and jobs."""

import json
import socket
import subprocess
import sys
import time
import uuid
from itertools import pairwise

import pytest

from paraserve.errors import InferenceError, ParaserveError
from paraserve.runtime.timeline import TIMELINE
from paraserve.server.telemetry.tracing import opening
from paraserve.settings import Settings
from support.audio_files import not_audio, pcm_wav
from support.fakes import FakeEngine
from support.grpc_client import audio_requests, free_port, grpc_client
from support.live import heard, live, silence, speech
from support.otlp_receiver import collector

VOICE = pcm_wav(speech(2000))
ALIKE_S = 0.002
"""Of times that are measured twice, or rounded."""


class TimedEngine(FakeEngine):
    """Notes its runs as the scheduler does."""

    async def recognize(self, audio, options, lane=None):
        began_s = time.monotonic()
        timed = await super().recognize(audio, options)
        if timeline := TIMELINE.get():  # None for readiness checks
            timeline.ran("recognize", began_s, 0.0, (time.monotonic() - began_s) * 1000, 1)
        return timed


class Parent:
    """A span of a client, in a trace of its own."""

    def __init__(self):
        self.trace_id, self.span_id = uuid.uuid4().hex, uuid.uuid4().hex[:16]

    @property
    def headers(self):
        return {"traceparent": f"00-{self.trace_id}-{self.span_id}-01"}


@pytest.fixture
def parent():
    return Parent()


@pytest.fixture(scope="module")
def traces():
    with collector() as running:
        yield running


@pytest.fixture(scope="module")
def engine():
    return TimedEngine()


@pytest.fixture(scope="module")
def grpc_port():
    return free_port()


@pytest.fixture(scope="module")
def server(serve_app, engine, traces, grpc_port, tmp_path_factory):
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", traces.url)
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        environment.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        with serve_app(
            engine, otel=True, grpc_port=grpc_port, data_dir=str(tmp_path_factory.mktemp("data"))
        ) as running:
            yield running


def assert_inside(parent, children):
    for child in children:
        assert parent.start_ns <= child.start_ns <= child.end_ns <= parent.end_ns, child.name


def test_upload(server, traces, parent):
    """The span of an upload belongs to the client's. Its stages follow each other, and add up to all of it."""
    answer = server.http.post(f"{server.url}/transcribe", content=VOICE, headers=parent.headers)
    assert answer.status_code == 200
    upload, parts = traces.trace(parent.trace_id, "POST /transcribe")
    assert upload.parent_id == parent.span_id
    assert_inside(upload, parts)
    stages = [one for one in parts if not one.name.startswith(("queue ", "run "))]
    assert {"receive", "decode", "detect", "recognize", "punctuate", "render"} <= {one.name for one in stages}
    for before, after in pairwise(stages):
        assert before.end_ns <= after.start_ns + ALIKE_S * 1e9
    assert sum(one.seconds for one in stages) == pytest.approx(upload.seconds, rel=0.2, abs=0.02)
    assert {"queue recognize", "run recognize"} <= {one.name for one in parts}
    assert upload.attributes == {
        "http.request.method": "POST",
        "http.route": "/transcribe",
        "http.response.status_code": 200,
        "paraserve.request_id": answer.headers["x-request-id"],
        "paraserve.model": "demo",
        "paraserve.bytes": len(VOICE),
        "paraserve.audio_ms": 2000,
        "paraserve.is_cut": False,
    }
    assert upload.resource["service.name"] == "paraserve"
    assert upload.resource["deployment.environment.name"] == "test"


def test_events(server, traces, parent):
    """An answer in events is one request, to the end of its events."""
    fields = {"files": {"file": VOICE}, "data": {"stream": "true"}}
    answer = server.http.post(f"{server.url}/transcribe", **fields, headers=parent.headers)
    assert "event: sentence" in answer.text
    upload, parts = traces.trace(parent.trace_id, "POST /transcribe")
    assert_inside(upload, parts)
    assert upload.attributes["paraserve.audio_ms"] == 2000


@pytest.mark.parametrize(
    ("body", "error", "status", "is_error"),
    [(not_audio()["png"], None, 415, False), (VOICE, InferenceError("it broke"), 500, True)],
    ids=["client's", "server's"],
)
def test_errors(server, engine, traces, parent, body, error, status, is_error):
    """The code of the answer is the span's `error.type`. The span has failed if the server has."""
    engine.error = error
    try:
        answer = server.http.post(f"{server.url}/transcribe", content=body, headers=parent.headers)
    finally:
        engine.error = None
    upload, _ = traces.trace(parent.trace_id, "POST /transcribe")
    assert (answer.status_code, upload.attributes["http.response.status_code"]) == (status, status)
    assert upload.attributes["error.type"] == answer.json()["error"]["code"]
    assert upload.is_error == is_error


def test_live_session(server, traces, parent):
    """A live session has a span, and below it one for each final text with what was received and sent for it."""
    with live(server.url, additional_headers=parent.headers) as client:
        for _ in range(2):
            client.utterance(speech(700) + silence(900))
    session, texts = traces.trace(parent.trace_id, "live session")
    assert session.parent_id == parent.span_id
    assert [one.attributes["paraserve.utterance"] for one in texts] == [1, 1, 2, 2]
    assert_inside(session, texts)
    for text in texts:
        assert_inside(text, traces.below(text))
    parts = {part.name for text in texts for part in traces.below(text)}
    assert {"receive", "queue recognize", "run recognize", "send final text"} <= parts
    spoken = next(one for one in texts if one.attributes["paraserve.audio_ms"])
    assert spoken.attributes["paraserve.delay_ms"] <= spoken.seconds * 1000 + 1
    facts = {name.removeprefix("paraserve."): value for name, value in session.attributes.items()}
    assert (facts["protocol"], facts["mode"], facts["utterances"], facts["close_code"]) == (
        "FunASR",
        "2pass",
        2,
        1000,
    )
    assert (facts["audio_ms"], facts["bytes"]) == (3200, 3200 * 32)


def test_calls(server, traces, grpc_port):
    """Metadata of gRPC says where a call belongs, for recordings and for streams."""
    for name, call in (
        ("POST /transcribe", lambda client: client.transcribe(audio_data=VOICE)),
        ("live session", lambda client: list(client.stream(audio_requests(speech(700) + silence(900))))),
    ):
        parent = Parent()
        with grpc_client(grpc_port, *parent.headers.items()) as client:
            call(client)
        span, below = traces.trace(parent.trace_id, name)
        assert span.parent_id == parent.span_id
        assert below


def test_job(server, traces, parent):
    """The run of a job belongs to the request that submitted it."""
    path = server.http.post(f"{server.url}/v1/jobs", content=VOICE, headers=parent.headers).headers["location"]
    assert server.get(f"{path}?wait_s=60").json()["state"] == "done"
    submission, _ = traces.trace(parent.trace_id, "POST /v1/jobs")
    job, parts = traces.trace(parent.trace_id, "job")
    assert (submission.parent_id, job.parent_id) == (parent.span_id, submission.span_id)
    assert_inside(job, parts)
    assert "run recognize" in {one.name for one in parts}
    facts = (job.attributes[f"paraserve.{name}"] for name in ("job_id", "outcome", "audio_ms", "attempt"))
    assert list(facts) == [path.rsplit("/", 1)[1], "done", 2000, 1]


def test_reads_are_not_traced(server, traces, parent):
    """Health checks and the like would be most of all spans."""
    server.http.get(f"{server.url}/readyz", headers=parent.headers)
    server.http.post(f"{server.url}/transcribe", content=VOICE, headers=parent.headers)
    traces.trace(parent.trace_id, "POST /transcribe")
    assert not [one for one in traces.spans if one.name.startswith("GET")]


def test_nothing_that_was_said(server, traces, parent):
    """Neither texts nor hotwords, file names or keys are in what is sent."""
    fields = {"files": {"file": ("secret-name.wav", VOICE)}, "data": {"hotwords": "sesame"}}
    answer = server.http.post(
        f"{server.url}/transcribe", **fields, headers={**parent.headers, "authorization": "Bearer hidden-key"}
    )
    assert answer.json()["text"] == heard(2000)
    traces.trace(parent.trace_id, "POST /transcribe")
    for word in (heard(2000), "secret-name", "sesame", "hidden-key"):
        assert word.encode() not in traces.raw


@pytest.mark.parametrize("fault", ["refuses", "hangs"])
def test_a_collector_that_is_dead(serve_app, monkeypatch, fault):
    """Requests are served, and the end of the server waits for no more than a part of the drain time."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        if fault == "hangs":
            listening.listen()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{listening.getsockname()[1]}")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "600")
        with serve_app(TimedEngine(), otel=True, drain_timeout_s=5) as running:
            for _ in range(3):
                assert running.post("/transcribe", VOICE).status_code == 200
            began_s = time.monotonic()
        assert time.monotonic() - began_s < 20


def test_the_extra_is_named(monkeypatch):
    """Without its packages the server does not start, and says what to install. Without traces nobody misses them."""
    monkeypatch.setattr(opening, "find_spec", lambda name: None)
    with pytest.raises(ParaserveError, match=r"pip install 'paraserve\[otel\]'"):
        opening.open_tracer(Settings(otel=True))
    assert opening.open_tracer(Settings()) is None


def test_a_variable_that_cannot_be_used(monkeypatch):
    """The message says so before any model is loaded."""
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-1")
    with pytest.raises(ParaserveError, match="OpenTelemetry"):
        opening.open_tracer(Settings(otel=True))


@pytest.mark.full
def test_a_server_process(start_server, samples, monkeypatch, parent):
    """Log lines have the id of the trace. What was not sent yet when the server is stopped is sent before its end."""
    with collector() as late:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", late.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "600000")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "captions")
        running = start_server(otel=True, slow_request_s=0, slow_result_s=0)
        sample = samples["zh"] if "zh" in samples else next(iter(samples.values()))
        assert running.http.post(f"{running.url}/transcribe", content=sample.data, headers=parent.headers).json()
        with live(running.url, additional_headers=parent.headers) as client:
            client.utterance(sample.data[44:])
        assert late.spans == []
        running.process.terminate()
        assert running.wait(30) == 0
        upload, parts = late.trace(parent.trace_id, "POST /transcribe")
        late.trace(parent.trace_id, "live session")
    assert {"run vad", "run recognize", "queue recognize"} <= {one.name for one in parts}
    assert upload.resource["service.name"] == "captions"
    lines = [json.loads(line) for line in running.log.splitlines() if line.startswith("{")]
    traced = {line["event"] for line in lines if line.get("trace_id") == parent.trace_id}
    assert {"request", "slow request", "slow result", "live session"} <= traced


@pytest.mark.full
@pytest.mark.parametrize("sampler", ["always_off", "parentbased_always_off"])
def test_sampling(serve_app, traces, parent, monkeypatch, sampler):
    """What share is traced is the SDK's choice. A client's own choice counts where the sampler lets it."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", traces.url)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    with serve_app(TimedEngine(), otel=True) as running:
        running.http.post(f"{running.url}/transcribe", content=VOICE)
        running.http.post(f"{running.url}/transcribe", content=VOICE, headers=parent.headers)
    found = [one.name for one in traces.spans if one.trace_id == parent.trace_id and one.parent_id == parent.span_id]
    assert found == ([] if sampler == "always_off" else ["POST /transcribe"])


@pytest.mark.full
def test_off_costs_nothing():
    """A server without traces imports neither the SDK nor what makes spans. FastAPI imports the interface."""
    program = (
        "import sys; from paraserve.server.app import create_app; from paraserve.settings import Settings; "
        "app = create_app(Settings()); assert app.state.tracer is None; "
        "costly = ('opentelemetry.sdk', 'opentelemetry.exporter', 'paraserve.server.telemetry.tracing.tracer'); "
        "print([name for name in sys.modules if name.startswith(costly)])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
