"""Speech outside the model's vocabulary is told of on every way in and out, and nothing else is."""

import io
import json

import numpy as np
import pytest
import soundfile

from paraserve.types import SAMPLE_RATE
from support import recordings
from support.commands import paraserve
from support.live import live
from support.live_messages import check_from_server

OPENAI = "/v1/audio/transcriptions"
JSON_ROUTES = ("/transcribe", "/recognize", "/recognition", "/asr", "/", OPENAI)
MODES = ("2pass", "online", "offline")
KNOWN = ("zh_phone", "zh_date", "en_weather", "zh_en", "mixed_long")
FIGURES = ("speech_ms", "recognized_ms", "unknown_tokens")
FRAME_BYTES = 6400
MANDARIN_S = 20


def wav(samples):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, SAMPLE_RATE, "PCM_16", format="WAV")
    return buffer.getvalue()


@pytest.fixture(scope="module", params=["backwards", "Mandarin"])
def strange(request):
    """Speech that the embedded bundle does not know."""
    if request.param == "backwards":
        return recordings.strange_speech()
    folder = request.getfixturevalue("shared_dir")
    n_samples = -1 if request.config.getoption("--full") else MANDARIN_S * SAMPLE_RATE
    return soundfile.read(folder / "golden" / "vad_example.wav", n_samples, dtype="float32")[0]


def check_told(body):
    """Check the notice of an answer."""
    assert body["notice"]["code"] == "outside_vocabulary"
    assert " s of speech were heard and " in body["notice"]["message"]
    assert "knows only the 1,910 words" in body["notice"]["message"]
    assert "paraserve models list" in body["notice"]["message"]


def check_figures(body, speech_ms):
    """Check the figures of a recording of which a third or more is speech, and most of that was not understood."""
    assert speech_ms / 3 < body["speech_ms"] < speech_ms
    assert body["recognized_ms"] < 2 / 3 * body["speech_ms"]
    assert body["unknown_tokens"] > 0


def utterance(server, samples, mode, path="/"):
    """All messages of one utterance."""
    with live(server.url, path) as client:
        client.say(mode=mode, wav_name="w", is_speaking=True)
        return client.utterance(recordings.pcm(samples), frame_bytes=FRAME_BYTES)


@pytest.mark.parametrize("route", JSON_ROUTES)
def test_every_json_answer_tells(server, strange, route):
    """Each upload route answers 200 with the notice; our JSON has the figures, and all audio is accounted for."""
    answer = server.post(route, wav(strange))
    assert answer.status_code == 200
    check_told(answer.json())
    if route in {"/transcribe", "/recognize", "/"}:
        check_figures(answer.json(), len(strange) / 16)
    if route == "/transcribe":
        assert answer.json()["audio_processed_ms"] == answer.json()["audio_received_ms"] == len(strange) // 16


@pytest.mark.parametrize(
    ("route", "fields"),
    [
        *(("/transcribe", {"format": name}) for name in ("text", "srt", "vtt", "tsv")),
        *((OPENAI, {"response_format": name}) for name in ("text", "srt", "vtt", "verbose_json")),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value.values()),
)
def test_texts_tell_in_a_header(server, strange, route, fields):
    """Formats without a place for the notice have it in a header, with how much it was and what to do."""
    answer = server.post(route, wav(strange), **fields)
    code, _, message = answer.headers["x-paraserve-notice"].partition(": ")
    check_told({"notice": {"code": code, "message": message}})
    if fields == {"response_format": "verbose_json"}:
        check_told(answer.json())
        check_figures(answer.json(), len(strange) / 16)


@pytest.mark.parametrize("mode", MODES)
def test_live_results_tell(server, strange, mode):
    """In every mode the last result tells of the whole utterance; with segments, results before it do too."""
    messages = utterance(server, strange, mode)
    check_told(messages[-1])
    check_figures(messages[-1], len(strange) / 16)
    told = [message for message in messages if "notice" in message]
    assert mode == "offline" or len(told) > 1
    sums = [message["speech_ms"] for message in messages if "speech_ms" in message]
    assert sums == sorted(sums), "they count the utterance so far"


def test_vosk_results_tell(server, strange):
    """The last result tells of the whole utterance, those before it of their segments."""
    audio = recordings.pcm(strange)
    with live(server.url, "/vosk") as client:
        client.say(config={"sample_rate": SAMPLE_RATE})
        replies = []
        for message in [*(audio[at : at + FRAME_BYTES] for at in range(0, len(audio), FRAME_BYTES)), '{"eof": 1}']:
            client.ws.send(message)
            replies.append(client.ws.recv(20))
    for reply in replies:
        check_from_server("vosk", reply)
    check_told(json.loads(replies[-1]))
    assert sum("notice" in reply for reply in replies) > 1


@pytest.mark.slow
def test_strict_servers_say_what_funasr_says(start_server):
    """With `--protocol strict` no FunASR answer has a key for it; our own routes tell as ever."""
    server, strange = start_server(protocol="strict"), recordings.strange_speech()
    for mode in MODES:
        with live(server.url) as client:
            client.say(mode=mode)
            client.send(recordings.pcm(strange), FRAME_BYTES)
            client.end()
            messages = [json.loads(client.ws.recv(20))]
            while not messages[-1]["is_final"]:
                messages.append(json.loads(client.ws.recv(20)))
        assert not {"notice", *FIGURES} & set().union(*messages)
    assert not {"notice", *FIGURES} & server.post("/", wav(strange)).json().keys()
    check_told(server.post("/transcribe", wav(strange)).json())


@pytest.mark.parametrize("name", KNOWN)
def test_what_was_understood_has_no_notice(server, samples, name):
    """The embedded bundle's own samples have none on any way, and next to all of their speech became text."""
    data = samples[name].data
    answers = [server.post(route, data) for route in JSON_ROUTES]
    answers += [server.post("/transcribe", data, format="srt")]
    assert not any("x-paraserve-notice" in answer.headers or "notice" in answer.text for answer in answers)
    body = answers[0].json()
    assert body["recognized_ms"] >= 0.9 * body["speech_ms"] > 0
    speech = soundfile.read(samples[name].path, dtype="float32")[0]
    assert not any("notice" in message for mode in MODES for message in utterance(server, speech, mode))


def test_silence_has_no_speech(server):
    """Where the detector finds nothing, `speech_ms` is 0 and there is no notice."""
    silence = np.zeros(3 * SAMPLE_RATE, np.float32)
    body = server.post("/transcribe", wav(silence)).json()
    assert [body[name] for name in FIGURES] == [0, 0, 0]
    assert body["audio_processed_ms"] == body["audio_received_ms"] == 3000
    messages = [body, *(message for mode in MODES for message in utterance(server, silence, mode))]
    assert not any("notice" in message for message in messages)
    assert not {*FIGURES} & set().union(*messages[1:])


def test_a_part_that_was_not_understood(server, samples):
    """A known sentence before strange speech is written, and the notice is there all the same."""
    known = soundfile.read(samples["zh_date"].path, dtype="float32")[0]
    both = np.concatenate([known, recordings.strange_speech()])
    body = server.post("/transcribe", wav(both)).json()
    check_told(body)
    assert body["text"]
    assert body["recognized_ms"] > 1000
    finals = [m for m in utterance(server, both, "2pass") if m["mode"] == "2pass-offline"]
    assert "notice" not in finals[0]
    check_told(finals[-1])


@pytest.mark.slow
def test_commands_tell_on_stderr(server, samples, tmp_path, demo_dir):
    """`transcribe`, here and by a server, and `stream` write one line to stderr and exit 0. Else they write none."""
    path, known = tmp_path / "strange.wav", samples["zh_date"].path
    path.write_bytes(wav(recordings.strange_speech()))
    ways = [
        ("transcribe", "{}", "--bundle", demo_dir),
        ("transcribe", "{}", "--server", server.url),
        *(("stream", "{}", "--server", server.url.replace("http", "ws"), "--mode", mode) for mode in MODES),
    ]
    for way in ways:
        done = paraserve(*(path if word == "{}" else word for word in way))
        assert done.returncode == 0
        (line,) = done.stderr.splitlines()
        assert "of speech were heard and" in line
    for way in ways[1:3]:
        assert paraserve(*(known if word == "{}" else word for word in way)).stderr == ""
