"""`/metrics`: each figure counts what it says, labels stay few, and the documentation has them all."""

import contextlib
import re
import shutil
import tempfile
from pathlib import Path

import pytest

from paraserve.server.telemetry.metrics import Metrics
from support.audio_files import not_audio, pcm_wav
from support.fakes import FakeEngine
from support.live import eventually, heard, live, silence, speech

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"


def names_of(metrics):
    """As Prometheus sees them: a counter's end in _total."""
    families = metrics.registry.collect()
    return {family.name + ("_total" if family.type == "counter" else "") for family in families}


def test_documentation():
    """docs/metrics.md has every metric, and no other."""
    assert set(re.findall(r"`(paraserve_\w+)`", PAGE.read_text("utf-8"))) == names_of(Metrics())


def test_questions_ask_for_what_there_is():
    """The queries of docs/metrics.md name metrics that exist."""
    asked = set(re.findall(r"\((paraserve_\w+)\[", PAGE.read_text("utf-8")))
    assert asked
    assert {name.removesuffix("_bucket") for name in asked} <= names_of(Metrics())


@pytest.fixture
def count(fake_server):
    """The value of a metric with its labels, 0 before there is one."""

    def count(name, server=fake_server):
        found = re.search(rf"^paraserve_{re.escape(name)} (\S+)$", server.get("/metrics").text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    return count


def test_labels_stay_few(fake_server, count):
    """Paths, methods and close codes of a client's own invention do not become labels."""
    for n in range(20):
        fake_server.get(f"/none/{n}")
        fake_server.get("/livez", ("PROPFIND", "LOCK", "MKCOL", "PURGE")[n % 4])
        with live(fake_server.url) as client:
            client.ws.close(3000 + n)
    eventually(lambda: count('live_closes_total{code="other"}') == 20)
    text = fake_server.get("/metrics").text
    assert not re.search(r'none/|PROPFIND|"30\d\d"', text)
    assert count('http_requests_total{method="GET",route="unmatched",status="404"}') == 20
    assert re.search(r'http_requests_total{method="other",route="[^"]*",status="405"} 20', text)


def test_uploads(fake_server, count):
    """Audio, speed and stages of good recordings; the reasons of bad ones."""
    for _ in range(3):
        assert fake_server.post("/transcribe", pcm_wav(speech(2000))).status_code == 200
    assert fake_server.post("/transcribe", not_audio()["png"]).status_code == 415
    assert count("audio_seconds_total") == 6
    assert count("real_time_factor_count") == 3
    assert [count(f'stage_seconds_count{{stage="{stage}"}}') for stage in ("receive", "decode")] == [4, 3]
    assert count('decode_failures_total{code="unsupported_format"}') == 1
    assert count("uploads_in_progress") == 0


def test_live(fake_server, count):
    """Open sessions, results and how they ended."""
    with live(fake_server.url) as client:
        assert client.utterance(speech(700))[-1]["text"] == heard(700)
        assert count("live_sessions") == 1
    eventually(lambda: count("live_sessions") == 0)
    assert count('live_results_total{kind="final"}') == count('live_latency_seconds_count{kind="final"}') == 1
    assert count('live_results_total{kind="partial"}') == 1
    assert count('live_closes_total{code="1000"}') == 1


def test_tasks(fake_server, count):
    """Connections have tasks of the event loop, which end with them."""
    eventually(lambda: count("event_loop_tasks") > 0)
    idle = count("event_loop_tasks")
    with contextlib.ExitStack() as clients:
        for _ in range(20):
            clients.enter_context(live(fake_server.url))
        eventually(lambda: count("event_loop_tasks") >= idle + 20)
    eventually(lambda: count("event_loop_tasks") < idle + 10)


def test_live_file_that_is_none(fake_server, count):
    """A file over the WebSocket that cannot be decoded counts as one over HTTP does."""
    with live(fake_server.url) as client:
        client.say(mode="offline", wav_format="mp3")
        client.utterance(not_audio()["png"])
    assert count('decode_failures_total{code="unsupported_format"}') == 1


def test_refusals(serve_app, count):
    """Sessions that were not let in, by reason."""
    with serve_app(FakeEngine(), max_live=1) as server, live(server.url), live(server.url) as second:
        assert second.close_code()[0] == 1013
        assert count('live_refusals_total{code="overloaded"}', server) == 1


def test_queue_and_process(serve_app, count):
    """Waiting work, memory, lag and loaded models are looked at every now and then."""
    with serve_app(FakeEngine(started=7)) as server:
        eventually(lambda: count('queue_depth{lane="bulk"}', server) == 7)
        assert count("memory_bytes", server) > 10_000_000
        assert count("event_loop_lag_seconds_count", server) >= 1
        assert count("models_loaded", server) == 1
        assert count("last_decode_timestamp_seconds", server) == 0
        assert server.get("/readyz").status_code == 200
        assert count("last_decode_timestamp_seconds", server) > 1.7e9


def test_models(server, samples, count):
    """The stages of a real engine: what ran, together with what, how long it waited."""
    names = [
        'stage_seconds_count{stage="vad"}',
        'stage_seconds_count{stage="recognize"}',
        'stage_seconds_count{stage="punctuate"}',
        'batch_size_count{stage="recognize"}',
        'queue_wait_seconds_count{lane="bulk"}',
        'speech_segments_total{source="file"}',
        "batch_audio_seconds_total",
    ]
    before = [count(name, server) for name in names]
    transcript = server.post("/transcribe", samples["zh_phone"].data).json()
    after = [count(name, server) for name in names]
    assert all(new > old for new, old in zip(after, before, strict=True))
    assert after[-1] - before[-1] <= transcript["duration_ms"] / 1000
    assert count("model_load_seconds", server) > 0
    segments = count('speech_segments_total{source="live"}', server)
    with live(server.url) as client:
        client.utterance(samples["zh_phone"].data[44:] + silence(1000))
    eventually(lambda: count('speech_segments_total{source="live"}', server) > segments)
    assert count('stage_seconds_count{stage="step"}', server) > 0


def test_disks(fake_server, count):
    """Free space and size of the disk on which uploads in progress are kept."""
    eventually(lambda: count('disk_size_bytes{folder="spool"}') > 0)
    assert count('disk_size_bytes{folder="spool"}') == shutil.disk_usage(tempfile.gettempdir()).total
    assert 0 <= count('disk_free_bytes{folder="spool"}') <= count('disk_size_bytes{folder="spool"}')
