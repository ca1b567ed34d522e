"""Quality of the audio: in the answer of every route to those who ask, and nowhere else."""

import io
import json
import time

import numpy as np
import pytest
import soundfile

from paraserve.inference.audio import noise_suppression
from paraserve.types import SAMPLE_RATE
from support import recordings
from support.live import live
from support.live_messages import check_from_server

OPENAI = "/v1/audio/transcriptions"
JSON_ROUTES = ("/transcribe", "/recognize", "/recognition", "/asr", "/", OPENAI)
TEXTS = (("/transcribe", "format", "srt"), ("/transcribe", "format", "text"), (OPENAI, "response_format", "vtt"))
MODES = ("2pass", "online", "offline")
FIGURES = {"level_dbfs", "noise_dbfs", "clipped_share", "bandwidth_hz", "hints"}
DELIVERY = {"lost_ms", "lost_frames", "clock_drift_ppm"}
FRAME_BYTES = 1920
FRAME_S = 0.06


def wav(samples, rate=SAMPLE_RATE):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, "PCM_16", format="WAV")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def speech(samples):
    """A sentence with a quiet background, as loud as usual speech."""
    clean = soundfile.read(samples["zh_phone"].path, dtype="float32")[0]
    background = np.random.default_rng(0).normal(0, 10**-3.5, len(clean))
    return (clean / np.abs(clean).max() * 0.7 + background).astype(np.float32)


@pytest.fixture(scope="module")
def telling(speech):
    """Recordings by the one hint that they have, "" for none."""
    noise = np.random.default_rng(1).normal(0, 0.05, len(speech))
    return {
        "": wav(speech),
        "silent": wav(np.zeros(2 * SAMPLE_RATE)),
        "too_quiet": wav(speech * 0.005),
        "clipped": wav(np.clip(speech * 8, -1, 1)),
        "noisy": wav(speech * 0.5 + noise),
        "narrow_band": wav((speech[::2] + speech[1::2][: len(speech[::2])]) / 2, 8_000),
    }


@pytest.mark.parametrize("route", JSON_ROUTES)
def test_every_json_answer_tells(server, telling, route):
    """Each upload route has the figures and names what is wrong with the recording, in the body and in a header."""
    for hint, recording in telling.items() if route == "/transcribe" else [("noisy", telling["noisy"])]:
        answer = server.post(route, recording, audio_quality="true")
        quality = answer.json()["audio_quality"]
        assert quality.keys() == FIGURES
        assert quality["hints"] == ([hint] if hint else [])
        assert json.loads(answer.headers["x-paraserve-audio-quality"]) == quality


@pytest.mark.parametrize(("route", "field", "name"), TEXTS)
def test_texts_tell_in_a_header(server, telling, route, field, name):
    """Formats without a place for the figures have them in a header."""
    answer = server.post(route, telling["too_quiet"], audio_quality="1", **{field: name})
    assert json.loads(answer.headers["x-paraserve-audio-quality"])["hints"] == ["too_quiet"]


@pytest.mark.parametrize("route", JSON_ROUTES)
def test_nobody_else_is_told(server, telling, route):
    """Answers to clients that do not ask are as they were."""
    answer = server.post(route, telling["too_quiet"])
    assert "audio_quality" not in answer.json()
    assert "x-paraserve-audio-quality" not in answer.headers


def utterance(server, samples, **keys):
    with live(server.url) as client:
        client.say(is_speaking=True, **keys)
        return client.utterance(recordings.pcm(samples), frame_bytes=FRAME_BYTES)


@pytest.mark.parametrize("mode", MODES)
def test_live_results_tell(server, speech, mode):
    """In every mode the last result has the figures of the utterance, equal to those of an upload."""
    messages = utterance(server, speech, mode=mode, audio_quality=True)
    last = messages[-1]["audio_quality"]
    assert last.keys() == FIGURES | DELIVERY
    uploaded = server.post("/transcribe", wav(speech), audio_quality="true").json()["audio_quality"]
    assert {key: last[key] for key in FIGURES} == uploaded
    assert last["lost_frames"] == last["lost_ms"] == 0, "it came faster than it was spoken"
    partials = [one for one in messages if one["mode"].endswith("online") and not one["is_final"]]
    assert not any("audio_quality" in one for one in partials)
    assert not any("audio_quality" in one for one in utterance(server, speech, mode=mode))


def test_segments_tell_while_a_client_speaks(server, telling, speech):
    """A client learns with its first segment that it is too quiet, not at the end only."""
    quiet = np.concatenate([speech * 0.005, np.zeros(2 * SAMPLE_RATE, np.float32), speech * 0.005])
    messages = utterance(server, quiet, mode="2pass", audio_quality=True, auto_gain=True)
    finals = [one for one in messages if one["mode"] == "2pass-offline"]
    assert len(finals) > 1
    assert all(one["audio_quality"]["hints"] == ["too_quiet"] for one in finals)
    assert finals[-1]["audio_quality"]["gain_db"] > 3


def test_the_next_utterance_begins_anew(server, speech):
    """The figures are those of one utterance, and of the settings that counted when it began."""
    with live(server.url) as client:
        client.say(mode="2pass", audio_quality=True)
        loud = client.utterance(recordings.pcm(speech), frame_bytes=FRAME_BYTES)
        quiet = client.utterance(recordings.pcm(speech * 0.005), frame_bytes=FRAME_BYTES)
        client.say(audio_quality=False)
        unasked = client.utterance(recordings.pcm(speech), frame_bytes=FRAME_BYTES)
    assert loud[-1]["audio_quality"]["hints"] == []
    assert quiet[-1]["audio_quality"]["hints"] == ["too_quiet"]
    assert not any("audio_quality" in one for one in unasked)


def vosk_replies(server, samples, **keys):
    audio = recordings.pcm(samples)
    replies = []
    with live(server.url, "/vosk") as client:
        client.say(config={"sample_rate": SAMPLE_RATE, **keys})
        for message in [*(audio[at : at + 6400] for at in range(0, len(audio), 6400)), '{"eof": 1}']:
            client.ws.send(message)
            replies.append(client.ws.recv(20))
    for reply in replies:
        check_from_server("vosk", reply)
    return [json.loads(reply) for reply in replies]


def test_vosk_results_tell(server, speech):
    """Results of a client of vosk that asks have the figures."""
    replies = vosk_replies(server, speech * 0.005, audio_quality=True)
    assert replies[-1]["audio_quality"]["hints"] == ["too_quiet"]
    assert not any("audio_quality" in one for one in replies if "partial" in one)
    assert not any("audio_quality" in one for one in vosk_replies(server, speech))


def test_quiet_speech_is_understood_with_gain(server, speech):
    """With automatic gain very quiet speech gives the text of loud speech; uploads and live clients get the same."""
    loud, quiet = (
        server.post("/transcribe", wav(one), auto_gain="1", audio_quality="1").json()
        for one in (speech, speech * 10 ** (-30 / 20))
    )
    assert quiet["text"] == loud["text"]
    assert (loud["audio_quality"]["gain_db"], quiet["audio_quality"]["gain_db"] > 3) == (0, True)
    messages = utterance(server, speech * 10 ** (-30 / 20), mode="2pass", auto_gain=True)
    assert "".join(one["text"] for one in messages if one["mode"] == "2pass-offline") == loud["text"]


def test_noise_suppression(server, speech):
    """Noisy speech has the same text as an upload and live; where the package is missing, a warning says so."""
    noisy = speech * 0.3 + np.random.default_rng(2).normal(0, 0.02, len(speech)).astype(np.float32)
    answer = server.post("/transcribe", wav(noisy), noise_suppression="true").json()
    told = [one["param"] for one in answer.get("warnings", [])]
    assert told == ([] if noise_suppression.is_installed() else ["noise_suppression"])
    assert answer["audio_processed_ms"] == answer["audio_received_ms"] == len(noisy) // 16
    messages = utterance(server, noisy, mode="2pass", noise_suppression=True)
    assert "".join(one["text"] for one in messages if one["mode"] == "2pass-offline") == answer["text"] != ""


@pytest.mark.slow
def test_lost_frames_are_counted(fake_server):
    """Frames that a client does not send in time are in its last result, and in the metrics for everybody."""
    with live(fake_server.url) as client:
        client.say(mode="2pass", audio_quality=True)
        started_s = time.monotonic()
        for n in range(60):
            time.sleep(max(0.0, started_s + (n + 1) * FRAME_S - time.monotonic()))
            if not 20 <= n < 30:
                client.ws.send(bytes(FRAME_BYTES))
        client.end()
        told = client.until_final()[-1]["audio_quality"]
    assert 8 <= told["lost_frames"] <= 12
    assert told["lost_ms"] == pytest.approx(600, abs=120)
    assert told["clock_drift_ppm"] is None
    figures = dict(line.rsplit(" ", 1) for line in fake_server.get("/metrics").text.splitlines() if line[0] != "#")
    assert float(figures["paraserve_live_lost_frames_total"]) == told["lost_frames"]
    assert float(figures["paraserve_live_lost_audio_seconds_total"]) == pytest.approx(told["lost_ms"] / 1000)
