"""A live session by its contract: typed requests in, typed events out, in order, whatever the protocol is."""

import asyncio
import struct
from dataclasses import replace

import pytest

from paraserve.errors import InferenceError, ProtocolError
from paraserve.hotword_types import Hotword
from paraserve.options import RecognitionOptions, StreamConfig
from paraserve.runtime.recorded_file import FileLimits
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.runtime.scheduling.batches import Lane
from paraserve.server.live.live_session import LiveSession
from paraserve.server.live.queues import CloseRequest, Inbox, Outbox, ReceivedFrame
from paraserve.server.live.recorded_utterance import LiveContext
from paraserve.server.protocols.events import (
    Acknowledged,
    Configured,
    Failed,
    Finished,
    PartialText,
    RecordingText,
    SegmentText,
)
from paraserve.server.protocols.requests import Audio, BadMessage, Configure, EndUtterance, LiveSettings
from paraserve.server.telemetry.metrics import Metrics
from paraserve.settings import Settings
from paraserve.wiring import open_decode_pool
from support.fakes import FakeEngine
from support.live import heard, silence, speech

STOP = CloseRequest(1012, "shutting_down")
SPEECH = Audio(speech(700), wants_reply=True)
PAUSE = Audio(silence(500), wants_reply=True)
END = EndUtterance(wants_reply=True)
RECORDING = Configure(LiveSettings(is_recording=True))
FAILED_FILE = Configure(LiveSettings(is_recording=True, file_format="mp3"))
BROKEN_WAV = Audio(
    struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 0, b"WAVE", b"fmt ", 16, 1, 0, 16000, 0, 0, 16, b"data", 0)
)


class ScriptedProtocol:
    """Reads each frame as the request of that number. `code` closes the connection after any error."""

    def __init__(self, requests, code=None):
        self.settings = LiveSettings()
        self.requests = requests
        self.code = code

    def read(self, frame):
        return [self.requests[int(frame)]]

    def write(self, event, took_s=None):
        raise AssertionError("a session writes no frames")

    def close_code(self, error):
        return self.code


async def events_of(requests, *, code=None, engine=None):
    """What a client that reads everything is told, partial texts left out, and how the session ended.

    The session is stopped after the requests.
    """
    inbox, outbox = Inbox(), Outbox()
    for n in range(len(requests)):
        await inbox.put(ReceivedFrame(str(n), float(n)))
    inbox.stop(STOP)
    pool = open_decode_pool(Settings())
    routed = RoutedEngine.of_one("demo", "demo", engine or FakeEngine())
    context = LiveContext(routed, pool, FileLimits(3_600_000), 10**9, Metrics())
    reading = asyncio.create_task(_read_all(outbox))
    try:
        end = await LiveSession(context, ScriptedProtocol(requests, code), inbox, outbox).run()
    except InferenceError as error:
        end = error
    finally:
        outbox.stop(STOP)
        await pool.close()
    return await reading, end


async def _read_all(outbox):
    events = []
    while not isinstance(event := await outbox.get(), CloseRequest):
        if not isinstance(event, PartialText):
            events.append(_without_times(event))
    return events


def _without_times(event):
    if isinstance(event, RecordingText):
        return event.text
    if isinstance(event, SegmentText):
        return event.text.strip()
    return event


async def test_replies_in_the_order_of_the_audio():
    """Each audio that wants a reply has one, after the texts that it brought; the end comes last."""
    events, stop = await events_of([SPEECH, PAUSE, SPEECH, END])
    assert [event for event in events if isinstance(event, str)] == [heard(700), heard(700)]
    assert events.count(Acknowledged()) == 3
    assert events[-1] == Finished(wants_reply=True)
    assert stop is STOP


@pytest.mark.parametrize("audio", [Audio(b"", wants_reply=True), Audio(speech(5000), wants_reply=True)])
async def test_one_reply_for_audio_of_any_length(audio):
    """Nothing is not divided, and much is divided into pieces: it stays one message."""
    events, _ = await events_of([audio, audio, END])
    assert events.count(Acknowledged()) == 2


async def test_replies_tell_how_far_the_audio_is():
    """Of the utterance, up to and with the audio that they are about."""
    events, _ = await events_of([SPEECH, END, Audio(speech(300)), Audio(speech(200), wants_reply=True), END])
    assert [event.audio_ms for event in events if isinstance(event, Acknowledged)] == [700, 500]


async def test_a_recording():
    """Its one text comes after its end; each of its messages has its reply."""
    events, _ = await events_of([RECORDING, SPEECH, SPEECH, END])
    assert events == [Configured(), Acknowledged(), Acknowledged(), heard(1400), Finished(wants_reply=True)]


async def test_a_file_that_cannot_be_used():
    """The error is the utterance's last word; `Finished` repeats its message."""
    *before, failed, finished = (await events_of([FAILED_FILE, SPEECH, END]))[0]
    assert before == [Configured(), Acknowledged()]
    assert isinstance(failed, Failed)
    assert finished == Finished(wants_reply=True, problem=failed.error.message)


async def test_the_rest_of_a_failed_utterance():
    """It is dropped, and its messages still have their replies; the next utterance works."""
    events, _ = await events_of([BROKEN_WAV, SPEECH, END, SPEECH, END])
    assert isinstance(events[0], Failed)
    assert events[1] == Acknowledged()
    assert isinstance(events[2], Finished)
    assert [event for event in events[3:] if isinstance(event, str)] == [heard(700)]


@pytest.mark.parametrize("mode", ["2pass", "online"])
async def test_an_end_without_audio(mode):
    """An empty text of the kind that the client waits for."""
    settings = LiveSettings(StreamConfig(mode=mode))
    events, _ = await events_of([Configure(settings), END])
    assert events == [Configured(), *([""] if mode == "2pass" else []), Finished(wants_reply=True)]


async def test_settings_within_an_utterance():
    """They are confirmed between the texts, where they begin to count."""
    options = RecognitionOptions(hotwords=(Hotword("a"),))
    later = Configure(LiveSettings(replace(StreamConfig(), options=options)))
    events, _ = await events_of([SPEECH, later, SPEECH, END])
    assert [type(event) for event in events] == [Acknowledged, Configured, Acknowledged, str, Finished]


async def test_a_bad_message():
    """It is told, and changes nothing."""
    bad = BadMessage(ProtocolError("no"))
    events, _ = await events_of([bad, SPEECH, bad, END])
    assert [event for event in events if event not in (Acknowledged(), heard(700))] == [
        Failed(bad.error),
        Failed(bad.error),
        Finished(wants_reply=True),
    ]


async def test_a_bad_message_that_ends_the_connection():
    """The utterance gets its text first; nothing that comes later is read."""
    bad = BadMessage(ProtocolError("no", code="invalid_json"))
    events, stop = await events_of([SPEECH, bad, SPEECH, END], code=1008)
    assert events == [Acknowledged(), Failed(bad.error), heard(700), Finished()]
    assert stop == CloseRequest(1008, "invalid_json")


async def test_an_end_that_closes_the_connection():
    """Nothing after it is read."""
    events, stop = await events_of([SPEECH, EndUtterance(closes_connection=True), SPEECH, END])
    assert events == [Acknowledged(), heard(700), Finished()]
    assert stop == CloseRequest(1000, "")


async def test_stopped_between_utterances():
    """Nothing is left to say."""
    assert await events_of([]) == ([], STOP)
    events, _ = await events_of([SPEECH, END])
    assert events[-1] == Finished(wants_reply=True)


async def test_stopped_within_an_utterance():
    """It ends as if the client had ended it."""
    events, stop = await events_of([SPEECH])
    assert events == [Acknowledged(), heard(700), Finished()]
    assert stop is STOP


async def test_an_error_that_ends_the_connection():
    """`Failed` is the last event."""
    broken = InferenceError("broken")
    events, end = await events_of([SPEECH, END], code=1011, engine=FakeEngine(error=broken))
    assert (events, end) == ([Acknowledged(), Failed(broken, ends_utterance=True)], broken)


async def test_audio_that_comes_faster_than_speech():
    """It is served behind the speech of others, in its utterance and the next; a short utterance before is not."""
    lanes = []

    class Noting(FakeEngine):
        async def recognize(self, audio, options, lane):
            lanes.append(lane)
            return await super().recognize(audio, options, lane)

    await events_of([SPEECH, END, *[SPEECH, PAUSE] * 9, END, SPEECH, END], engine=Noting())
    assert len(lanes) == 11
    assert (lanes[0], lanes[-2], lanes[-1]) == (Lane.FINAL, Lane.AHEAD, Lane.AHEAD)
