"""Clients of the Wyoming protocol: describe, transcribe with streamed texts, and every way to an error."""

import signal
import socket

import pytest
import soundfile

from paraserve.errors import InferenceError, ParaserveError
from paraserve.server.access.api_keys import hashed, new_key, write_keys
from paraserve.settings import checked_settings
from support.commands import SUPERVISED
from support.fakes import FakeEngine
from support.live import eventually, heard, live_sessions, silence, speech
from support.wyoming_client import WyomingClient, wyoming_client

KINDS = ["transcript-start", "transcript-chunk", "transcript", "transcript-stop"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("wyoming")


@pytest.fixture(scope="module")
def engine():
    return FakeEngine()


@pytest.fixture(scope="module")
def address(folder):
    return folder / "socket"


@pytest.fixture(scope="module")
def fake(serve_app, engine, address):
    """The application on a fake engine, with a Unix socket for Wyoming."""
    with serve_app(engine, wyoming=f"unix://{address}", max_live=2, max_frame_bytes=64_000) as running:
        yield running


@pytest.fixture
def client(fake, address):
    eventually(lambda: live_sessions(fake) == 0)
    with wyoming_client(address) as one:
        yield one


def pcm(sample):
    return soundfile.read(sample.path, dtype="int16")[0].tobytes()


def error_of(client: WyomingClient) -> dict:
    """The one event before the end of the connection."""
    (event,) = client.rest()
    assert event.type == "error", event
    assert event.data["text"]
    return event.data


def test_describe(client):
    """The program, its models, and each with a language, without which Home Assistant offers no model."""
    client.say("describe")
    (program,) = client.until("info")[0].data["asr"]
    assert (program["name"], program["installed"]) == ("paraserve", True)
    assert program["supports_transcript_streaming"] is True
    assert [(one["name"], one["languages"]) for one in program["models"]] == [("demo", ["en", "yue", "zh"])]


def test_no_session_is_open_for_questions(fake, client):
    """Describing takes no place of those who speak; a ping has its answer."""
    client.say("ping", text="a")
    assert client.receive().data == {"text": "a"}
    client.say("describe")
    client.until("info")
    assert live_sessions(fake) == 0


def test_segments_come_as_they_end(client):
    """The chunk of the first segment is there before the audio ends; the chunks joined are the transcript."""
    client.begin()
    client.speak(speech(600) + silence(2000))
    first = client.until("transcript-chunk")
    assert [one.type for one in first] == KINDS[:2]
    client.speak(speech(900))
    client.say("audio-stop")
    events = client.until("transcript-stop")
    chunks = [one.data["text"] for one in (*first, *events) if one.type == "transcript-chunk"]
    assert [one.type for one in events] == KINDS[1:]
    assert (len(chunks), "".join(chunks)) == (2, events[-2].data["text"])


def test_several_utterances(client):
    """One after the other on a connection; each for itself."""
    for ms in (600, 800):
        events = client.utterance(speech(ms))
        assert [one.type for one in events] == KINDS
        assert events[2].data == {"text": heard(ms)}


def test_nothing_is_said(client):
    """An empty transcript, with audio and without."""
    for audio in (b"", silence(500)):
        events = client.utterance(audio)
        assert [one.type for one in events] == [KINDS[0], *KINDS[2:]]
        assert events[1].data == {"text": ""}


def test_audio_without_a_start(client):
    """Chunks tell their format themselves, and other events change nothing."""
    client.say("run-satellite")
    client.speak(speech(600))
    client.say("voice-stopped")
    client.say("audio-stop")
    assert client.until("transcript")[-1].data == {"text": heard(600)}


def test_other_formats(client):
    """Stereo at 48 kHz becomes what is recognized."""
    client.say("audio-start", rate=48_000, width=2, channels=2)
    for _ in range(3):
        client.say("audio-chunk", b"\x00\x10" * 20_000, rate=48_000, width=2, channels=2)
    client.say("audio-stop")
    n_samples, _, _ = client.until("transcript")[-1].data["text"].partition("x")
    assert 9_900 <= int(n_samples) <= 10_000


def test_choices_reach_the_engine(serve_app, tmp_path):
    """Language, names and terms as hotwords, the model, and the silence that ends a segment."""
    noted = []

    class Noting(FakeEngine):
        async def recognize(self, audio, options, *args):
            noted.append(options)
            return await super().recognize(audio, options, *args)

        def open_stream(self, config):
            noted.append(config.vad.max_end_silence_ms)
            return super().open_stream(config)

    path = tmp_path / "socket"
    with serve_app(Noting(), wyoming=f"unix://{path}"), wyoming_client(path) as client:
        choices = {"language": "zh-CN", "transcript_names": ["厨房灯"], "transcript_terms": ["客厅"], "name": "demo"}
        events = client.utterance(speech(600), **choices, vad_sensitivity="relaxed")
    silence_ms, options = noted
    assert silence_ms == 1250
    assert (options.language, options.model) == ("zh", "demo")
    assert [word.text for word in options.hotwords] == ["厨房灯", "客厅"]
    assert events[2].data == {"text": heard(600), "language": "zh"}


def test_choices_without_effect_are_named(client):
    """In the transcript, whose other readers pass over the key."""
    events = client.utterance(speech(600), language="fr", context={"a": 1}, vad_sensitivity="nervous", speaker="x")
    told = {(one["code"], one["param"]) for one in events[2].data["warnings"]}
    known = ("language", "context", "vad_sensitivity")
    assert told == {("unknown_field", "speaker"), *(("not_honoured", name) for name in known)}


BAD_EVENTS = {
    "no JSON": (b"GET / HTTP/1.1\r\n\r\n", "invalid_json"),
    "no object": (b"[]\n", "invalid_message"),
    "no type": (b"{}\n", "invalid_value"),
    "no UTF-8": (b'{"type": "\xff"}\n', "invalid_json"),
    "data of another type": (b'{"type": "transcribe", "data": 3}\n', "invalid_value"),
    "a size below 0": (b'{"type": "audio-chunk", "payload_length": -1}\n', "invalid_value"),
    "a size of another type": (b'{"type": "audio-chunk", "data_length": "many"}\n', "invalid_value"),
    "too much audio": (b'{"type": "audio-chunk", "payload_length": 64001}\n', "message_too_large"),
    "too much data": (b'{"type": "transcribe", "data_length": 900000000}\n', "invalid_value"),
    "a long line": (b'{"type": "' + b"a" * 70_000, "message_too_large"),
    "data that is no JSON": (b'{"type": "transcribe", "data_length": 2}\n{[', "invalid_json"),
    "an unknown language": (b'{"type": "transcribe", "data": {"language": "klingon"}}\n', "invalid_value"),
    "an unknown model": (b'{"type": "transcribe", "data": {"name": "gpt-9"}}\n', "model_not_found"),
    "words of another type": (b'{"type": "transcribe", "data": {"transcript_names": "a"}}\n', "invalid_value"),
    "8 bits": (b'{"type": "audio-start", "data": {"rate": 16000, "width": 1, "channels": 1}}\n', "invalid_value"),
    "no rate": (b'{"type": "audio-start", "data": {"width": 2, "channels": 1}}\n', "invalid_value"),
}


@pytest.mark.parametrize("name", BAD_EVENTS)
def test_bad_events(client, name):
    """One typed error, then the end; at once or in the middle of speech."""
    sent, code = BAD_EVENTS[name]
    client.send(sent)
    assert error_of(client)["code"] == code


@pytest.mark.parametrize("name", ["no JSON", "too much audio", "an unknown model"])
def test_bad_events_in_speech(fake, client, engine, name):
    """The error is the last thing that is said, and nothing of the session is left."""
    client.begin()
    client.speak(speech(600))
    eventually(lambda: engine.open_streams == 1)
    sent, code = BAD_EVENTS[name]
    client.send(sent)
    assert error_of(client)["code"] == code
    eventually(lambda: engine.open_streams == 0 and live_sessions(fake) == 0)


@pytest.mark.parametrize("kind", ["audio-start", "audio-chunk"])
def test_the_format_stays(client, kind):
    """Within an utterance."""
    client.begin()
    client.say(kind, None if kind == "audio-start" else bytes(16), rate=8000, width=2, channels=1)
    assert error_of(client)["code"] == "invalid_message"


def test_failures_of_the_model(serve_app, tmp_path):
    """An error instead of the transcript, and the end: a client waits for one of both."""
    path = tmp_path / "socket"
    with (
        serve_app(FakeEngine(error=InferenceError("it broke")), wyoming=f"unix://{path}"),
        wyoming_client(path) as client,
    ):
        client.begin()
        client.speak(speech(600))
        client.say("audio-stop")
        assert error_of(client)["code"] == "inference_failed"


def test_full_server(fake, client, address):
    """Another client is told so while it is sending, and its error is not lost."""
    with wyoming_client(address) as second, wyoming_client(address) as third:
        for one in (client, second):
            one.begin()
        eventually(lambda: live_sessions(fake) == 2)
        third.begin()
        third.speak(speech(3000))
        assert error_of(third)["code"] == "overloaded"
        client.speak(speech(600))
        client.say("audio-stop")
        assert client.until("transcript")[-1].data == {"text": heard(600)}


def test_vanishing_clients(fake, client, engine):
    """Nothing of them is left."""
    client.begin()
    client.speak(speech(600))
    eventually(lambda: engine.open_streams == 1)
    client.sock.shutdown(socket.SHUT_RDWR)
    eventually(lambda: engine.open_streams == 0 and live_sessions(fake) == 0)


def test_an_event_that_is_cut_off(fake, client):
    """It changes nothing, and its connection ends."""
    client.begin()
    client.send(b'{"type": "audio-chunk", "payload_length": 1000}\nabc')
    client.sock.shutdown(socket.SHUT_WR)
    assert client.rest() == []
    eventually(lambda: live_sessions(fake) == 0)


def test_keys(serve_app, tmp_path):
    """All clients count as the key that the settings name. It may be taken away."""
    keys, key_file, path, key = tmp_path / "keys", tmp_path / "key", tmp_path / "socket", new_key()
    write_keys(keys, [hashed("home", key), hashed("other", new_key())])
    key_file.write_text(f"{key}\n")
    settings = {"api_keys_file": str(keys), "wyoming_api_key_file": str(key_file), "wyoming": f"unix://{path}"}
    with serve_app(FakeEngine(), **settings):
        with wyoming_client(path) as client:
            assert client.utterance(speech(600))[2].data == {"text": heard(600)}
        key_file.write_text("another")
    with serve_app(FakeEngine(), **settings), wyoming_client(path) as client:
        client.begin()
        assert error_of(client)["code"] == "invalid_api_key"


@pytest.mark.parametrize(
    "address", ["10300", "tcp://127.0.0.1", "tcp://:1/a", "unix://a/b", "http://a:1", "tcp://a:x"]
)
def test_bad_addresses(address):
    """Refused with the setting's name."""
    with pytest.raises(ParaserveError, match="wyoming"):
        checked_settings({"wyoming": address})


def test_keys_need_a_key():
    """A server with keys is not open to everybody by another door."""
    with pytest.raises(ParaserveError, match="wyoming_api_key_file"):
        checked_settings({"wyoming": "tcp://127.0.0.1:10300", "api_keys_file": "keys"})


@pytest.mark.full
def test_supervised_server(process_factory, demo_dir, tmp_path, samples):
    """The command: a port, two recordings at once, the texts of the WebSocket, and SIGTERM in speech."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        place = probe.getsockname()
    flags = ("--bundle", demo_dir, "--wyoming", f"tcp://127.0.0.1:{place[1]}")
    with process_factory(tmp_path, *flags, command=SUPERVISED) as server:
        with wyoming_client(place) as client:
            events = client.utterance(pcm(samples["mixed_long"]), language="zh")
        said = server.post("/transcribe", samples["mixed_long"].data).json()["text"]
        assert letters(events[-2].data["text"]) == letters(said)
        with wyoming_client(place) as client:
            client.begin()
            client.speak(pcm(samples["zh_date"]))
            eventually(lambda: live_sessions(server) == 1)
            server.process.send_signal(signal.SIGTERM)
            events = client.rest()
        assert [one.type for one in events] == KINDS
        assert events[2].data["text"] == "12月3号。"
        assert server.process.wait(30) == 0


def letters(text):
    return "".join(character for character in text if character.isalnum())
