"""OpenAI's Realtime API over a real WebSocket: turns by silence and by commits, clears, formats, errors, the end."""

import contextlib
import threading
import time

import httpx2
import pytest

from paraserve.errors import InferenceError
from paraserve.types import Hypothesis
from support.fakes import FakeEngine
from support.live import eventually, heard, silence, speech
from support.realtime import PCM, TEXTS, VAD, kinds, realtime

SPOKEN = ["speech_started", "speech_stopped", "committed", "added", "done", "completed"]
COMMITTED = ["committed", "added", "done", "completed"]
PAUSE = silence(400)
IDLE_S = 2.0
BAD_WAV = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x63\0\x63\0" + bytes(400)


@pytest.fixture(scope="module")
def shared_engine():
    return FakeEngine()


@pytest.fixture(scope="module")
def url(serve_app, shared_engine):
    with serve_app(shared_engine) as running:
        yield running.url


@pytest.fixture
def engine(shared_engine):
    """The engine of the server, for a test that changes it."""
    yield shared_engine
    shared_engine.is_held, shared_engine.error, shared_engine.hears = False, None, None
    shared_engine.has_partials = True


def test_turns_by_silence(url):
    """Each turn has its events in OpenAI's order under one id. Times count from the start of the connection."""
    with realtime(url) as client:
        session = client.update(turns=VAD)["session"]
        assert session["audio"]["input"]["turn_detection"] == VAD
        client.append(silence(300) + speech(700) + PAUSE + speech(900, 4000) + PAUSE)
        # The second turn may begin before the text of the first one.
        events = client.turn() + client.turn()
        ids = dict.fromkeys(event["item_id"] for event in events if "item_id" in event)
        first, second = ([event for event in events if _item_of(event) == item_id] for item_id in ids)
        assert (kinds(first), kinds(second)) == (SPOKEN, SPOKEN)
        assert (first[-1]["transcript"], second[-1]["transcript"]) == (heard(700), heard(900, 4000))
        assert first[-1]["usage"] == {"type": "duration", "seconds": 0.7}
        times = [(events[0]["audio_start_ms"], _stopped_ms(events)) for events in (first, second)]
        assert times == [(300, 1000), (1400, 2300)]
        before = [event["previous_item_id"] for event in events if "previous_item_id" in event]
        assert before == [None] * 3 + [next(iter(ids))] * 3
        assert [event["delta"] for event in second if event["type"] == f"{TEXTS}.delta"]


def test_a_turn_without_words(url, engine):
    """It is complete as well, with an empty text."""
    engine.has_partials, engine.hears = False, lambda _: Hypothesis()
    with realtime(url) as client:
        client.update(turns=VAD)
        client.append(speech(500) + PAUSE)
        events = client.turn()
        assert kinds(events) == SPOKEN
        assert events[-1]["transcript"] == ""


def test_turns_by_commits(url):
    """No speech is announced. Pauses end no turn, and partial texts come before the commit, under the turn's id."""
    with realtime(url) as client:
        client.update(turns=None)
        client.append(speech(700) + PAUSE + speech(700, 4000))
        delta = client.next(f"{TEXTS}.delta")
        client.commit()
        events = client.turn()
        assert kinds(events) == COMMITTED
        assert events[-1]["transcript"] == f"{heard(700)} {heard(700, 4000)}"
        assert events[-1]["usage"]["seconds"] == 1.8
        assert events[-1]["item_id"] == delta["item_id"]
        client.append(silence(200))
        client.commit()
        events = client.turn()
        assert (kinds(events), events[-1]["transcript"]) == (COMMITTED, "")


def test_models_whose_clients_commit(url):
    """Clients that ask for them send no turn detection, and mean none."""
    with realtime(url) as client:
        answer = client.update(transcription={"model": "gpt-live-transcribe"})
        assert answer["session"]["audio"]["input"]["turn_detection"] is None
        assert client.update(turns=VAD)["session"]["audio"]["input"]["turn_detection"] == VAD


def test_an_empty_commit(url):
    """It is an error that names the client's event. It changes nothing."""
    with realtime(url) as client:
        client.update(turns=None)
        client.commit(event_id="mine")
        error = client.next("error")["error"]
        assert (error["code"], error["event_id"]) == ("input_audio_buffer_commit_empty", "mine")
        client.append(speech(600))
        client.commit()
        assert client.turn()[-1]["transcript"] == heard(600)
        client.commit()
        assert client.next("error")["error"]["event_id"] is None


def test_commits_with_turn_detection(url):
    """In speech, a commit ends the turn there, and the rest is another one. Outside, the turn has no words."""
    with realtime(url) as client:
        client.update(turns=VAD)
        client.append(speech(700))
        client.commit()
        first = client.turn()
        assert kinds(first) == ["speech_started", *COMMITTED]
        assert first[-1]["transcript"] == heard(700)
        client.append(speech(650) + PAUSE)
        second = client.turn()
        assert kinds(second) == SPOKEN
        assert second[0]["audio_start_ms"] == 700
        client.append(PAUSE)
        client.commit()
        third = client.turn()
        assert (kinds(third), third[-1]["transcript"]) == (COMMITTED, "")
        client.append(speech(700) + PAUSE)
        assert kinds(client.turn()) == SPOKEN


def test_a_commit_at_the_end_of_speech(url):
    """It takes all of the speech, so the silence after it is no turn."""
    with realtime(url) as client:
        client.update(turns=VAD)
        client.append(speech(700))
        client.commit()
        assert client.turn()[-1]["transcript"] == heard(700)
        client.append(PAUSE)
        client.assert_silent()
        client.append(speech(600) + PAUSE)
        assert kinds(client.turn()) == SPOKEN


@pytest.mark.parametrize("turns", [None, VAD], ids=["commits", "silence"])
def test_a_clear(url, turns):
    """What was said since the last turn has no text. Turns that had ended have theirs, and time goes on."""
    with realtime(url) as client:
        client.update(turns=turns)
        client.append(speech(700))
        client.clear()
        assert kinds(client.until("input_audio_buffer.cleared"))[-1:] == ["cleared"]
        client.clear()
        client.next("input_audio_buffer.cleared")
        client.append(speech(800, 4000) + PAUSE)
        if turns is None:
            client.commit()
        events = client.turn()
        assert events[-1]["transcript"] == heard(800, 4000)
        if turns is not None:
            assert (events[0]["audio_start_ms"], _stopped_ms(events)) == (700, 1500)


def test_a_clear_after_a_turn(url, engine):
    """The text of a turn that had ended comes, though the clear overtakes it."""
    engine.is_held, n_before = True, engine.started
    with realtime(url) as client:
        client.update(turns=VAD)
        client.append(speech(700) + PAUSE + speech(400, 4000))
        client.clear()
        eventually(lambda: engine.started > n_before)
        engine.is_held = False
        events = client.until("input_audio_buffer.cleared")
        completed = [event["transcript"] for event in events if event["type"] == f"{TEXTS}.completed"]
        assert completed == [heard(700)]
        assert engine.started == n_before + 1


@pytest.mark.parametrize(
    ("given", "silent"),
    [
        ({"type": "audio/pcm"}, b"\0\0" * 24),
        ({"type": "audio/pcmu"}, b"\xff" * 8),
        ({"type": "audio/pcma"}, b"\xd5" * 8),
    ],
    ids=["24 kHz", "mu-law", "A-law"],
)
def test_formats(url, given, silent):
    """A second of each is a second."""
    with realtime(url) as client:
        client.update(turns=None, format=given)
        client.append(silent * 1000)
        client.commit()
        assert client.turn()[-1]["usage"]["seconds"] == 1.0


def test_other_settings_in_the_middle(url):
    """What counts from the next utterance on ends the present one; no audio is lost."""
    with realtime(url) as client:
        client.update(turns=None)
        client.append(speech(700))
        client.say("session.update", session={"type": "transcription", "audio": {"input": {"turn_detection": VAD}}})
        events = client.until("session.updated")
        assert [event["transcript"] for event in events if "transcript" in event] == [heard(700)]
        client.append(speech(600) + PAUSE)
        events = client.turn()
        assert events[-1]["transcript"] == heard(600)
        assert events[0]["audio_start_ms"] == 700


def test_settings_of_texts_in_the_middle(url):
    """They end nothing."""
    with realtime(url) as client:
        client.update(turns=None)
        client.append(speech(700))
        words = {"audio": {"input": {"transcription": {"keywords": ["Kubernetes"]}}}}
        client.say("session.update", session={"type": "transcription", **words})
        client.append(speech(700))
        client.commit()
        assert client.turn()[-1]["transcript"] == heard(1400)


@pytest.mark.parametrize("turns", [None, VAD], ids=["commits", "silence"])
def test_a_turn_that_fails(url, turns):
    """The client is told, and what it says next is heard."""
    with realtime(url) as client:
        client.update(turns=turns)
        client.append(BAD_WAV)
        if turns is None:
            client.commit()
            events = client.until(f"{TEXTS}.failed")
            assert kinds(events) == ["committed", "added", "done", "failed"]
            error = events[-1]["error"]
        else:
            error = client.next("error")["error"]
        assert error["type"] == "invalid_request_error"
        client.append(speech(700) + PAUSE)
        if turns is None:
            client.commit()
        assert client.turn()[-1]["transcript"] == heard(700)


def test_beta(url):
    """The shape before GA: flat choices, its names of events, items that are created."""
    headers = {"OpenAI-Beta": "realtime=v1"}
    with realtime(url, additional_headers=headers) as client:
        choices = {"input_audio_format": "g711_ulaw", "turn_detection": None}
        client.say("transcription_session.update", session=choices)
        session = client.next("transcription_session.updated")["session"]
        assert (session["input_audio_format"], session["turn_detection"]) == ("g711_ulaw", None)
        client.append(b"\xff" * 4000)
        client.commit()
        assert kinds(client.turn()) == ["committed", "created", "completed"]


def test_a_browser(url):
    """Its key and the shape that it speaks are among the subprotocols, and one of the others comes back."""
    offered = ["realtime", "openai-insecure-api-key.k", "openai-beta.realtime-v1"]
    with realtime(url, "/v1/realtime?model=gpt-realtime", subprotocols=offered) as client:
        assert client.ws.subprotocol == "realtime"
        client.say("session.update", session={"turn_detection": None})
        assert client.next("session.updated")["session"]["input_audio_format"] == "pcm16"


def test_a_long_append(url):
    """Ten seconds and more in one message, as OpenAI allows; not more than 15 MiB."""
    with realtime(url, max_size=None) as client:
        client.update(turns=None)
        client.append(speech(40_000), frame_bytes=10**7)
        client.say("input_audio_buffer.append", audio="A" * (21 * 1024**2), event_id="long")
        client.commit()
        events = client.turn()
        (error,) = [event["error"] for event in events if event["type"] == "error"]
        assert (error["code"], error["event_id"]) == ("message_too_large", "long")
        assert events[-1]["transcript"] == heard(40_000)


def test_logprobs(url):
    """Words with their probabilities, where they are included."""
    with realtime(url) as client:
        given = {"turn_detection": None, "format": PCM}
        include = ["item.input_audio_transcription.logprobs"]
        client.say("session.update", session={"type": "transcription", "include": include, "audio": {"input": given}})
        assert client.next("session.updated")["session"]["include"] == include
        client.append(speech(700))
        client.commit()
        (word,) = client.turn()[-1]["logprobs"]
        assert (word["token"], bytes(word["bytes"]).decode()) == (heard(700), heard(700))
        assert -0.7 < word["logprob"] < -0.69


def test_a_fatal_error(url, engine):
    """The turn has failed, the error says why the connection ends, and its close frame has the code."""
    with realtime(url) as client:
        client.update(turns=VAD)
        client.append(speech(700))
        client.until(f"{TEXTS}.delta")
        engine.error = InferenceError("no")
        client.append(PAUSE)
        events, code, reason = client.rest()
        assert kinds(events)[-2:] == ["failed", "error"]
        assert events[-1]["error"]["type"] == "server_error"
        assert (code, reason) == (1011, "inference_failed")


def test_a_client_secret_without_keys(url):
    """A server that wants no keys gives secrets as well: their choices count."""
    session = {
        "type": "transcription",
        "audio": {"input": {"format": {"type": "audio/pcmu"}, "turn_detection": None}},
    }
    answer = httpx2.post(f"{url}/v1/realtime/client_secrets", json={"session": session}, trust_env=False).json()
    with realtime(url, additional_headers={"Authorization": f"Bearer {answer['value']}"}) as client:
        client.append(b"\xff" * 8000)
        client.commit()
        assert client.turn()[-1]["usage"]["seconds"] == 1.0


def test_audio_in_text_frames_is_no_idling(serve_app):
    """A client that sends audio is not idle; one that stops is told."""
    with serve_app(FakeEngine(), live_idle_timeout_s=IDLE_S) as running, realtime(running.url) as client:
        client.update(turns=None)
        started = time.monotonic()
        while time.monotonic() < started + 1.5 * IDLE_S:
            client.append(silence(100))
            time.sleep(0.1)
        client.commit()
        assert client.turn()[-1]["usage"]["seconds"] > 0
        events, code, reason = client.rest()
        assert events[-1]["error"]["code"] == "idle_timeout"
        assert events[-1]["error"]["event_id"] is None
        assert (code, reason) == (1008, "idle_timeout")


def test_the_server_stops(serve_app):
    """What was said has its text, committed or not."""
    serving = contextlib.ExitStack()
    running = serving.enter_context(serve_app(FakeEngine()))
    stopping = threading.Thread(target=serving.close)
    with realtime(running.url) as waiting, realtime(running.url) as speaking:
        waiting.update(turns=None)
        speaking.update(turns=VAD)
        for client in (waiting, speaking):
            client.append(speech(700))
            client.until(f"{TEXTS}.delta")
        stopping.start()
        for client in (waiting, speaking):
            events, code, reason = client.rest()
            assert [event["transcript"] for event in events if "transcript" in event] == [heard(700)]
            assert (code, reason) == (1012, "shutting_down")
    stopping.join()


def _item_of(event):
    return event["item"]["id"] if "item" in event else event["item_id"]


def _stopped_ms(events):
    (found,) = (event["audio_end_ms"] for event in events if "audio_end_ms" in event)
    return found
