"""Reload of a running server: new models take over between utterances, what cannot be used changes nothing."""

import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psutil
import pytest
import soundfile

from paraserve.server.access.api_keys import hashed, new_key, write_keys
from paraserve.server.access.key_fields import KeyScope
from support.audio_files import pcm_wav
from support.bundles import copy_of, damage, tiny_bundle
from support.commands import SUPERVISED, paraserve
from support.fakes import FakeEngine
from support.live import eventually, live

RELOAD = "/v1/admin/reload"
N_LIVE = 8
FRAME_BYTES = 19_200
MEMORY_GROWTH = 1.03


@pytest.fixture
def bundles(demo_dir, tmp_path):
    """Two copies of the embedded bundle."""
    return [copy_of(demo_dir, tmp_path / name) for name in ("first", "second")]


@pytest.fixture
def config(tmp_path):
    """Writes the settings file."""
    path = tmp_path / "paraserve.toml"

    def write(*bundles, **others):
        lines = [f"bundle = {json.dumps([str(bundle) for bundle in bundles])}"]
        lines += [f"{name} = {json.dumps(value)}" for name, value in others.items()]
        path.write_text("\n".join(lines), "utf-8")
        return path

    return write


@pytest.fixture
def serve(process_factory, tmp_path):
    return lambda *args, **options: process_factory(tmp_path / "server", *args, **options)


def reload(server, *, body=None, **headers):
    return server.get(RELOAD, "POST", json=body, headers=headers)


def text(server, sample, **fields):
    answer = server.post("/transcribe", sample.data, **fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["text"]


def ids(server):
    return [one["id"] for one in server.get("/v1/models").json()["data"]]


class Speaker(threading.Thread):
    """Says the same recording again and again over one connection, until told to stop."""

    def __init__(self, url, sample, text):
        super().__init__()
        self.url, self.text = url, text
        self.pcm = soundfile.read(sample.path, dtype="int16")[0].tobytes()
        self.is_over = False
        self.n_utterances = 0
        self.problem = None

    def run(self):
        try:
            with live(self.url) as client:
                while not self.is_over:
                    results = client.utterance(self.pcm, frame_bytes=FRAME_BYTES)
                    text = "".join(one["text"] for one in results if one["mode"] == "2pass-offline")
                    assert text == self.text, results
                    self.n_utterances += 1
                    time.sleep(0.1)
        except BaseException as problem:
            self.problem = problem
            raise


@pytest.mark.slow
def test_under_load(serve, config, bundles, samples, full):
    """Reload after reload under live sessions and uploads: no text is lost or wrong, and memory does not grow."""
    with serve("--config", config(bundles[0])) as server:
        spoken, uploaded = samples["zh_phone"], samples["zh_date"]
        uploaded_text = text(server, uploaded)
        speakers = [Speaker(server.url, spoken, text(server, spoken)) for _ in range(N_LIVE)]
        for speaker in speakers:
            speaker.start()
        memory = []
        with ThreadPoolExecutor(2) as pool:
            for turn in range(50 if full else 3):
                config(bundles[(turn + 1) % 2])
                uploads = [pool.submit(text, server, uploaded) for _ in range(2)]
                done = reload(server)
                assert done.status_code == 200, done.text
                assert ids(server) == [bundles[(turn + 1) % 2].name]
                assert [one.result() for one in uploads] == [uploaded_text] * 2
                memory.append(server.worker.memory_info().rss)
        for speaker in speakers:
            speaker.is_over = True
            speaker.join()
        assert [speaker.problem for speaker in speakers] == [None] * N_LIVE
        assert min(speaker.n_utterances for speaker in speakers) > 0
        if full:  # the first reloads fill what the allocator keeps
            assert max(memory[-10:]) < MEMORY_GROWTH * max(memory[10:20])
        eventually(lambda: server.metric('paraserve_model_users{model="first"}') == 0)
        assert (
            server.metric('paraserve_model_loaded{model="first"}')
            + server.metric('paraserve_model_loaded{model="second"}')
            == 1
        )
        assert server.get("/readyz").json()["status"] == "ok"


@pytest.mark.slow
def test_what_cannot_be_used(serve, config, bundles, samples, is_error, tmp_path):
    """A damaged or missing bundle, a broken settings file: the old model stays, answer and log say why."""
    damaged = damage(bundles[1])
    tries = {
        lambda: config(bundles[1]): f"{damaged}: SHA-256 differs",
        lambda: config(tmp_path / "no-such"): "bundle not found",
        lambda: config(bundles[0], hotword_file=str(tmp_path / "no-words")): "no-words",
        lambda: config().write_text("bundle = ", "utf-8"): "cannot be read",
        lambda: config(bundles[0], fallback="nobody"): "fallback = 'nobody' is no model",
    }
    with serve("--config", config(bundles[0])) as server:
        expected = text(server, samples["zh_phone"])
        for break_it, message in tries.items():
            break_it()
            assert message in is_error(reload(server), 409, "reload_failed")["message"]
            assert message in server.log
        config(bundles[1])
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("not reloaded, all stays as it was")
        assert ids(server) == ["first"]
        assert text(server, samples["zh_phone"]) == expected
        assert server.get("/readyz").json()["status"] == "ok"


def users_of(server):
    return {model["name"]: model["users"] for model in server.get("/health").json()["models"]}


@pytest.mark.slow
def test_unloaded_while_it_serves(serve, config, bundles, held_out_speech, is_error):
    """Requests of a model that a reload takes away end first. Later ones are told that it is gone."""
    recording = pcm_wav(2 * (held_out_speech * 32_767).astype("int16").tobytes())  # a few seconds of work
    with serve("--config", config(*bundles)) as server, ThreadPoolExecutor(1) as pool:
        expected = server.post("/transcribe", recording, model="second").json()["text"]
        running = pool.submit(server.post, "/transcribe", recording, model="second")
        # The metric is a sample of the last second, and may still count the request before.
        eventually(lambda: users_of(server) == {"first": 0, "second": 1})
        config(bundles[0])
        assert reload(server).status_code == 200
        assert not running.done()
        is_error(server.post("/transcribe", b"RIFF", model="second"), 404, "model_not_found", param="model")
        answer = running.result()
        assert answer.status_code == 200, answer.text
        assert answer.json()["text"] == expected
        assert ids(server) == ["first"]


@pytest.mark.slow
@pytest.mark.full
def test_unload(serve, bundles, samples, is_error):
    """An operator takes models away one after the other, while one of them is in use. The last one stays."""
    first, second = bundles
    spoken = samples["zh_phone"]
    with serve("--bundle", first, "--bundle", second) as server, live(server.url) as client:
        right = text(server, spoken)
        client.send(pcm_of(spoken)[: 4 * FRAME_BYTES], FRAME_BYTES)
        eventually(lambda: server.metric('paraserve_model_users{model="first"}') == 1)
        done = server.get("/v1/admin/models/first/unload", "POST")
        assert done.status_code == 200, done.text
        assert [model["name"] for model in done.json()["models"]] == ids(server) == ["second"]
        client.send(pcm_of(spoken)[4 * FRAME_BYTES :], FRAME_BYTES)
        client.end()
        assert "".join(one["text"] for one in client.until_final() if one["mode"] == "2pass-offline") == right
        assert text(server, spoken) == right
        is_error(server.get("/v1/admin/models/first/unload", "POST"), 404, "model_not_found", param="name")
        assert (
            "at least one"
            in is_error(server.get("/v1/admin/models/second/unload", "POST"), 409, "reload_failed")["message"]
        )
        reload(server, body={"bundle": [str(second), str(first)]})
        assert ids(server) == ["second", "first"]


def pcm_of(sample):
    return soundfile.read(sample.path, dtype="int16")[0].tobytes()


@pytest.mark.slow
def test_settings_that_need_a_restart(serve, config, bundles, tiny_models_dir, demo_dir, tmp_path):
    """They are named, and the others count. A file that is as it was changes nothing."""
    other = tiny_bundle(tiny_models_dir / "sensevoice", demo_dir, tmp_path / "other")
    with serve("--config", config(bundles[0]), PARASERVE_MAX_UPLOADS="3") as server:
        done = reload(server).json()
        assert (done["changed"], done["not_applied"]) == ([], [])
        config(bundles[0], other, port=1, max_uploads=9, log_level="debug")
        done = reload(server).json()
        assert (done["changed"], done["not_applied"]) == (["bundle", "log_level"], ["log_level"])
        assert [model["name"] for model in done["models"]] == ["first", "other"]
        assert server.get("/readyz").status_code == 200


@pytest.mark.slow
def test_models_use(serve, bundles, demo_dir, samples):
    """The command replaces the bundles of a running server, which keeps them through later reloads."""
    with serve("--bundle", bundles[0], command=SUPERVISED) as server:
        expected = text(server, samples["zh_phone"])
        done = paraserve("models", "use", bundles[1], "demo", "--server", server.url)
        assert (done.returncode, done.stderr) == (0, "")
        assert [line.split("\t")[:2] for line in done.stdout.splitlines()] == [
            ["second", "loaded"],
            ["demo", "loaded"],
        ]
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("files read again")
        assert ids(server) == ["second", "demo"]
        assert text(server, samples["zh_phone"]) == expected
        done = paraserve("models", "use", "no-such", "--server", server.url)
        assert done.returncode == 1
        assert done.stderr.startswith("paraserve: all stays as it was: bundle not found: 'no-such'")
        assert ids(server) == ["second", "demo"]


@pytest.mark.slow
def test_all_workers_follow(serve, bundles, full):
    """What one process is asked for reaches the others, also those that start later (in the full tier)."""
    with serve("--bundle", bundles[0], command=SUPERVISED, PARASERVE_WORKERS="2") as server:
        assert reload(server, body={"bundle": str(bundles[1])}).status_code == 200
        eventually(lambda: server.log.count("files read again") == 2)
        assert {tuple(ids(server)) for _ in range(20)} == {("second",)}
        if not full:
            return
        victim = next(child for child in psutil.Process(server.process.pid).children())
        victim.kill()
        server.wait_for_log("worker died")
        eventually(lambda: server.log.count("worker started") >= 3, timeout_s=60)
        assert {tuple(ids(server)) for _ in range(20)} == {("second",)}


@pytest.mark.slow
@pytest.mark.parametrize("supervise", ["true", pytest.param("false", marks=pytest.mark.full)])
def test_watch(serve, config, bundles, supervise):
    """With `watch` a changed settings file is read without any signal, and so is a bundle that changes."""
    with serve("--config", config(bundles[0]), "--watch", "--supervise", supervise, command=SUPERVISED) as server:
        time.sleep(0.5)  # until the watch has begun
        config(bundles[1])
        eventually(lambda: ids(server) == ["second"])
        damage(bundles[1])
        eventually(lambda: "SHA-256 differs" in server.log)
        assert ids(server) == ["second"]
        server.process.terminate()
        assert server.wait(30) == 0


KEYS = {scope: new_key() for scope in (KeyScope.TRANSCRIBE, KeyScope.ADMIN)}


def test_keys(serve_app, is_error, tmp_path):
    """With keys one with the scope admin is wanted, and then from anywhere but pages of other origins."""
    keys = [replace(hashed(scope, key), scopes=frozenset({scope})) for scope, key in KEYS.items()]
    write_keys(tmp_path / "keys", keys)
    with serve_app(FakeEngine(), api_keys_file=str(tmp_path / "keys")) as server:
        is_error(reload(server), 401, "missing_api_key")
        is_error(reload(server, authorization=f"Bearer {KEYS[KeyScope.TRANSCRIBE]}"), 403, "missing_scope")
        admin = f"Bearer {KEYS[KeyScope.ADMIN]}"
        is_error(reload(server, authorization=admin, origin="https://example.org"), 403, "origin_not_allowed")
        assert reload(server, authorization=admin, **{"x-forwarded-for": "192.0.2.1"}).status_code == 200


FOREIGN = [
    {"x-forwarded-for": "192.0.2.1"},
    {"x-forwarded-for": "127.0.0.1"},
    {"origin": "null"},
    {"origin": "https://example.org"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_without_keys(fake_server, is_error, headers):
    """Without keys only programs and pages of this machine may reload: no proxy's client, no page of another site."""
    code = "origin_not_allowed" if "origin" in headers else "local_only"
    is_error(reload(fake_server, **headers), 403, code)
    own = {"origin": fake_server.url}
    assert reload(fake_server).status_code == reload(fake_server, **own).status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[]", "invalid_json"),
        (b"{", "invalid_json"),
        (b'{"bundle": 5}', "invalid_value"),
        (b'{"bundle": [""]}', "invalid_value"),
        (b'{"model": "demo"}', "invalid_value"),
        (b'{"bundle": "' + b"a" * 70_000 + b'"}', "invalid_value"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_orders(fake_server, is_error, body, code):
    """An order that cannot be read is refused, by its field where one is at fault."""
    answer = fake_server.get(RELOAD, "POST", content=body)
    param = "bundle" if code == "invalid_value" and b"bundle" in body and len(body) < 1000 else None
    is_error(answer, 400, code, param=param)
