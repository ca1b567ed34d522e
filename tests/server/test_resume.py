"""Clients that return after a break: nothing is lost or doubled, and nothing is left of those that do not return."""

import asyncio
import hashlib
from collections import Counter
from itertools import cycle

import numpy as np
import pytest
import soundfile

from paraserve.server.access.key_fields import ApiKey
from paraserve_client import Live, LiveOptions, Reconnect
from support.breaks import breaking, random_breaks
from support.commands import SUPERVISED
from support.fakes import FakeEngine
from support.live import eventually, heard, live, live_sessions, reset, silence, speech
from support.recordings import pcm, recording

FRAME_BYTES = 1920
AT_ONCE = 8
BREAKS_A_RUN = 8
PATIENT = Reconnect(attempts=100, first_s=0.01, longest_s=0.2, ping_s=0.5)
CLIPS = ("zh_phone", "zh_date", "en_weather", "zh_en", "mixed_long")
RESUME = {"resume": True}


async def transcribed(url, audio, mode="2pass", *, frame_s=0.003, **keys):
    """What a client makes of an utterance: final texts with their times, in mode online the text that has grown."""
    options = LiveOptions(extra={"deterministic": True, **keys})
    async with Live(url, mode, options=options, reconnect=PATIENT) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(speak(client, audio, frame_s))
        updates = [update async for update in client]
    if mode == "online":
        return updates[-1].text
    return [(one.text, one.timestamps) for one in updates if one.text and not one.is_partial]


async def speak(client, audio, frame_s):
    for start in range(0, len(audio), FRAME_BYTES):
        await client.send(audio[start : start + FRAME_BYTES])
        await asyncio.sleep(frame_s)
    await client.finish()


async def assert_unbroken(servers, audios, mode="2pass", done=None, **keys):
    """Each utterance comes out as over a connection that lasts, over `BREAKS_A_RUN` that break at random points."""
    url, slots = servers[0].url.replace("http", "ws"), asyncio.Semaphore(AT_ONCE)

    right = {audio: await transcribed(url, audio, mode, **keys) for audio in dict.fromkeys(audios)}

    async def run(number, audio):
        breaks = random_breaks(np.random.default_rng(number), BREAKS_A_RUN, len(audio) // BREAKS_A_RUN)
        async with slots, breaking(cycle(one.address for one in servers), breaks, done) as broken_url:
            assert await transcribed(broken_url, audio, mode, **keys) == right[audio]

    async with asyncio.TaskGroup() as tasks:
        for number, audio in enumerate(audios):
            tasks.create_task(run(number, audio))


def clip(data_dir, name):
    return soundfile.read(data_dir / f"{name}.wav", dtype="int16")[0].tobytes()


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_breaks_at_random_points(server, data_dir, full):
    """2,000 breaks (200 in the quick tier) by reset, end and silence: texts and times are those of unbroken runs."""
    audios = [clip(data_dir, name) for name in CLIPS] * 6
    if full:
        audios += [pcm(recording(number)) for number in range(1, 100)] * 3
    done = Counter()
    await assert_unbroken([server], audios, done=done)
    assert done.total() >= (2000 if full else 200)
    assert done.keys() == {"reset", "end", "half-open"}


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["online", "offline"])
async def test_breaks_in_other_modes(server, data_dir, mode):
    """Their one text is whole, too: it goes on where it was."""
    await assert_unbroken([server], [clip(data_dir, name) for name in CLIPS[:3]], mode)


@pytest.fixture(scope="module")
def workers(process_factory, demo_dir, tmp_path_factory):
    """A server of two worker processes."""
    folder = tmp_path_factory.mktemp("workers")
    with process_factory(folder, "--bundle", demo_dir, "--workers", 2, command=SUPERVISED) as running:
        yield running


@pytest.mark.slow
async def test_sessions_that_are_lost(server, workers, data_dir, full):
    """On a server that does not know it a session begins with what the client has kept, and texts stay as they are.

    Also where long speech is cut, since it is heard again from its start.
    """
    names = CLIPS if full else CLIPS[2:]
    audios = [clip(data_dir, name) for name in names]
    await assert_unbroken([server, workers], audios)
    await assert_unbroken([server, workers], audios[-1:], max_single_segment_time=2000)
    if full:
        await assert_unbroken([server, workers], [pcm(recording(number)) for number in range(1, 100)])


@pytest.mark.slow
async def test_killed_workers(workers, data_dir, full):
    """Streams whose process is killed in mid-speech end with the texts of those whose process lives."""
    audio, url = clip(data_dir, "mixed_long"), workers.url.replace("http", "ws")
    right = await transcribed(url, audio)
    for _ in range(10 if full else 1):
        async with asyncio.TaskGroup() as tasks:
            runs = [tasks.create_task(transcribed(url, audio, frame_s=0.02)) for _ in range(4)]
            await asyncio.sleep(2)
            workers.worker.kill()
        assert [run.result() for run in runs] == [right] * 4


def first(client, **keys):
    """Send the first message; what the server says of the session."""
    client.say(**RESUME | keys)
    return client.receive()


def test_what_a_client_sees(fake_server):
    """Token, numbers, and after its return what has come of it and the messages that it missed, once."""
    with live(fake_server.url) as client:
        told = first(client)
        assert (told["resumed"], told["is_final"]) == (False, False)
        client.send(speech(800) + silence(400), FRAME_BYTES)
        results = [client.receive() for _ in range(2)]
        assert [one["seq"] for one in results] == [1, 2]
        assert results[1]["text"] == heard(800)
        assert (results[1]["resume_from_ms"], results[1]["final_until_ms"]) == (0, 800)
        reset(client.ws)
    eventually(lambda: live_sessions(fake_server) == 0)
    with live(fake_server.url) as client:
        answer = first(client, session_token=told["session_token"], seq=1)
        assert (answer["session_token"], answer["resumed"]) == (told["session_token"], True)
        assert (answer["received_bytes"], answer["received_messages"]) == (1200 * 32, 1)
        assert client.receive() == results[1]
        client.send(speech(500))
        client.end()
        last = client.until_final()[-1]
        assert last["text"].strip() == heard(500)
        reset(client.ws)
    eventually(lambda: live_sessions(fake_server) == 0)
    with live(fake_server.url) as client:
        answer = first(client, session_token=told["session_token"], seq=last["seq"] - 1)
        assert (answer["received_bytes"], answer["received_messages"]) == (1700 * 32, 2)
        assert client.receive() == last
        client.assert_silent()


def test_others_see_nothing_of_it(fake_server):
    """Who does not ask has no message of a session and no numbers, and nothing waits when it vanishes."""
    with live(fake_server.url) as client:
        results = client.utterance(speech(800) + silence(400) + speech(300))
        assert not any({"seq", "session_token", "final_until_ms"} & one.keys() for one in results)
        reset(client.ws)
    eventually(lambda: live_sessions(fake_server) == 0)
    assert fake_server.metric("paraserve_live_kept_sessions") == 0


@pytest.mark.parametrize(("sent_ms", "text"), [(200, heard(1000)), (400, heard(1000)), (600, heard(1000))])
def test_audio_that_is_sent_twice_or_never(fake_server, sent_ms, text):
    """What the server has is dropped; what is missing is told. 400 ms have come before the break."""
    with live(fake_server.url) as client:
        token = first(client)["session_token"]
        client.send(speech(400))
        eventually(lambda: fake_server.metric("paraserve_live_sessions") == 1)
        client.assert_silent()
        reset(client.ws)
    with live(fake_server.url) as client:
        assert first(client, session_token=token, sent_bytes=sent_ms * 32)["received_bytes"] == max(400, sent_ms) * 32
        client.send(speech(1000 - min(sent_ms, 400)))
        client.end()
        results = client.until_final()
    assert results[-1]["text"] == text
    told = [one["code"] for result in results for one in result.get("warnings", [])]
    assert told == (["audio_lost"] if sent_ms > 400 else [])


@pytest.mark.parametrize("keys", [{"session_token": "unknown"}, {"session_token": "", "resume": True}])
def test_an_unknown_token(fake_server, keys):
    """It begins another session, and says so."""
    with live(fake_server.url) as client:
        told = first(client, **keys)
        assert not told["resumed"]
        assert told["session_token"] != keys["session_token"]
        assert client.utterance(speech(700))[-1]["text"] == heard(700)


def test_final_texts_that_the_client_has(fake_server):
    """They are not sent again; times and what comes behind are as ever."""
    with live(fake_server.url) as client:
        client.say(final_until_ms=800)
        results = client.utterance(speech(800) + silence(400) + speech(500, 9000))
    assert [one["text"].strip() for one in results if one["mode"] == "2pass-offline"] == [heard(500, 9000)]


def test_a_connection_that_is_still_open(serve_app):
    """A client that returns before the break is noticed takes the place of its old connection, on a full server."""
    with serve_app(FakeEngine(), max_live=1) as server, live(server.url) as old:
        token = first(old)["session_token"]
        old.send(speech(400))
        with live(server.url) as client:
            answer = first(client, session_token=token, sent_bytes=400 * 32)
            assert (answer["resumed"], answer["received_bytes"]) == (True, 400 * 32)
            assert old.close_code() == (1008, "session_resumed")
            client.send(speech(300))
            client.end()
            assert client.until_final()[-1]["text"] == heard(700)


@pytest.fixture
def two_keys(tmp_path):
    """A file of API keys, and the keys of Ann and Bob."""
    keys = {name: f"{name}-secret" for name in ("ann", "bob")}
    path = tmp_path / "keys"
    lines = [ApiKey(name, hashlib.sha256(key.encode()).digest()).line() for name, key in keys.items()]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path, keys


def test_a_token_serves_one_key(serve_app, two_keys):
    """Another key's client gets a session of its own, the first one's goes on."""
    path, keys = two_keys
    headers = {name: {"Authorization": f"Bearer {key}"} for name, key in keys.items()}
    with serve_app(FakeEngine(), api_keys_file=str(path)) as server:
        with live(server.url, additional_headers=headers["ann"]) as client:
            token = first(client)["session_token"]
            client.send(speech(400))
            client.assert_silent()
            reset(client.ws)
        with live(server.url, additional_headers=headers["bob"]) as client:
            assert not first(client, session_token=token)["resumed"]
        with live(server.url, additional_headers=headers["ann"]) as client:
            assert first(client, session_token=token)["received_bytes"] == 400 * 32


def test_a_client_that_is_done(fake_server):
    """A close frame ends the session at once."""
    with live(fake_server.url) as client:
        token = first(client)["session_token"]
        client.utterance(speech(300))
    eventually(lambda: live_sessions(fake_server) == 0)
    with live(fake_server.url) as client:
        assert not first(client, session_token=token)["resumed"]


def test_nothing_is_left_of_clients_that_do_not_return(serve_app):
    """Sessions wait in bounded number and for a bounded time; then streams, tasks and places are as before."""
    engine = FakeEngine()
    with serve_app(engine, max_live=5, max_live_per_address=0, resume_window_s=1.0) as server:
        tasks_before = server.n_tasks()
        for _ in range(20):
            with live(server.url) as client:
                first(client)
                client.send(speech(400))
                client.assert_silent(0.01)
                reset(client.ws)
        eventually(lambda: live_sessions(server) == 0)
        assert 0 < server.metric("paraserve_live_kept_sessions") <= 5
        assert engine.open_streams <= 5
        eventually(lambda: server.metric("paraserve_live_kept_sessions") == 0)
        eventually(lambda: engine.open_streams == 0)
        eventually(lambda: server.n_tasks() <= tasks_before)


@pytest.mark.full
@pytest.mark.alone
def test_memory_of_clients_that_do_not_return(start_server, data_dir):
    """2,000 sessions with speech in them that wait and end leave no more memory taken than the first 400."""
    audio = clip(data_dir, "mixed_long")[: 8 * 32_000]
    server = start_server(resume_window_s=5, max_live=64)

    def vanish(count):
        for _ in range(count):
            with live(server.url) as client:
                first(client)
                client.send(audio)
                reset(client.ws)
        eventually(lambda: server.metric("paraserve_live_sessions") == 0, 60)
        eventually(lambda: server.metric("paraserve_live_kept_sessions") == 0, 60)
        return server.worker.memory_info().rss

    base = vanish(400)
    assert vanish(1600) - base < 60 * 1024**2


def test_a_server_that_keeps_nothing(serve_app):
    """It says so in a warning."""
    with serve_app(FakeEngine(), resume_window_s=0) as server, live(server.url) as client:
        client.say(**RESUME)
        results = client.utterance(speech(700))
    assert [one["param"] for result in results for one in result.get("warnings", [])] == ["resume"]
    assert not any("seq" in one for one in results)


def test_shutdown_with_sessions_that_wait(serve_app):
    """It does not wait for their clients."""
    engine = FakeEngine()
    with serve_app(engine) as server, live(server.url) as client:
        first(client)
        client.send(speech(400))
        client.assert_silent()
        reset(client.ws)
        eventually(lambda: server.metric("paraserve_live_kept_sessions") == 1)
    assert engine.open_streams == 0
