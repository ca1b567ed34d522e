"""The result cache of a server: what hits, what does not, who may, and what a stampede costs."""

import io
import wave
from concurrent.futures import ThreadPoolExecutor

import pytest

from paraserve.errors import ParaserveError
from paraserve.server.access.api_keys import hashed, new_key, write_keys
from paraserve.server.app import create_app
from paraserve.settings import Settings
from support.audio_files import pcm_wav
from support.databases import own_redis
from support.fakes import FakeEngine
from support.live import eventually, speech

KEYS = {name: new_key() for name in ("ann", "bob")}
SAID = "paraserve_result_cache_total"


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "keys"
    write_keys(path, [hashed(name, key) for name, key in KEYS.items()])
    return str(path)


@pytest.fixture(scope="module")
def engine():
    return FakeEngine()


@pytest.fixture(scope="module")
def server(serve_app, engine, keys_file, tmp_path_factory):
    """Results in a file, jobs in the same folder."""
    folder = tmp_path_factory.mktemp("data")
    with serve_app(engine, result_cache="sqlite", api_keys_file=keys_file, data_dir=str(folder)) as running:
        yield running


@pytest.fixture
def recording(request):
    """Speech that no other test has."""
    level = 1000 + 7 * abs(hash(request.node.name)) % 20_000
    return pcm_wav(speech(700, level))


@pytest.fixture
def ask(server, engine):
    """An upload; tells its answer, and how many segments were recognized for it."""

    def ask(data, path="/transcribe", name="ann", headers=None, **fields):
        before = engine.started
        credentials = {"authorization": f"Bearer {KEYS[name]}"}
        answer = server.post_raw(path, data, headers=credentials | (headers or {}), **fields)
        assert answer.status_code == 200, answer.text
        return answer, engine.started - before

    return ask


def stereo(data):
    """The same speech on two channels."""
    with wave.open(io.BytesIO(data)) as mono:
        frames = mono.readframes(mono.getnframes())
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((2, 2, 16000, 0, "NONE", ""))
        file.writeframes(b"".join(frames[n : n + 2] * 2 for n in range(0, len(frames), 2)))
    return made.getvalue()


def test_a_hit(ask, recording):
    """It is the same answer, says so in its header and in our JSON, and nothing was recognized for it."""
    first, n_first = ask(recording)
    again, n_again = ask(recording)
    assert (first.headers["x-cache"], n_first, "cached" in first.json()) == ("miss", 1, False)
    assert (again.headers["x-cache"], n_again, again.json()["cached"]) == ("hit", 0, True)
    timing = again.json()["timing"]
    assert (timing["inference_ms"], timing["queue_ms"]) == (0, 0)
    assert {**again.json(), "timing": 0} == {**first.json(), "timing": 0, "cached": True}


def test_the_audio_counts(ask, recording):
    """The same samples in another file hit, with fields that do not change the text, also on another route."""
    ask(recording)
    longer_header = recording[:12] + b"LIST\x04\x00\x00\x00abcd" + recording[12:]
    for options in ({}, {"subtitle_lines": 1}, {"unknown": 1}):
        assert ask(longer_header, **options)[0].headers["x-cache"] == "hit"
    assert ask(recording, "/recognition")[0].headers["x-cache"] == "hit"
    assert "cached" not in ask(recording, "/recognition")[0].json()


@pytest.mark.parametrize(
    "fields", [{"itn": "false"}, {"hotwords": "a"}, {"channel": 0}, {"mask": "all"}, {"language": "en"}]
)
def test_other_options(ask, recording, fields):
    """Options that may change the text have results of their own."""
    ask(recording)
    answer, n_recognized = ask(recording, **fields)
    assert (answer.headers["x-cache"], n_recognized) == ("miss", 1)
    assert ask(recording, **fields)[0].headers["x-cache"] == "hit"


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ({"cache-control": "no-cache"}, {}),
        ({"cache-control": "max-age=0, No-Store"}, {}),
        ({}, {"no_cache": "true"}),
        ({}, {"store": "false"}),
    ],
)
def test_off(ask, recording, headers, fields):
    """A request that wants no cache gets nothing from it and leaves nothing in it."""
    for _ in range(2):
        answer, n_recognized = ask(recording, headers=headers, **fields)
        assert ("x-cache" in answer.headers, n_recognized, "warnings" in answer.json()) == (False, 1, False)
    assert ask(recording)[0].headers["x-cache"] == "miss"


def test_keys(ask, recording):
    """A result is for the API key's name that it was made for."""
    ask(recording, name="ann")
    assert ask(recording, name="bob")[0].headers["x-cache"] == "miss"
    assert ask(recording, name="ann")[0].headers["x-cache"] == "hit"


def test_split_channels(ask, recording):
    """All channels count, and their texts come back each for itself."""
    both = stereo(recording)
    first, n_first = ask(both, channel="split")
    again, n_again = ask(both, channel="split")
    assert (n_first, n_again, again.headers["x-cache"]) == (2, 0, "hit")
    assert again.json()["channels"] == first.json()["channels"]
    assert ask(both)[0].headers["x-cache"] == "miss"


def test_a_long_recording(ask, engine):
    """One that is too long to be kept in memory is decoded once more, and has the same text."""
    data = pcm_wav(speech(130_000, 1234))
    fresh, _ = ask(data, no_cache="true")
    first, n_first = ask(data)
    again, n_again = ask(data)
    assert (n_first, n_again) == (1, 0)
    texts = [{**answer.json(), "timing": 0} for answer in (fresh, first, again)]
    assert texts[0] == texts[1] == {name: value for name, value in texts[2].items() if name != "cached"}


def test_bad_recordings(server, is_error):
    """They are refused as without a cache."""
    headers = {"authorization": f"Bearer {KEYS['ann']}"}
    is_error(server.post_raw("/transcribe", b"", headers=headers), 400, "empty_file", param="file")
    is_error(server.post_raw("/transcribe", b"text" * 99, headers=headers), 415, "unsupported_format", param="file")


def test_a_failure_is_not_kept(server, ask, engine, recording):
    """The next request tries again."""
    engine.error = RuntimeError("broken")
    headers = {"authorization": f"Bearer {KEYS['ann']}"}
    assert server.post_raw("/transcribe", recording, headers=headers).status_code == 500
    engine.error = None
    assert ask(recording)[0].headers["x-cache"] == "miss"


def test_a_stampede(server, ask, engine, recording):
    """Twenty equal requests at once are recognized once, also if the first one is gone before its end."""
    engine.is_held = True
    with ThreadPoolExecutor(20) as threads:
        waiting = [threads.submit(ask, recording) for _ in range(20)]
        before = engine.started
        eventually(lambda: server.metric("paraserve_uploads_in_progress{}") == 20 or engine.started > before)
        engine.is_held = False
        answers = [one.result()[0] for one in waiting]
    said = [answer.headers["x-cache"] for answer in answers]
    assert (said.count("miss"), said.count("hit")) == (1, 19)
    assert len({answer.json()["text"] for answer in answers}) == 1


def test_jobs(server, ask, engine, recording):
    """Jobs share results with uploads, tell their sentences, and leave nothing with `store` false."""

    def job(**fields):
        before = engine.started
        credentials = {"authorization": f"Bearer {KEYS['ann']}"}
        made = server.post_raw("/v1/jobs", recording, headers=credentials, **fields).json()
        path = made["links"]["self"]
        eventually(
            lambda: server.get(f"{path}?wait_s=5", headers=credentials).json()["state"] == "done", timeout_s=30
        )
        events = server.get(f"{path}/events", headers=credentials).text
        text = server.get(f"{path}/transcript", headers=credentials).json()
        return text, events.count("event: sentence"), engine.started - before

    text, n_sentences, n_recognized = job(store="false")
    assert (n_sentences, n_recognized, "cached" in text) == (1, 1, False)
    upload, _ = ask(recording)
    assert upload.headers["x-cache"] == "miss"
    cached, n_sentences, n_recognized = job()
    assert (n_sentences, n_recognized, cached["cached"]) == (1, 0, True)
    assert cached["text"] == text["text"] == upload.json()["text"]
    assert job(no_cache="true")[2] == 1


@pytest.mark.slow
def test_redis(serve_app, tmp_path):
    """Two servers share results and work; while the Redis is away every request is answered."""
    data = pcm_wav(speech(700))
    engines = [FakeEngine(is_held=True), FakeEngine()]
    with (
        own_redis() as redis,
        serve_app(engines[0], result_cache=redis.url) as one,
        serve_app(engines[1], result_cache=redis.url) as two,
        ThreadPoolExecutor(2) as threads,
    ):
        first = threads.submit(one.post_raw, "/transcribe", data)
        eventually(lambda: engines[0].started == 1)
        second = threads.submit(two.post_raw, "/transcribe", data)
        eventually(lambda: two.metric("paraserve_uploads_in_progress") == 1)
        engines[0].is_held = False
        assert [first.result().headers["x-cache"], second.result().headers["x-cache"]] == ["miss", "hit"]
        assert engines[1].started == 0
        with redis.away():
            answers = [two.post_raw("/transcribe", data) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [200] * 3
            assert two.metric(f'{SAID}{{outcome="error"}}') >= 1
        eventually(lambda: two.post_raw("/transcribe", data).headers["x-cache"] == "hit")


def test_across_keys(serve_app, keys_file, engine):
    """With `result_cache_across_keys` one key gets what was made for another."""
    data = pcm_wav(speech(700, 4321))
    with serve_app(
        FakeEngine(), result_cache="memory", result_cache_across_keys=True, api_keys_file=keys_file
    ) as server:
        said = [
            server.post_raw("/transcribe", data, headers={"authorization": f"Bearer {key}"}).headers["x-cache"]
            for key in KEYS.values()
        ]
    assert said == ["miss", "hit"]


@pytest.mark.parametrize("name", ["result_cache", "limits_store"])
@pytest.mark.parametrize("value", ["disk", "", "http://user:secret@host"])
def test_settings(name, value):
    """A value that is no store is refused at the start, and a password in it is not shown."""
    with pytest.raises(ParaserveError, match=f"setting {name}: expected .*memory.* redis://") as caught:
        create_app(Settings(**{name: value}), FakeEngine())
    assert "secret" not in caught.value.message
