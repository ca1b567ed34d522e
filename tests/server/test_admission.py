"""Limits at the door: of one API key, and of memory. The numbers of all uploads and sessions are elsewhere."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from paraserve.server.access.api_keys import hashed, new_key, write_keys
from support.audio_files import pcm_wav
from support.fakes import FakeEngine
from support.live import assert_works, eventually, live, speech

VOICE = pcm_wav(speech(700))
KEYS = {name: new_key() for name in ("one", "two")}


def with_key(name):
    return {"authorization": f"Bearer {KEYS[name]}"}


@pytest.fixture
def keys_file(tmp_path):
    write_keys(tmp_path / "keys", [hashed(name, key) for name, key in KEYS.items()])
    return str(tmp_path / "keys")


@pytest.mark.slow
def test_limit_of_a_key(serve_app, is_error, keys_file):
    """Uploads and live connections of a key count together; others are not touched, a free place is given again."""
    engine = FakeEngine(is_held=True)

    def upload(name):
        return server.post_raw("/transcribe", VOICE, headers=with_key(name))

    with (
        serve_app(engine, api_keys_file=keys_file, max_per_key=2) as server,
        ThreadPoolExecutor(4) as threads,
        live(server.url, additional_headers=with_key("one")),
    ):
        waiting = [threads.submit(upload, "one")]
        eventually(lambda: engine.started == 1)
        refused = upload("one")
        is_error(refused, 429, "key_limit")
        assert int(refused.headers["retry-after"]) >= 1
        with live(server.url, additional_headers=with_key("one")) as client:
            assert client.receive()["error"]["code"] == "key_limit"
            assert client.close_code() == (1013, "key_limit")
        waiting.append(threads.submit(upload, "two"))
        eventually(lambda: engine.started == 2)
        engine.is_held = False
        assert [one.result().status_code for one in waiting] == [200, 200]
        assert upload("one").status_code == 200


@pytest.mark.slow
def test_limit_of_memory(serve_app, is_error):
    """Over it nothing new is let in, and the server still says how it is; without it everything is."""
    with serve_app(FakeEngine(), max_memory_bytes=1_000_000) as server:
        is_error(server.post("/transcribe", VOICE), 503, "overloaded")
        with live(server.url) as client:
            assert client.close_code() == (1013, "overloaded")
        assert [server.get(path).status_code for path in ("/readyz", "/metrics", "/")] == [200] * 3
    with serve_app(FakeEngine(), max_memory_bytes=10**12) as server:
        assert server.post("/transcribe", VOICE).status_code == 200
        assert_works(server.url)
