"""The live client against a server that breaks off, refuses and talks nonsense."""

import asyncio
import contextlib
import json
import socket
from itertools import chain, repeat

import numpy as np
import pytest
from websockets.asyncio.server import serve

from paraserve.errors import InferenceError, OverloadedError, ParaserveError, ProtocolError
from paraserve_client import ChunkSize, Heard, Live, LiveOptions, Notice, Reconnect
from support.live_stub import SECOND_BYTES, Stub, speech

QUICK = Reconnect(first_s=0.01, longest_s=0.05)


async def collect(live, audio, *, frame_bytes=3200):
    """Send everything and read everything, side by side."""

    async def send():
        for start in range(0, len(audio), frame_bytes):
            await live.send(audio[start : start + frame_bytes])
        await live.finish()

    sender = asyncio.create_task(send())
    updates = [update async for update in live]
    await sender
    return updates


def finals(updates):
    return [update.text for update in updates if not update.is_partial and update.text]


async def test_updates_of_an_utterance():
    """Partials, a text for each segment, and one final update that ends the iteration."""
    async with Stub(times="timestamp").running() as url, Live(url) as live:
        updates = await collect(live, speech(3.5))
    assert finals(updates) == ["1", "2", "3", "4"]
    assert [u.segment_index for u in updates if not u.is_partial] == [0, 1, 2, 3]
    assert [u.is_final for u in updates] == [False] * (len(updates) - 1) + [True]
    assert [u.timestamps for u in updates if u.text == "2"] == [((1000, 2000),)]
    assert updates[-1].raw["wav_name"] == "stub"


async def test_what_was_not_understood():
    """Figures and notice of a result are those of its update; without them, and where they are none, it has none."""
    figures = {"speech_ms": 3000, "recognized_ms": 1000, "unknown_tokens": 4}
    notice = {"notice": {"code": "outside_vocabulary", "message": "load another model"}}

    async def say(connection):
        await connection.recv()
        for more in ({}, figures, figures | notice, {"speech_ms": "many", "notice": "x"}):
            await connection.send(json.dumps({"mode": "2pass-offline", "text": "a", "is_final": False} | more))
        await connection.send(json.dumps({"mode": "2pass", "text": "", "is_final": True, "is_end": True}))

    async with serve(say, "127.0.0.1", 0) as server, Live(url_of(server)) as live:
        updates = [update async for update in live]
    heard, told = Heard(3000, 1000, 4), Notice("outside_vocabulary", "load another model")
    assert [update.heard for update in updates] == [None, heard, heard, None]
    assert [update.notice for update in updates] == [None, None, told, None]


@pytest.mark.slow
async def test_a_server_that_acknowledges_nothing():
    """Its final result is the last one all the same."""
    async with Stub(acknowledges=False).running() as url, Live(url) as live:
        updates = await collect(live, speech(1.5))
    assert finals(updates) == ["1", "2"]
    assert [u.is_final for u in updates] == [False, False, True]


async def test_a_server_that_calls_every_segment_final():
    """The last one is the one that is acknowledged."""

    async def say(connection):
        await connection.recv()
        for text in "ab":
            await connection.send(json.dumps({"mode": "2pass-offline", "text": text, "is_final": True}))
        await connection.recv()
        await connection.send(json.dumps({"mode": "2pass-offline", "text": "c", "is_final": True}))
        await connection.send(json.dumps({"mode": "2pass", "text": "", "is_final": True, "is_end": True}))

    async with serve(say, "127.0.0.1", 0) as server, Live(url_of(server)) as live:
        await live.finish()
        assert [(u.text, u.is_final) async for u in live] == [("a", False), ("b", False), ("c", True)]


async def test_the_last_words_of_a_server_that_does_not_come_back():
    """They are half a sentence, which is better than nothing."""
    stub = Stub(chain([SECOND_BYTES + 6400], repeat(0)), 1012)
    async with stub.running() as url, Live(url, reconnect=Reconnect(attempts=2, first_s=0.01)) as live:
        await live.send(speech(1))
        assert [(await anext(live)).text for _ in range(2)] == ["~", "1"]
        await live.send(speech(1.2)[SECOND_BYTES:])
        assert (await anext(live)).text == "2"
        with pytest.raises(OverloadedError):
            await anext(live)


async def test_partial_texts_grow_and_begin_again_with_each_segment():
    """A partial update has all that was said of its segment, not what is new."""
    parts = [("2pass-online", "a"), ("2pass-online", "b"), ("2pass-offline", "ab."), ("2pass-online", "c")]

    async def say(socket):
        await socket.recv()
        for mode, text in parts:
            await socket.send(json.dumps({"mode": mode, "text": text, "is_final": False}))
        await socket.wait_closed()

    async with serve(say, "127.0.0.1", 0) as server, Live(url_of(server)) as live:
        updates = [await anext(live) for _ in parts]
    assert [(u.text, u.is_partial, u.segment_index) for u in updates] == [
        ("a", True, 0),
        ("ab", True, 0),
        ("ab.", False, 0),
        ("c", True, 1),
    ]


async def test_the_first_message_says_what_is_wanted():
    """Options in FunASR's fields; hotwords as its JSON text; extra fields as they are."""
    stub = Stub()
    options = LiveOptions(
        ChunkSize(0, 8, 4),
        ("达摩院", "open source"),
        itn=False,
        sample_rate=8000,
        wav_name="me",
        extra={"timing": True},
    )
    async with stub.running() as url, Live(url, "offline", options=options) as live:
        await collect(live, b"")
    assert stub.firsts == [
        {
            "mode": "offline",
            "chunk_size": [0, 8, 4],
            "hotwords": '{"达摩院": 20, "open source": 20}',
            "itn": False,
            "audio_fs": 8000,
            "wav_format": "pcm",
            "wav_name": "me",
            "is_speaking": True,
            "resume": True,
            "timing": True,
        }
    ]


async def test_samples_are_sent_as_16_bit():
    """Floats are scaled and clipped, bytes go as they are."""
    heard = asyncio.get_running_loop().create_future()

    async def listen(socket):
        await socket.recv()
        data = b""
        while isinstance(frame := await socket.recv(), bytes):
            data += frame
        heard.set_result(data)

    async with serve(listen, "127.0.0.1", 0) as server, Live(url_of(server)) as live:
        await live.send(np.array([0, 0.5, -1, 2], np.float32))
        await live.send(b"\x01\x02")
        await live.finish()
        data = await heard
    assert np.frombuffer(data, "<i2").tolist() == [0, 16384, -32768, 32767, 0x0201]


@pytest.mark.parametrize("times", ["end_time", "timestamp"])
@pytest.mark.parametrize("close_code", [None, 1001, 1012, 1013])
async def test_a_broken_connection_loses_and_repeats_nothing(times, close_code):
    """However often it breaks, every second has its text once, with times that go on."""
    seconds = 30
    rng = np.random.default_rng(0)
    for _ in range(3):
        cuts = rng.integers(1, 8 * SECOND_BYTES, 6).tolist()
        stub = Stub(chain(cuts, repeat(None)), close_code, times)
        async with stub.running() as url, Live(url, reconnect=QUICK) as live:
            updates = await collect(live, speech(seconds - 0.5))
        assert finals(updates) == [str(n) for n in range(1, seconds + 1)]
        starts = [u.timestamps[0][0] for u in updates if u.timestamps]
        assert starts == ([1000 * n for n in range(seconds)] if times == "timestamp" else [])
        assert [u.segment_index for u in updates if not u.is_partial] == list(range(seconds))
        assert len(stub.firsts) == 7


async def test_a_session_that_is_kept_is_worth_more_attempts():
    """The client comes back after an outage that is longer than its attempts last, with its token, and goes on."""
    firsts = []

    async def say(connection):
        firsts.append(json.loads(await connection.recv()))
        told = {"session_token": "t", "resumed": len(firsts) > 1, "received_bytes": 4, "received_messages": 1}
        await connection.send(json.dumps({**told, "mode": "2pass", "text": "", "is_final": False}))
        if len(firsts) == 1:
            partial = {"mode": "2pass-online", "text": "a", "is_final": False, "seq": 1}
            await connection.send(json.dumps(partial))
            await asyncio.sleep(0.1)
            connection.transport.abort()
            return
        assert await connection.recv() == b"fg"
        await connection.send(json.dumps({"mode": "2pass-offline", "text": "b", "is_final": True, "seq": 2}))
        await connection.send(json.dumps({"mode": "2pass", "text": "", "is_final": True, "is_end": True, "seq": 3}))

    one_attempt = Reconnect(attempts=1, first_s=0.01, longest_s=0.02)
    async with serve(say, "127.0.0.1", 0) as server, Live(url_of(server), reconnect=one_attempt) as live:
        port = server.sockets[0].getsockname()[1]
        await live.send(b"bcde")
        assert (await anext(live)).text == "a"
        server.close(close_connections=False)
        await asyncio.sleep(0.5)
        async with serve(say, "127.0.0.1", port):
            await live.send(b"fg")
            await live.finish()
            assert [update.text async for update in live] == ["b"]
    assert [(one["resume"], one.get("session_token"), one.get("seq")) for one in firsts] == [
        (True, None, None),
        (True, "t", 1),
    ]


async def test_without_times_texts_may_come_twice_but_none_is_lost():
    """Nothing says what the texts cover, so all audio is sent again."""
    stub = Stub(chain([2 * SECOND_BYTES + 6400], repeat(None)), times="")
    async with stub.running() as url, Live(url, reconnect=QUICK) as live:
        assert finals(await collect(live, speech(3.5))) == ["1", "2", "1", "2", "3", "4"]


@pytest.mark.parametrize(("mode", "text"), [("online", "." * 4 * SECOND_BYTES + "!"), ("offline", "1 2 3 4")])
async def test_other_modes_begin_again(mode, text):
    """There is one text, of all audio; updates before the break are replaced."""
    stub = Stub(chain([SECOND_BYTES, 3 * SECOND_BYTES], repeat(None)))
    async with stub.running() as url, Live(url, mode, reconnect=QUICK) as live:
        updates = await collect(live, speech(4))
    assert (updates[-1].text, updates[-1].is_final, updates[-1].is_partial) == (text, True, False)
    assert {u.segment_index for u in updates} == {0}


async def test_audio_that_is_gone_is_not_passed_over():
    """A transcript of what is left would look whole; in mode 2pass what is that old is silence."""
    few = Reconnect(first_s=0.01, keep_s=1.0)
    stub = Stub(chain([3 * SECOND_BYTES], repeat(None)))
    async with stub.running() as url, Live(url, "offline", reconnect=few) as live:
        with pytest.raises(OverloadedError):
            await collect(live, speech(4))


async def test_a_server_that_comes_back_is_found_again():
    """Connections are refused while it restarts; meanwhile audio may be sent."""
    stub = Stub()
    async with contextlib.AsyncExitStack() as stack:
        async with stub.running() as url:
            reconnect = Reconnect(attempts=100, first_s=0.02, longest_s=0.02)
            live = await stack.enter_async_context(Live(url, reconnect=reconnect))
            await live.send(speech(2.5))
            assert [(await anext(live)).text for _ in range(4)] == ["~", "1", "~", "2"]
        await live.send(speech(4)[int(2.5 * SECOND_BYTES) :])
        await asyncio.sleep(0.1)
        async with stub.running(int(url.rsplit(":", 1)[1])):
            await live.finish()
            assert finals([update async for update in live]) == ["3", "4"]
    assert len(stub.firsts) == 2


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


async def test_a_server_that_is_not_there():
    """After the attempts allowed, one error that says so."""
    url = f"ws://127.0.0.1:{free_port()}"
    with pytest.raises(OverloadedError, match=url) as caught:
        async with Live(url, reconnect=Reconnect(attempts=3, first_s=0.01)):
            pass
    assert caught.value.code == "no_connection"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense", "ws://", "ws://host:99999999"])
async def test_not_a_url(url):
    """Refused at once."""
    with pytest.raises(ProtocolError, match="not the URL") as caught:
        async with Live(url):
            pass
    assert caught.value.code == "invalid_url"


async def answer(*messages, close_code=None, reason="because"):
    """The error that a client raises after these answers to its first message, and the number of its connections."""
    n_connections = 0

    async def say(connection):
        nonlocal n_connections
        n_connections += 1
        await connection.recv()
        for message in messages:
            await connection.send(message if isinstance(message, str | bytes) else json.dumps(message))
        if close_code is not None:
            await connection.close(close_code, reason)
        await connection.wait_closed()

    async with serve(say, "127.0.0.1", 0) as server:
        try:
            async with Live(url_of(server), reconnect=Reconnect(attempts=2, first_s=0.01)) as live:
                await live.finish()
                async for _ in live:
                    pass
        except ParaserveError as error:
            return error, n_connections
    raise AssertionError("no error")


def url_of(server):
    return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def refusal(code):
    error = {"code": code, "message": "why", "request_id": "1"}
    return {"mode": "2pass-offline", "text": "", "wav_name": "", "is_final": True, "error": error}


@pytest.mark.parametrize(
    ("code", "close_code", "kind", "n_connections"),
    [
        ("invalid_value", None, ProtocolError, 1),
        ("inference_failed", None, InferenceError, 1),
        ("internal_error", 1011, ParaserveError, 1),
        ("message_too_big", 1009, ProtocolError, 1),
        ("refused", 1008, ProtocolError, 1),
        ("overloaded", 1013, OverloadedError, 3),
        ("not_ready", 1013, OverloadedError, 3),
        ("shutting_down", 1012, OverloadedError, 3),
    ],
)
async def test_errors_of_the_server(code, close_code, kind, n_connections):
    """Its code and message as the exception of that kind; only what may pass is tried again."""
    error, n = await answer(refusal(code), close_code=close_code)
    assert (type(error), error.code, error.message, n) == (kind, code, "why", n_connections)


@pytest.mark.parametrize(
    ("close_code", "kind", "n_connections"),
    [(1000, ProtocolError, 1), (1008, ProtocolError, 1), (1009, ProtocolError, 1), (1011, ParaserveError, 1)]
    + [(code, OverloadedError, 3) for code in (1012, 1013)],
)
async def test_closes_without_a_word(close_code, kind, n_connections):
    """The close code alone says as much; its reason is passed on."""
    error, n = await answer(close_code=close_code)
    assert (type(error), n) == (kind, n_connections)
    assert "because" in error.message


@pytest.mark.parametrize(("close_code", "reason"), [(1008, "session_too_long"), (1013, "slow_client")])
async def test_a_close_whose_reason_is_a_code(close_code, reason):
    """The reason becomes the error's code, as our server gives it."""
    error, _ = await answer(close_code=close_code, reason=reason)
    assert error.code == reason


async def test_a_failure_told_with_the_acknowledgement_of_the_end():
    """There the error is a text."""
    acknowledgement = {"is_end": True, "is_final": False, "mode": "2pass", "text": "", "error": "all is lost"}
    error, _ = await answer(acknowledgement)
    assert (type(error), error.message) == (ParaserveError, "all is lost")


@pytest.mark.parametrize(
    "message", ["not json", b"\xff\x00", "[]", "{}", '{"mode": 1, "text": ""}', '{"text": null}']
)
async def test_nonsense(message):
    """A server that talks something else is not asked again."""
    error, n = await answer(message)
    assert (type(error), error.code, n) == (ProtocolError, "invalid_message", 1)


@pytest.mark.parametrize("timestamp", [None, 5, "", "x", "[1]", "[[1]]", "[[2,1]]", '[["a",1]]', "{}", [[0, 1]]])
async def test_bad_times_are_no_times(timestamp):
    """A result whose times make no sense is still a result."""

    async def say(connection):
        await connection.recv()
        await connection.send(json.dumps({"mode": "2pass-offline", "text": "a", "timestamp": timestamp}))
        await connection.wait_closed()

    async with serve(say, "127.0.0.1", 0) as server, Live(url_of(server)) as live:
        update = await anext(live)
    assert update.text == "a"
    assert update.timestamps == (((0, 1),) if timestamp == [[0, 1]] else ())


@pytest.mark.slow
async def test_send_waits_for_a_server_that_does_not_read():
    """A minute of audio and what the system's buffers take, no more."""
    release = asyncio.Event()

    async def stall(connection):
        connection.transport.pause_reading()
        await release.wait()
        connection.transport.resume_reading()

    async with serve(stall, "127.0.0.1", 0, close_timeout=1) as server, Live(url_of(server)) as live:
        minutes = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while True:
                    await live.send(bytes(60 * SECOND_BYTES))
                    minutes += 1
        release.set()
    assert 1 <= minutes <= 6


async def test_misuse():
    """No audio after the end, no half samples."""
    async with Stub().running() as url, Live(url) as live:
        with pytest.raises(ValueError, match="whole"):
            await live.send(b"\x00")
        await live.finish()
        await live.finish()
        with pytest.raises(ValueError, match="after finish"):
            await live.send(b"\x00\x00")
