"""gRPC clients: our own services and Riva's, with the keys, limits and errors of all clients."""

import hashlib
import threading
import time
from itertools import pairwise

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from hypothesis import given, settings
from hypothesis import strategies as st

from paraserve.server.protocols.generated import paraserve_pb2 as own
from paraserve.server.protocols.generated import riva_asr_pb2 as riva
from paraserve.types import Hypothesis, Token
from support.audio_files import pcm_wav
from support.certificates import self_signed
from support.fakes import FakeEngine
from support.grpc_client import (
    RECOGNIZE,
    RIVA_CONFIG,
    TRANSCRIBE,
    audio_requests,
    free_port,
    grpc_client,
    metadata_of,
    riva_requests,
)
from support.live import heard, silence, speech

ONE_ANSWER = (TRANSCRIBE, RECOGNIZE, RIVA_CONFIG)
SERVICES = ("paraserve.v1.ASRService", "paraserve.v1.Recognizer", "nvidia.riva.asr.RivaSpeechRecognition")
SETTLE_S = 15


@pytest.fixture(scope="module")
def engine():
    """What the server of this module recognizes with."""
    return FakeEngine()


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module")
def server(serve_app, engine, port):
    """Takes messages of 200 kB and one live client at a time, which has half a second to read."""
    limits = {"max_frame_bytes": 200_000, "max_live": 1, "max_uploads": 1, "send_timeout_s": 0.5}
    with serve_app(engine, grpc_port=port, **limits) as running:
        yield running


@pytest.fixture
def client(server, port):
    """A client of it, once nobody else is there."""
    wait_until(lambda: server.metric("paraserve_live_sessions") == 0)
    with grpc_client(port) as connected:
        yield connected


def wait_until(is_so):
    deadline = time.monotonic() + SETTLE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def digest(key):
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def failure(call):
    """The status of a call that fails."""
    with pytest.raises(grpc.RpcError) as failed:
        call()
    return failed.value


def error_of(call):
    """Status and code of a call that fails with an error of ours."""
    error = failure(call)
    return error.code(), metadata_of(error)["error-code"]


def test_recording(client):
    """Text, words and times are those of an upload; other fields go by their names; raw audio needs its rate."""
    wav, words = pcm_wav(speech(1000)), heard(1000)
    answer = client.transcribe(audio_data=wav)
    (sentence,) = answer.sentences
    assert (answer.text, sentence.text, answer.duration_ms, answer.confidence) == (words, words, 1000, 0.5)
    assert [(token.text, token.start_ms, token.end_ms) for token in sentence.tokens] == [(words, 0, 1000)]
    raw = client.transcribe(audio_data=speech(500), sample_rate=16000, hotwords=["a:30"], fields={"beam_size": "5"})
    assert raw.text == heard(500)
    assert [(one.code, one.param) for one in raw.warnings] == [("unknown_field", "beam_size")]
    assert raw.facts["speech_ms"] == 500


def test_stream(client):
    """Utterance after utterance: partial texts, the final one, one end each; the call ends with the requests."""
    settings = own.StreamRequest(settings=own.Settings(speech_events=True))
    end = own.StreamRequest(end_utterance=own.EndUtterance())
    utterance = [*audio_requests(speech(1200) + silence(900) + speech(600, 4000)), end]
    call = client.stream([settings, *utterance, *utterance])
    events = list(call)
    kinds = [event.WhichOneof("event") for event in events]
    assert (kinds[0], kinds[-1], kinds.count("finished"), kinds.count("speech_change")) == (
        "configured", "finished", 2, 8,
    )  # fmt: skip
    assert any(event.partial.text for event in events)
    segments = [event.segment for event in events if event.HasField("segment")]
    assert [one.text.strip() for one in segments].count(heard(600, 4000)) == 2
    assert sum(one.is_last for one in segments) == 2
    assert call.code() is grpc.StatusCode.OK


def test_end_of_the_requests_ends_the_utterance(client):
    """Whether or not the client ends it itself. Its commit ends a segment."""
    events = list(client.stream([*audio_requests(speech(500)), own.StreamRequest(commit=own.Commit())]))
    segments = [event.segment for event in events if event.HasField("segment")]
    assert [one.is_committed for one in segments] == [True, False]
    assert events[-1].HasField("finished")
    assert list(client.stream([])) == []


def test_cleared_utterance(client):
    """No text of its open speech comes, and the next one is heard."""
    clear = own.StreamRequest(clear=own.Clear())
    requests = [clear, *audio_requests(speech(500)), clear, *audio_requests(speech(300, 4000))]
    events = list(client.stream(requests))
    assert [event.cleared.ends_utterance for event in events if event.HasField("cleared")] == [False, True]
    assert [event.segment.text for event in events if event.segment.text] == [heard(300, 4000)]
    assert sum(event.HasField("finished") for event in events) == 1


def test_one_text_of_a_recording(client):
    """Mode offline, with the settings of FunASR's protocol."""
    settings = own.StreamRequest(settings=own.Settings(mode="offline", wav_format="wav"))
    events = list(client.stream([settings, *audio_requests(pcm_wav(speech(800)))]))
    (segment,) = (event.segment for event in events if event.HasField("segment"))
    assert (segment.text, segment.end_ms, segment.is_last) == (heard(800), 800, True)


def test_mistakes_in_a_stream(client):
    """Each is told, and the call goes on. What has no effect is a warning."""
    settings = own.Settings(mode="nonsense", merge_vad=True, model="nobody")
    events = list(client.stream([own.StreamRequest(settings=settings), own.StreamRequest()]))
    configured, *errors = events
    assert [one.param for one in configured.warnings] == ["merge_vad"]
    assert [event.error.code for event in errors] == ["unknown_mode", "invalid_message"]
    assert not any(event.error.ends_utterance for event in errors)


def test_riva_stream(client):
    """Interim results grow, the final ones have words with times in ms, and the utterance ends with the requests."""
    audio = speech(1800) + silence(900) + speech(600, 4000)
    call = client.riva_stream(riva_requests(audio, sample_rate_hertz=16000, enable_word_time_offsets=True))
    results = [response.results[0] for response in call]
    finals = [one for one in results if one.is_final]
    interim = [one.alternatives[0].transcript for one in results[: results.index(finals[0])]]
    assert len(interim) >= 2
    assert all(later.startswith(earlier) for earlier, later in pairwise(interim))
    assert len(finals) == 2
    assert finals[1].alternatives[0].transcript.strip() == heard(600, 4000)
    (word,) = finals[1].alternatives[0].words
    assert (word.start_time, word.end_time, word.confidence) == (2700, 3300, 0.5)
    assert finals[1].audio_processed == pytest.approx(3.3)
    assert metadata_of(call) == {}


def test_riva_stream_without_interim_results(client):
    """Final results alone, without words."""
    call = client.riva_stream(riva_requests(speech(1000), interim_results=False, max_alternatives=4))
    ((result,),) = (response.results for response in call)
    assert (result.is_final, list(result.alternatives[0].words)) == (True, [])
    assert metadata_of(call) == {"x-paraserve-warnings": "not_honoured max_alternatives"}


def test_riva_recording(client):
    """A file, and raw audio as the settings say."""
    for audio, config in ((pcm_wav(speech(700)), {}), (speech(700), {"encoding": 1, "sample_rate_hertz": 16000})):
        (result,) = client.recognize(audio, enable_word_time_offsets=True, **config).results
        (alternative,) = result.alternatives
        assert (alternative.transcript, alternative.words[0].end_time) == (heard(700), 700)


def test_riva_models(client):
    """Each for live speech and for recordings, by its name as well."""
    listed = client.models()
    assert [one.parameters["type"] for one in listed.model_config] == ["online", "offline"]
    name = listed.model_config[0].model_name
    assert client.models(name) == listed
    assert error_of(lambda: client.models("nobody")) == (grpc.StatusCode.NOT_FOUND, "model_not_found")


def test_refused_values(client):
    """The status says what is wrong, the metadata which field."""
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    error = failure(lambda: client.recognize(speech(100), language_code="klingon"))
    assert (error.code(), metadata_of(error)["error-param"]) == (invalid, "language_code")
    error = failure(lambda: list(client.riva_stream(riva_requests(b"", sample_rate_hertz=1))))
    assert (error.code(), metadata_of(error)["error-param"]) == (invalid, "sample_rate_hertz")
    assert error_of(lambda: client.transcribe(audio_data=b"no audio")) == (invalid, "unsupported_format")
    assert error_of(lambda: client.transcribe(model="nobody")) == (grpc.StatusCode.NOT_FOUND, "model_not_found")
    first = [riva.StreamingRecognizeRequest(audio_content=speech(10))]
    assert error_of(lambda: list(client.riva_stream(first))) == (invalid, "invalid_message")
    for method in ONE_ANSWER:
        assert error_of(lambda method=method: client.raw(method, [])) == (invalid, "invalid_message")


def test_request_id(client):
    """The client's own, or a new one, comes first of all."""
    _, call = client.call(TRANSCRIBE, own.TranscribeRequest(audio_data=pcm_wav(speech(100))), own.TranscribeResponse)
    assert len(dict(call.initial_metadata())["x-request-id"]) == 32
    events = client.stream([own.StreamRequest()])
    assert next(events).error.request_id == dict(events.initial_metadata())["x-request-id"]


def test_too_large_message(client):
    """gRPC itself says so."""
    for call in (
        lambda: client.transcribe(audio_data=bytes(200_001)),
        lambda: list(client.stream([own.StreamRequest(audio=bytes(200_001))])),
    ):
        assert failure(call).code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def held_open(stop):
    """Requests of a client that says something and then waits."""
    yield own.StreamRequest(audio=speech(100))
    stop.wait(SETTLE_S)


def test_full(client, server, engine):
    """One live client and one recording at a time: others are told when to try again."""
    stop = threading.Event()
    first = client.stream(held_open(stop))
    wait_until(lambda: server.metric("paraserve_live_sessions") == 1)
    for call in (lambda: list(client.stream([])), lambda: list(client.riva_stream([]))):
        error = failure(call)
        assert (error.code(), metadata_of(error)["error-code"]) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "overloaded")
        assert int(metadata_of(error)["retry-after"]) >= 1
    stop.set()
    assert any(event.segment.text for event in first)
    engine.is_held = True
    waiting = threading.Thread(target=client.transcribe, kwargs={"audio_data": pcm_wav(speech(100))})
    waiting.start()
    wait_until(lambda: server.metric("paraserve_uploads_in_progress") == 1)
    full = error_of(lambda: client.transcribe(audio_data=pcm_wav(speech(100))))
    engine.is_held = False
    waiting.join()
    assert full == (grpc.StatusCode.RESOURCE_EXHAUSTED, "overloaded")


@pytest.mark.parametrize("is_held", [False, True])
def test_clients_that_leave(client, server, engine, is_held):
    """A call that is cancelled, or whose time is over, leaves nothing behind, whatever the models are doing."""
    stop, engine.is_held = threading.Event(), is_held
    call = client.stream(held_open(stop), timeout_s=0.5)
    assert failure(lambda: list(call)).code() is grpc.StatusCode.DEADLINE_EXCEEDED
    wait_until(lambda: server.metric("paraserve_live_sessions") == 0)
    call = client.stream(held_open(stop))
    wait_until(lambda: server.metric("paraserve_live_sessions") == 1)
    call.cancel()
    wait_until(lambda: server.metric("paraserve_live_sessions") == 0)
    engine.is_held = False
    stop.set()
    wait_until(lambda: engine.open_streams == 0)


def test_client_that_reads_nothing(client, server, engine):
    """It loses its place after half a second, and is told so once it reads."""
    text = "x" * 100_000
    engine.hears = lambda _: Hypothesis((Token(text, 0, 100),), (0,), text)
    call = client.stream(own.StreamRequest(audio=speech(300) + silence(400)) for _ in range(1000))
    wait_until(lambda: server.metric("paraserve_live_sessions") == 1)
    wait_until(lambda: server.metric("paraserve_live_sessions") == 0)
    engine.hears = None
    assert error_of(lambda: list(call)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "slow_client")


def test_figures(client, server):
    """Calls are counted by method and status."""
    sample = 'paraserve_grpc_calls_total{method="paraserve.v1.Recognizer/Stream",status="OK"}'
    before = server.metric(sample)
    list(client.stream([]))
    wait_until(lambda: server.metric(sample) == before + 1)


@pytest.mark.parametrize("method", ONE_ANSWER)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_any_request(server, port, method, data):
    """Every one has an answer or an error of ours, and the server serves on."""
    message = data.draw(st.binary(max_size=200) | hostile_messages(method))
    with grpc_client(port) as client:
        error = None
        try:
            client.raw(method, [message], timeout_s=20)
        except grpc.RpcError as raised:
            error = raised
        if error is not None:
            assert error.code() in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}, error
            assert metadata_of(error)["error-code"]


def hostile_messages(method):
    """Messages of the right kind with any values."""
    numbers, texts = st.integers(-(2**31), 2**31 - 1), st.text(max_size=30)
    config = st.builds(
        riva.RecognitionConfig,
        encoding=st.integers(-1, 30),
        sample_rate_hertz=numbers,
        language_code=texts,
        audio_channel_count=numbers,
        model=texts,
        speech_contexts=st.lists(st.builds(riva.SpeechContext, phrases=st.lists(texts), boost=st.floats(width=32))),
        endpointing_config=st.builds(riva.EndpointingConfig, stop_history=numbers),
        enable_separate_recognition_per_channel=st.booleans(),
    )
    kinds = {
        RECOGNIZE: st.builds(riva.RecognizeRequest, config=config, audio=st.binary(max_size=100)),
        TRANSCRIBE: st.builds(
            own.TranscribeRequest,
            audio_data=st.binary(max_size=100),
            sample_rate=numbers,
            language=texts,
            fields=st.dictionaries(texts, texts, max_size=3),
        ),
        RIVA_CONFIG: st.builds(riva.RivaSpeechRecognitionConfigRequest, model_name=texts),
    }
    return kinds[method].map(lambda message: message.SerializeToString())


def test_health_and_reflection(server, port):
    """Both without a key; a watcher is told at once."""
    with grpc_client(port) as client:
        health = HealthStub(client.channel)
        for service in ("", *SERVICES):
            assert health.Check(HealthCheckRequest(service=service)).status == HealthCheckResponse.SERVING
        error = failure(lambda: health.Check(HealthCheckRequest(service="nobody")))
        assert error.code() is grpc.StatusCode.NOT_FOUND
        watching = health.Watch(HealthCheckRequest())
        assert next(watching).status == HealthCheckResponse.SERVING
        watching.cancel()
        described = ProtoReflectionDescriptorDatabase(client.channel)
        assert set(SERVICES) < set(described.get_services())
        assert described.FindFileContainingSymbol("paraserve.v1.StreamRequest").package == "paraserve.v1"


def test_keys_over_tls(serve_app, tmp_path):
    """A key comes in the metadata, and nothing is served without a good one. A new certificate counts at once."""
    certificate, port, path = self_signed(tmp_path), free_port(), tmp_path / "keys"
    path.write_text(f"a {digest('good')}\nb {digest('narrow')} scopes=metrics\n")
    files = {"certfile": str(certificate.certfile), "keyfile": str(certificate.keyfile)}
    with serve_app(FakeEngine(), grpc_port=port, api_keys_file=str(path), max_wrong_keys=0, **files):
        trusted = certificate.certfile.read_bytes()
        for name, value in (("authorization", "Bearer good"), ("x-api-key", "good"), ("api-key", "good")):
            with grpc_client(port, (name, value), certificate=trusted) as client:
                assert client.transcribe(audio_data=pcm_wav(speech(100))).text == heard(100)
        assert_refused(port, trusted, (), grpc.StatusCode.UNAUTHENTICATED, "missing_api_key")
        assert_refused(port, trusted, (("x-api-key", "bad"),), grpc.StatusCode.UNAUTHENTICATED, "invalid_api_key")
        assert_refused(port, trusted, (("x-api-key", "narrow"),), grpc.StatusCode.PERMISSION_DENIED, "missing_scope")
        with grpc_client(port, certificate=trusted) as client:
            assert HealthStub(client.channel).Check(HealthCheckRequest()).status == HealthCheckResponse.SERVING
        self_signed(tmp_path)
        renewed = certificate.certfile.read_bytes()
        with grpc_client(port, ("x-api-key", "good"), certificate=renewed) as client:
            assert client.models().model_config
        with grpc_client(port, certificate=trusted) as client:
            assert failure(client.models).code() is grpc.StatusCode.UNAVAILABLE


def assert_refused(port, certificate, metadata, status, code):
    """Recordings and live speech alike."""
    with grpc_client(port, *metadata, certificate=certificate) as client:
        assert error_of(lambda: client.transcribe(audio_data=speech(10))) == (status, code)
        assert error_of(lambda: list(client.stream([]))) == (status, code)
        assert error_of(lambda: list(client.riva_stream([]))) == (status, code)


def test_stop(serve_app):
    """Who speaks gets the last text, then UNAVAILABLE; who watches the health is told; nobody else gets in."""
    port, said = free_port(), threading.Event()

    def speaking():
        yield own.StreamRequest(audio=speech(600))
        said.set()
        threading.Event().wait(SETTLE_S)

    with grpc_client(port) as client:
        with serve_app(FakeEngine(), grpc_port=port) as running:
            watching = HealthStub(client.channel).Watch(HealthCheckRequest())
            assert next(watching).status == HealthCheckResponse.SERVING
            call = client.stream(speaking())
            said.wait(SETTLE_S)
            wait_until(lambda: running.metric("paraserve_live_sessions") == 1)
        events, error = [], None
        try:
            events.extend(call)
        except grpc.RpcError as failed:
            error = failed
        assert (error.code(), metadata_of(error)["error-code"]) == (grpc.StatusCode.UNAVAILABLE, "shutting_down")
        assert [one.status for one in watching] == [HealthCheckResponse.NOT_SERVING]
        assert failure(lambda: list(client.stream([]))).code() is grpc.StatusCode.UNAVAILABLE
