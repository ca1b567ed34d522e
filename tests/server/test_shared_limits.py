"""Limits and usage of API keys over several servers and all ways in."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from paraserve.cli.main import main
from paraserve.server.access.api_keys import hashed, new_key, write_keys
from paraserve.server.access.key_fields import parse_line
from support.audio_files import pcm_wav
from support.databases import own_redis
from support.fakes import FakeEngine
from support.live import eventually, live, speech

KEYS = {"ann": new_key(), "bob": new_key(), "eve": new_key()}
FIELDS = {"ann": "max=1", "bob": "audio_per_minute=60", "eve": ""}
SHORT, LONG = pcm_wav(speech(700)), pcm_wav(speech(90_000))


def with_key(name):
    return {"authorization": f"Bearer {KEYS[name]}"}


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "keys"
    write_keys(path, [parse_line(f"{hashed(name, key).line()} {FIELDS[name]}") for name, key in KEYS.items()])
    return str(path)


def upload(server, name, data=SHORT):
    return server.post_raw("/transcribe", data, headers=with_key(name))


@pytest.mark.slow
def test_two_servers(serve_app, is_error, keys_file, redis_url):
    """What a key does at one server counts at the other: places, and seconds of audio."""
    engine = FakeEngine(is_held=True)
    with (
        serve_app(engine, api_keys_file=keys_file, limits_store=redis_url) as one,
        serve_app(FakeEngine(), api_keys_file=keys_file, limits_store=redis_url) as two,
        ThreadPoolExecutor(1) as threads,
    ):
        waiting = threads.submit(upload, one, "ann")
        eventually(lambda: engine.started == 1)
        is_error(upload(two, "ann"), 429, "key_limit")
        with live(two.url, additional_headers=with_key("ann")) as client:
            assert client.close_code() == (1013, "key_limit")
        engine.is_held = False
        assert waiting.result().status_code == 200
        assert upload(two, "ann").status_code == 200

        assert upload(one, "bob", LONG).status_code == 200
        eventually(lambda: upload(two, "bob").status_code == 429)
        refused = upload(two, "bob")
        assert "audio" in is_error(refused, 429, "key_limit")["message"]
        assert 20 <= int(refused.headers["retry-after"]) <= 60


def is_up(server):
    """The figure of the store, which a key may read."""
    lines = server.get("/metrics", headers=with_key("eve")).text.splitlines()
    return "paraserve_limits_store_up 1.0" in lines


@pytest.mark.slow
def test_a_store_that_is_away(serve_app, is_error, keys_file, tmp_path):
    """With `limits_away` closed it is 503 with the time to wait, and a figure tells; it goes on by itself."""
    with (
        own_redis() as redis,
        serve_app(FakeEngine(), api_keys_file=keys_file, limits_store=redis.url, limits_away="closed") as server,
    ):
        assert upload(server, "ann").status_code == 200
        assert is_up(server)
        with redis.away():
            refused = upload(server, "ann")
            is_error(refused, 503, "limits_unavailable")
            assert int(refused.headers["retry-after"]) == 5
            assert not is_up(server)
        eventually(lambda: upload(server, "ann").status_code == 200)
        assert is_up(server)


@pytest.mark.slow
def test_audio_of_live_sessions(serve_app, keys_file):
    """Live audio counts as it comes: who has sent more than a minute gives cannot connect again at once."""
    with serve_app(FakeEngine(), api_keys_file=keys_file) as server:
        with live(server.url, additional_headers=with_key("bob")) as client:
            client.utterance(speech(62_000), frame_bytes=64_000)
        with live(server.url, additional_headers=with_key("bob")) as client:
            error = client.receive()["error"]
            assert (error["code"], client.close_code()) == ("key_limit", (1013, "key_limit"))
            assert 1 <= error["retry_after_s"] <= 3


@pytest.mark.slow
def test_usage(serve_app, keys_file, tmp_path, capsys):
    """Uploads, live sessions and jobs of each name count by day, and are there once the server has stopped."""
    with serve_app(FakeEngine(), api_keys_file=keys_file, data_dir=str(tmp_path)) as server:
        for name in ("eve", "eve", "ann"):
            assert upload(server, name).status_code == 200
        with live(server.url, additional_headers=with_key("eve")) as client:
            client.utterance(speech(1500))
        job = server.post_raw("/v1/jobs", SHORT, headers=with_key("ann"))
        path = f"/v1/jobs/{job.json()['id']}?wait_s=20"
        eventually(lambda: server.get(path, headers=with_key("ann")).json()["state"] == "done")
        not_let_in = server.post_raw("/transcribe", SHORT)
        assert not_let_in.status_code == 401

    capsys.readouterr()

    def usage(*flags):
        with pytest.raises(SystemExit) as ended:
            main(["keys", "usage", "--data-dir", str(tmp_path), *flags])
        assert ended.value.code == 0
        return capsys.readouterr().out

    today = datetime.now(UTC).date().isoformat()
    rows = [{"day": today, "key": "ann", "requests": "2", "audio_s": "1.4"}]
    rows += [{"day": today, "key": "eve", "requests": "3", "audio_s": "2.9"}]
    assert list(csv.DictReader(io.StringIO(usage()))) == rows
    assert list(csv.DictReader(io.StringIO(usage("--key", "eve", "--since", today)))) == rows[1:]
    assert usage("--format", "json", "--until", "2020-01-01") == "[]\n"


@pytest.mark.slow
def test_usage_without_a_store(serve_app, keys_file, tmp_path, monkeypatch):
    """A server whose operator named no folder writes nothing until it has its first job."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with serve_app(FakeEngine(), api_keys_file=keys_file) as server:
        assert upload(server, "eve").status_code == 200
    assert list(tmp_path.rglob("*")) == []
