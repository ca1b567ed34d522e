"""What FunASR's clients rely on, rule by rule, on a real socket."""

import json

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosedOK

from paraserve.errors import InferenceError
from support import audio_files
from support.fakes import FakeEngine
from support.live import heard, live, silence, speech

PAUSE = silence(500)
TWO_SEGMENTS = speech(1000) + PAUSE + speech(1300, 4000)


@pytest.fixture(scope="module")
def url(serve_app):
    with serve_app(FakeEngine()) as client:
        yield client.url


@pytest.fixture(scope="module")
def offline_url(serve_app):
    with serve_app(FakeEngine(), mode="offline") as client:
        yield client.url


@pytest.fixture(scope="module")
def strict_url(serve_app):
    with serve_app(FakeEngine(), protocol="strict") as client:
        yield client.url


def finals(messages):
    return [m["text"].strip() for m in messages if m["mode"] == "2pass-offline"]


def partials(messages):
    return "".join(m["text"] for m in messages if m["mode"] == "2pass-online")


def without_stamps(message):
    return {key: value for key, value in message.items() if key not in {"timestamp", "stamp_sents"}}


def test_two_pass(url):
    """Partials are deltas, each segment's text replaces them, the last result alone is final."""
    with live(url) as client:
        client.say(mode="2pass", wav_name="demo", chunk_size=[5, 10, 5], chunk_interval=10, is_speaking=True)
        messages = client.utterance(TWO_SEGMENTS)
        assert finals(messages) == [heard(1000), heard(1300, 4000)]
        assert partials(messages).replace(" ", "") == "<9600>" * 4
        assert [m["is_final"] for m in messages] == [False] * (len(messages) - 1) + [True]
        assert {m["wav_name"] for m in messages} == {"demo"}
        client.assert_silent()


def test_times_of_a_segment(url):
    """One pair a unit, from the start of the utterance; partials have none; `stamp_sents` is an array."""
    with live(url) as client:
        messages = client.utterance(silence(300) + speech(1000) + PAUSE)
    (text, final) = (m for m in messages if m["mode"] == "2pass-offline")
    pairs = json.loads(text["timestamp"])
    assert len(pairs) == len("16000") + len("x") + len("244")
    assert (pairs[0][0], pairs[-1][1]) == (300, 1300)
    assert text["stamp_sents"][0]["ts_list"] == pairs
    assert without_stamps(final) == final
    assert all("timestamp" not in m for m in messages if m["mode"] == "2pass-online")


def test_nothing_left_to_say(url):
    """A final result with empty text after the last segment's own."""
    with live(url) as client:
        messages = client.utterance(speech(1000) + PAUSE)
    assert finals(messages) == [heard(1000), ""]
    assert messages[-1]["is_final"]


def test_defaults(url):
    """Audio without any first message is 2pass, 16 kHz, [5, 10, 5], and has FunASR's default name."""
    with live(url) as client:
        messages = client.utterance(speech(1000))
    assert {m["wav_name"] for m in messages} == {"wav-default-id"}
    assert finals(messages) == [heard(1000)]


def test_online(url):
    """Mode online gives partials only; the last of them is final."""
    with live(url) as client:
        client.say(mode="online")
        messages = client.utterance(TWO_SEGMENTS)
    assert {m["mode"] for m in messages} == {"2pass-online"}
    total = sum(int(n) for n in partials(messages).replace(" ", "").strip("<>").split("><"))
    assert total == 16 * (1200 + 1300), "a chunk was complete before the first segment's end was known"
    assert [m["is_final"] for m in messages] == [False] * (len(messages) - 1) + [True]


def test_offline_on_the_2pass_server(url):
    """Mode offline: nothing until the end marker, then one result."""
    with live(url) as client:
        client.say(mode="offline", wav_name="f")
        client.send(TWO_SEGMENTS, 960)
        client.assert_silent()
        client.end()
        result = client.receive()
        assert without_stamps(result) == {
            "mode": "2pass-offline",
            "text": heard(2800),
            "wav_name": "f",
            "is_final": True,
        }
        assert len(json.loads(result["timestamp"])) == 9
        client.assert_silent()


@pytest.mark.parametrize("mode", ["offline", "2pass", "online"])
def test_offline_server(offline_url, mode):
    """With --mode offline every client gets one result labelled offline."""
    with live(offline_url) as client:
        client.say(mode=mode)
        (result,) = client.utterance(speech(1000))
    assert (result["mode"], result["text"], result["is_final"]) == ("offline", heard(1000), True)


def test_acknowledgement(url):
    """Asked for by `is_end`, it comes after the final result, with the mode that was asked for."""
    with live(url) as client:
        client.say(mode="2pass", wav_name="a")
        client.utterance(speech(1000), is_end=True)
        assert client.receive() == {"is_end": True, "is_final": True, "mode": "2pass", "wav_name": "a", "text": ""}
        client.utterance(speech(1000))
        client.assert_silent()
        client.utterance(b"", is_end=True)
        assert client.receive()["is_end"]


def test_acknowledgement_of_a_failure(url):
    """`is_final` false and `error` as text, here alone."""
    with live(url) as client:
        client.say(mode="offline", wav_format="mp3", wav_name="a")
        (result,) = client.utterance(b"not audio", is_end=True)
        assert result["error"]["code"] == "unsupported_format"
        acknowledgement = client.receive()
        assert acknowledgement["error"] == result["error"]["message"]
        assert (acknowledgement["is_end"], acknowledgement["is_final"]) == (True, False)


def test_is_finished(url):
    """The undocumented twin of `is_speaking` false."""
    with live(url) as client:
        client.send(speech(1000))
        client.say(is_finished=True)
        assert finals(client.until_final()) == [heard(1000)]


def test_utterances_on_one_connection(url):
    """Each has its one final result, and times that start at 0; keys that are left out keep their values."""
    with live(url) as client:
        client.say(mode="2pass", wav_name="first")
        first = client.utterance(speech(1000))
        client.say(wav_name="second")
        second = client.utterance(speech(700))
        third = client.utterance(speech(700))
        client.assert_silent()
    assert [finals(m) for m in (first, second, third)] == [[heard(1000)], [heard(700)], [heard(700)]]
    assert json.loads(second[-1]["timestamp"])[0][0] == 0
    assert [m[-1]["wav_name"] for m in (first, second, third)] == ["first", "second", "second"]


def test_end_marker_twice(url):
    """The second one is an empty utterance; a client that leaves at once harms nobody."""
    with live(url) as client:
        assert finals(client.utterance(speech(1000))) == [heard(1000)]
        client.end()
        (empty,) = client.until_final()
        assert empty == {"mode": "2pass-offline", "text": "", "wav_name": "wav-default-id", "is_final": True}
        client.end()
    with live(url) as client:
        assert finals(client.utterance(speech(700))) == [heard(700)]


@pytest.mark.parametrize(("mode", "label"), [("online", "2pass-online"), ("offline", "2pass-offline")])
def test_empty_utterance(url, mode, label):
    """An end marker without audio has its final result in every mode."""
    with live(url) as client:
        client.say(mode=mode, is_speaking=False)
        assert client.receive() == {"mode": label, "text": "", "wav_name": "wav-default-id", "is_final": True}


@pytest.mark.parametrize("frame_bytes", [1, 7, 320, 1919, 64_000])
def test_frames_of_any_length(url, frame_bytes):
    """Odd lengths too: the results are those of the whole."""
    with live(url) as client:
        messages = client.utterance(speech(200) + silence(300), frame_bytes=frame_bytes)
    assert finals(messages) == [heard(200), ""]


def test_fragmented_messages(url):
    """A frame that comes in fragments is one frame, audio and text alike."""
    with live(url) as client:
        client.ws.send(['{"wav_na', 'me":"parts"}'])
        client.ws.send([speech(300), b"", speech(400)])
        client.end()
        final = client.until_final()[-1]
    assert (final["text"], final["wav_name"]) == (heard(700), "parts")


@pytest.mark.parametrize("mode", ["2pass", "offline"])
def test_wav_header_in_raw_audio(url, mode):
    """Some clients send a whole WAV file and say PCM: its header is not audio, its rate counts."""
    samples = (8000 * np.ones(16_000)).astype("<i2").tobytes()
    with live(url) as client:
        client.say(mode=mode, wav_format="PCM", audio_fs=8000)
        messages = client.utterance(audio_files.pcm_wav(samples, sample_rate=16_000), frame_bytes=960)
    assert finals(messages) == [heard(1000)]


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000.0, "48000"])
def test_any_rate(url, rate):
    """Raw audio is resampled with a memory: a second is a second, without seams."""
    with live(url) as client:
        client.say(audio_fs=rate)
        messages = client.utterance(np.full(int(float(rate)), 8000, "<i2").tobytes(), frame_bytes=1000)
    n_samples, _ = finals(messages)[0].split("x")
    assert abs(int(n_samples) - 16_000) <= 160


@pytest.mark.parametrize("name", ["mp3", "m4a", "ogg-opus", "flac-16bit"])
def test_containers_in_mode_offline(url, name):
    """A file of any common format, in small frames."""
    data = audio_files.encode_voice(audio_files.encoding(name), 2)
    with live(url) as client:
        client.say(mode="offline", wav_format="others")
        (result,) = client.utterance(data, frame_bytes=960)
    assert abs(int(result["text"].split("x")[0]) - 32_000) < 3_200, result


def test_options_may_change_within_an_utterance(url):
    """A later text frame counts for what ends after it."""
    with live(url) as client:
        client.say(wav_name="before")
        client.send(speech(500) + PAUSE)
        messages = [client.receive()]
        while messages[-1]["mode"] != "2pass-offline":
            messages.append(client.receive())
        client.say(wav_name="after", hotwords="你好 世界")
        messages += client.utterance(speech(700))
    assert [m["wav_name"] for m in messages if m["mode"] == "2pass-offline"] == ["before", "after"]


def test_timing(url):
    """With `timing` each result says how long the server took."""
    with live(url) as client:
        client.say(timing=True)
        messages = client.utterance(TWO_SEGMENTS)
        assert all(0 <= m["server_ms"] < 5000 for m in messages)
        client.say(timing=False)
        assert all("server_ms" not in m for m in client.utterance(TWO_SEGMENTS))


@pytest.mark.parametrize("path", ["/", "/docs", "/ws/asr?token=1", "/" + "x" * 500])
def test_every_path(url, path):
    """The path has no meaning."""
    with live(url, path) as client:
        assert client.utterance(speech(500))[-1]["is_final"]


def test_plain_get(serve_app):
    """A browser finds a page on the same port, so that a person can accept a certificate."""
    with serve_app(FakeEngine()) as client:
        assert client.get("/").status_code == 200


def test_client_closes(url):
    """The server never closes after a result; the client's close is answered."""
    with live(url) as client:
        client.utterance(speech(500))
        client.ws.close()
        with pytest.raises(ConnectionClosedOK):
            client.ws.recv()


def test_model_failure(serve_app):
    """A model that fails ends the connection with an error result and 1011; others go on."""
    engine = FakeEngine(error=InferenceError("broken"))
    with serve_app(engine) as server:
        with live(server.url) as client:
            messages = client.utterance(speech(1000))
            assert messages[-1]["error"]["code"] == "inference_failed"
            assert client.close_code() == (1011, "inference_failed")
        engine.error = None
        with live(server.url) as client:
            assert finals(client.utterance(speech(1000))) == [heard(1000)]


@pytest.mark.slow
def test_log_and_metrics(start_fake_server):
    """One line a connection, with its figures and without its words."""
    server = start_fake_server()
    with live(server.url, additional_headers={"X-Request-Id": "call-7"}) as client:
        client.say(mode="2pass", wav_name="secret name")
        client.utterance(speech(1000))
        client.utterance(speech(700))
    server.wait_for_log("live session")
    (line,) = [json.loads(line) for line in server.log.splitlines() if "live session" in line]
    expected = {"request_id": "call-7", "mode": "2pass", "utterances": 2, "audio_ms": 1700, "close_code": 1000}
    assert line.items() >= expected.items()
    assert heard(1000) not in server.log
    assert "secret name" not in server.log
    assert server.metric(r'paraserve_live_results_total\{kind="final"\}') == 2
    assert server.metric(r'paraserve_live_latency_seconds_count\{kind="partial"\}') >= 2
    assert server.metric(r'paraserve_live_closes_total\{code="1000"\}') == 1
    assert server.metric("paraserve_audio_seconds_total") == pytest.approx(1.7)


def test_unexpected_failure(serve_app):
    """A mistake of ours is an error result that gives nothing away, then 1011."""
    with serve_app(FakeEngine(error=KeyError("secret"))) as server, live(server.url) as client:
        client.say(mode="online")
        client.say(mode="2pass", wav_name="a")
        (*_, failure) = client.utterance(speech(1000))
        assert (failure["error"]["code"], failure["wav_name"]) == ("internal_error", "a")
        assert "secret" not in json.dumps(failure)
        assert client.close_code() == (1011, "internal_error")


def test_strict_keeps_the_original_fields(strict_url):
    """`slice_type`, `index` (going on over utterances), `start_time`, `end_time`; an empty final without `mode`."""
    with live(strict_url) as client:
        client.send(speech(1300) + PAUSE, 1920)
        client.end()
        messages = []
        while "is_final" not in (messages[-1] if messages else {}) or not messages[-1]["is_final"]:
            messages.append(json.loads(client.ws.recv(20)))
        assert messages[-1] == {"text": "", "wav_name": "wav-default-id", "is_final": True}
        text = messages[-2]
        assert (text["slice_type"], text["index"], text["start_time"], text["end_time"]) == (2, 0, 0, 1300)
        assert {m["slice_type"] for m in messages[:-2]} <= {0, 1}
        assert messages[0]["slice_type"] == 0
        client.send(speech(700))
        client.end()
        assert client.until_final()[-1]["index"] == 1


def test_strict_offline_server(serve_app):
    """Its one result is not final, as in the original."""
    with serve_app(FakeEngine(), mode="offline", protocol="strict") as server, live(server.url) as client:
        client.send(speech(1000))
        client.end()
        assert without_stamps(client.receive()) == {
            "mode": "offline",
            "text": heard(1000),
            "wav_name": "wav-default-id",
            "is_final": False,
        }


@pytest.mark.slow
def test_without_a_streaming_model(start_server, samples):
    """2pass still works, without partials; mode online is refused once, and the connection stays."""
    sample = samples["zh_phone"]
    server = start_server(online_model_dir="0")
    with live(server.url) as client:
        client.say(mode="online")
        client.send(sample.data, 1920)
        refused = client.receive()
        assert (refused["error"]["code"], refused["mode"], refused["is_final"]) == (
            "mode_unavailable",
            "2pass-online",
            True,
        )
        client.end(mode="2pass", itn=False, punctuate=False)
        messages = client.utterance(sample.data)
    assert {m["mode"] for m in messages} == {"2pass-offline"}
    assert "".join(finals(messages)) == sample.text


def test_demo_bundle(server, samples):
    """Real models: the segments' texts joined are the recording's text, in each mode's own way."""
    sample = samples["zh_phone"]
    with live(server.url) as client:
        client.say(mode="2pass", itn=False, punctuate=False)
        messages = client.utterance(sample.data, frame_bytes=1920)
        assert "".join(finals(messages)) == sample.text
        client.say(mode="offline", wav_format="wav")
        (result,) = client.utterance(sample.data)
        assert result["text"] == sample.text
