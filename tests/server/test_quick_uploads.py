"""Uncompressed uploads of any length need no decode child, and the stages of an upload add up to its time."""

import re
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile

import support.audio_files as files

RATE = 16_000
LONG_S = 5 * 60
STAGES = ("receive", "decode wait", "decode", "detect", "recognize", "punctuate", "render")


@pytest.fixture(scope="module")
def childless(process_factory, demo_dir, tmp_path_factory):
    """A server whose only decode child is stopped: what needs one waits for seconds."""
    settings = {"PARASERVE_DECODE_WORKERS": "1", "PARASERVE_MAX_DURATION_S": "400", "PARASERVE_SLOW_REQUEST_S": "0"}
    with process_factory(tmp_path_factory.mktemp("childless"), "--bundle", demo_dir, **settings) as running:
        for child in running.worker.children():
            child.send_signal(signal.SIGSTOP)
        yield running


@pytest.fixture(scope="module")
def speech(data_dir):
    return soundfile.read(data_dir / "zh_date.wav", dtype="float32")[0]


def long_speech(speech):
    """Five minutes: silence, then words."""
    return np.concatenate([np.zeros(LONG_S * RATE - len(speech), np.float32), speech])


def never_hired(server):
    return server.metric("paraserve_decode_wait_seconds_count") == 0


@pytest.mark.slow
def test_a_long_wav_needs_no_child(childless, speech):
    """A WAV of more than 8 MiB is read without one, to its end."""
    answer = childless.post("/transcribe", files.encode(files.encoding("wav-16bit"), long_speech(speech)[:, None]))
    assert (answer.json()["text"], answer.json()["duration_ms"]) == ("12月3号。", LONG_S * 1000)
    assert never_hired(childless)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [None, LONG_S])
def test_raw_pcm_needs_no_child(childless, speech, seconds):
    """Raw PCM is read without one, short or long, in the body and in a form."""
    samples = speech if seconds is None else long_speech(speech)
    data = (samples * 32767).astype("<i2").tobytes()
    body = childless.post_raw("/transcribe", data, headers={"content-type": "audio/pcm;rate=16000"})
    form = childless.post("/transcribe", data, encoding="linear16", sample_rate="16000")
    assert [answer.json()["text"] for answer in (body, form)] == ["12月3号。"] * 2
    assert never_hired(childless)


@pytest.mark.slow
def test_limits_and_errors_are_the_same(childless, speech, is_error):
    """What a child would refuse is refused with the same code, and without a child."""
    tall = files.encode(files.encoding("wav-16bit"), np.zeros((401 * RATE, 1), np.float32))
    is_error(childless.post("/transcribe", tall), 422, "audio_too_long", param="file")
    wav = files.encode(files.encoding("wav-16bit"), long_speech(speech)[:, None])
    is_error(childless.post("/transcribe", wav, channel="1"), 400, "channel_out_of_range", param="channel")
    is_error(childless.post("/transcribe", wav, track="1"), 400, "track_out_of_range", param="track")
    assert never_hired(childless)


def test_the_stages_add_up(server, samples):
    """All stages of many uploads at once come to their requests' time, within 5 %."""
    before = stages(server)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: server.post("/transcribe", samples["mixed_long"].data), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    after = stages(server)
    spent = {name: after[name] - before.get(name, 0.0) for name in after}
    assert spent.keys() >= set(STAGES)
    request_s = spent.pop("request")
    assert 0.95 * request_s <= sum(spent.values()) <= 1.05 * request_s


def test_waiting_for_a_child_is_a_stage(server, speech):
    """Recordings that queue for a child have the time in `decode wait`."""
    flac = files.encode(files.encoding("flac-16bit"), speech[:, None])
    before = stages(server)
    with ThreadPoolExecutor(12) as threads:
        list(threads.map(lambda _: server.post("/transcribe", flac), range(24)))
    assert stages(server)["decode wait"] > before.get("decode wait", 0.0)


def stages(server):
    """Seconds of each stage so far, and of the requests to `/transcribe`."""
    text = server.get("/metrics").text
    found = re.findall(r'paraserve_request_stage_seconds_sum\{stage="([^"]+)"\} (\S+)', text)
    request = re.findall(r'paraserve_http_request_seconds_sum\{route="/transcribe"\} (\S+)', text)
    return {name: float(value) for name, value in found} | {"request": float(request[0]) if request else 0.0}
