"""vosk-server's protocol on a real socket: one reply to each message, as its clients count them."""

import contextlib
import json
import signal
from dataclasses import dataclass

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from paraserve.errors import InferenceError
from support.audio_files import pcm_wav
from support.fakes import FakeEngine
from support.live import assert_works, eventually, heard, live, live_sessions, silence, speech
from support.live_messages import check_from_server

FRAME_BYTES = 6400
"""200 ms at 16 kHz, as vosk-server's own clients send."""
CONFIG = {"config": {"sample_rate": 16000.0}}
EOF = '{"eof" : 1}'
TWO_SEGMENTS = speech(1000) + silence(600) + speech(600, 4000)


@dataclass
class VoskClient:
    """Sends and receives in turn, as vosk-server's clients do. `/asyncapi.json` must describe each reply."""

    ws: ClientConnection

    def ask(self, message):
        """A message and the reply to it."""
        self.ws.send(message)
        return self.receive()

    def receive(self):
        text = self.ws.recv(20)
        check_from_server("vosk", text)
        return json.loads(text)

    def replies(self, audio, frame_bytes=FRAME_BYTES):
        """One for each frame."""
        return [self.ask(audio[start : start + frame_bytes]) for start in range(0, len(audio), frame_bytes)]

    def close_code(self):
        """Code and reason; nothing may come before them."""
        with pytest.raises(ConnectionClosed):
            raise AssertionError(self.ws.recv(20))
        return self.ws.close_code, self.ws.close_reason


@contextlib.contextmanager
def vosk(url, path="/vosk", config=CONFIG):
    with live(url, path) as client:
        if config is not None:
            client.say(**config)
        yield VoskClient(client.ws)


def texts(replies):
    return [reply["text"] for reply in replies if reply.get("text")]


@pytest.fixture(scope="module")
def url(serve_app):
    with serve_app(FakeEngine()) as client:
        yield client.url


@pytest.mark.parametrize("path", ["/vosk", "/", "/asr/en/"])
def test_send_and_receive_in_turn(url, path):
    """On its own path, and on every path after a configuration: each frame has its reply, the end the rest."""
    with vosk(url, path) as client:
        replies = client.replies(TWO_SEGMENTS)
        last = client.ask(EOF)
        assert texts([*replies, last]) == [heard(1000), heard(600, 4000)]
        assert all(set(reply) in ({"partial"}, {"result", "text"}) for reply in replies)
        assert client.close_code() == (1000, "")


def test_growing_partials(url):
    """A partial is all that was said of the segment so far."""
    with vosk(url) as client:
        partials = [reply["partial"] for reply in client.replies(speech(2400))]
    assert partials == sorted(partials, key=len)
    assert partials[-1].startswith("<9600>")
    assert len(set(partials)) >= 3


def test_times_of_words(url):
    """In seconds from the start."""
    with vosk(url) as client:
        replies = [*client.replies(silence(300) + speech(1000) + silence(600)), client.ask(EOF)]
    (word,) = next(reply["result"] for reply in replies if "result" in reply)
    assert word == {"conf": 0.5, "end": 1.3, "start": 0.3, "word": heard(1000)}


def test_messages_ahead_of_their_replies(url):
    """A client that does not wait gets as many replies, and one for the end."""
    n_frames = 300
    with vosk(url) as client:
        for _ in range(n_frames):
            client.ws.send(speech(20))
        client.ws.send(EOF)
        replies = [client.receive() for _ in range(n_frames + 1)]
        assert texts(replies) == [heard(20 * n_frames)]
        assert texts(replies[-1:])
        assert client.close_code() == (1000, "")


@pytest.mark.parametrize("frame", [b"", b"1", speech(60_000)], ids=["empty", "half a sample", "a minute"])
def test_frames_of_any_length(url, frame):
    """Each has one reply."""
    with vosk(url) as client:
        replies = [client.ask(frame) for _ in range(3)]
        assert [reply for reply in replies if "partial" not in reply] == []
        assert "text" in client.ask(EOF)
        assert client.close_code() == (1000, "")


def test_without_a_configuration(url):
    """On its path a client may send audio at once: 8 kHz, vosk-server's default."""
    with vosk(url, config=None) as client:
        client.replies(speech(1000))
        n_samples, _ = client.ask(EOF)["text"].split("x")
    assert abs(int(n_samples) - 32_000) <= 160


def test_a_wav_file_with_its_header(url):
    """vosk-server's Go client sends the whole file: its header is not audio."""
    wav_header = b"RIFF\xff\xff\xff\x7fWAVEfmt \x10\0\0\0\1\0\1\0\x80>\0\0\0}\0\0\2\0\x10\0data\xff\xff\xff\x7f"
    with vosk(url, config=None) as client:
        client.replies(wav_header + speech(1000))
        assert client.ask(EOF)["text"] == heard(1000)


def test_nothing_said(url):
    """The end alone, and silence, have an empty text."""
    with vosk(url) as client:
        assert client.ask(EOF) == {"text": ""}
        assert client.close_code() == (1000, "")
    with vosk(url) as client:
        assert {json.dumps(reply) for reply in client.replies(silence(1000))} == {'{"partial": ""}'}
        assert client.ask(EOF) == {"text": ""}


def test_reset(url):
    """The final result so far, and the connection goes on; times count from its start."""
    with vosk(url) as client:
        client.replies(speech(1000))
        assert client.ask('{"reset" : 1}')["text"] == heard(1000)
        client.replies(speech(600))
        last = client.ask(EOF)
        assert (last["text"], last["result"][0]["start"]) == (heard(600), 1.0)


def test_warnings(url):
    """What is not honoured is told with the first reply after the configuration."""
    with vosk(url, config={"config": {"sample_rate": 16000, "phrase_list": ["hello"], "speed": 2}}) as client:
        first, second = client.ask(speech(100)), client.ask(speech(100))
    assert [warning["param"] for warning in first["warnings"]] == ["phrase_list", "speed"]
    assert "warnings" not in second


@pytest.mark.parametrize("asked", [None, 8000, 16_000])
def test_the_rate_of_a_wav_header_counts(url, asked):
    """A client that names another rate is told so."""
    wav = pcm_wav(b"\xb8\x0b" * 8000, sample_rate=8000)
    with vosk(url, config=None if asked is None else {"config": {"sample_rate": asked}}) as client:
        reply = client.ask(wav)
        told = [(one["code"], one["param"]) for one in reply.get("warnings", [])]
    assert told == ([("not_honoured", "sample_rate")] if asked == 16_000 else [])


@pytest.mark.parametrize("path", ["/vosk", "/"])
@pytest.mark.parametrize(
    ("config", "code"), [({"sample_rate": "fast"}, "invalid_value"), ({"model": "en"}, "model_not_found")]
)
def test_bad_configuration(url, path, config, code):
    """The error, then 1008: a client that counts replies could not go on."""
    with vosk(url, path, config={"config": config}) as client:
        error = client.receive()
        assert (error["text"], error["error"]["code"]) == ("", code)
        assert client.close_code() == (1008, code)


def test_bad_message(url):
    """The error, the text so far, then 1008."""
    with vosk(url) as client:
        client.replies(speech(1000))
        assert client.ask("nonsense")["error"]["code"] == "invalid_json"
        assert client.receive()["text"] == heard(1000)
        assert client.close_code() == (1008, "invalid_json")


def test_too_many_connections(serve_app):
    """Told in a reply, and closed with 1013; a place that becomes free is given to the next."""
    with serve_app(FakeEngine(), max_live=1) as server:
        with vosk(server.url), vosk(server.url, config=None) as second:
            assert second.receive()["error"]["code"] == "overloaded"
            assert second.close_code() == (1013, "overloaded")
        eventually(lambda: live_sessions(server) == 0)
        with vosk(server.url) as third:
            assert third.ask(EOF) == {"text": ""}


def test_model_failure(serve_app):
    """An error reply, then 1011."""
    with serve_app(FakeEngine(error=InferenceError("broken"))) as server, vosk(server.url) as client:
        client.replies(speech(1000))
        assert client.ask(EOF)["error"]["code"] == "inference_failed"
        assert client.close_code() == (1011, "inference_failed")


def test_a_client_that_leaves_after_the_end(serve_app):
    """vosk-server's pages close without reading: the server goes on."""
    with serve_app(FakeEngine()) as server:
        with vosk(server.url) as client:
            client.ws.send(speech(1000))
            client.ws.send(EOF)
        eventually(lambda: live_sessions(server) == 0)
        assert_works(server.url)


@pytest.mark.slow
def test_shutdown(start_fake_server):
    """What was said until then is one last result, then 1012; a client between two messages is just closed."""
    server = start_fake_server()
    with vosk(server.url) as speaking, vosk(server.url, "/") as quiet:
        speaking.replies(speech(1000))
        server.process.send_signal(signal.SIGTERM)
        assert speaking.receive()["text"] == heard(1000)
        assert speaking.close_code() == (1012, "shutting_down")
        assert quiet.close_code() == (1012, "shutting_down")
    assert server.wait(10) == 0


@pytest.mark.slow
def test_log_and_metrics(start_fake_server):
    """Partial and final texts are counted as those of any live client."""
    server = start_fake_server()
    with vosk(server.url) as client:
        client.replies(speech(1300))
        client.ask(EOF)
        client.close_code()
    server.wait_for_log("live session")
    (line,) = [json.loads(line) for line in server.log.splitlines() if "live session" in line]
    assert line.items() >= {"mode": "2pass", "utterances": 1, "audio_ms": 1300, "close_code": 1000}.items()
    assert heard(1300) not in server.log
    assert server.metric(r'paraserve_live_results_total\{kind="final"\}') == 1
    assert server.metric(r'paraserve_live_latency_seconds_count\{kind="partial"\}') >= 1


@pytest.mark.parametrize("name", ["zh_phone", "en_date", "mixed_long"])
def test_demo_bundle(server, samples, name):
    """Real models: the results joined are what is said in the recording, and so are the words."""
    sample = samples[name]
    with vosk(server.url, "/") as client:
        replies = [*client.replies(sample.data), client.ask(EOF)]
        assert client.close_code() == (1000, "")
    assert letters("".join(texts(replies))) == letters(sample.text)
    words = [word for reply in replies for word in reply.get("result", [])]
    assert letters("".join(word["word"] for word in words)) == letters(sample.text)
    assert [word["start"] for word in words] == sorted(word["start"] for word in words)
    assert all(0 <= word["start"] <= word["end"] and 0 <= word["conf"] <= 1 for word in words)


def letters(text):
    """Without spaces: segments are results of their own."""
    return text.replace(" ", "")
