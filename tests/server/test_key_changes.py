"""Open sessions and uploads while the file of keys changes, and limits and scopes that stand in it."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.routing import iter_route_contexts

from paraserve.server.access.api_keys import hashed, new_key, write_keys
from paraserve.server.access.key_fields import KeyLimits, KeyScope
from support.api_description import ENDLESS_PATH, described_app, example_path
from support.audio_files import pcm_wav
from support.fakes import FakeEngine
from support.live import eventually, handshake, heard, live, speech

DRAIN_PATH = "/v1/admin/drain"
VOICE = pcm_wav(speech(700))
WITHIN_S = 5
NAMES = ("removed", "narrowed", "expiring", "kept")
TOLD = {"removed": "invalid_api_key", "narrowed": "missing_scope", "expiring": "expired_api_key"}
KEYS = {name: new_key() for name in (*NAMES, *KeyScope)}


def with_key(name):
    return {"authorization": f"Bearer {KEYS[name]}"}


def known(name, **fields):
    return replace(hashed(name, KEYS[name]), **fields)


@pytest.fixture
def file(tmp_path):
    write_keys(tmp_path / "keys", [known(name) for name in NAMES])
    return tmp_path / "keys"


def change(file):
    """Take one key away, one key's scope, and let one expire in a second."""
    soon = datetime.now(UTC) + timedelta(seconds=1)
    expiring, narrowed = known("expiring", expires=soon), known("narrowed", scopes=frozenset({KeyScope.TRANSCRIBE}))
    write_keys(file, [known("kept"), narrowed, expiring])


def goodbye(client):
    """All messages up to the close, and its code and reason."""
    messages = []
    with contextlib.suppress(Exception):
        while True:
            messages.append(client.receive(WITHIN_S))
    return messages, (client.ws.close_code, client.ws.close_reason)


@pytest.mark.slow
def test_open_sessions(serve_app, file):
    """A key that is taken away, expires or loses its scope ends its sessions: last text, typed error, 1008.

    Sessions of other keys go on.
    """
    with serve_app(FakeEngine(), api_keys_file=str(file)) as server, contextlib.ExitStack() as stack:
        clients = {name: stack.enter_context(live(server.url, additional_headers=with_key(name))) for name in NAMES}
        for client in clients.values():
            client.send(speech(700), 1920)
        eventually(lambda: open_sessions(server) == len(clients))
        change(file)
        changed_s = time.monotonic()
        for name, code in TOLD.items():
            messages, close = goodbye(clients[name])
            assert close == (1008, code)
            assert messages[-1]["error"]["code"] == code
            assert [m["text"] for m in messages if m["is_final"] and "error" not in m] == [heard(700)]
        assert time.monotonic() - changed_s < WITHIN_S + 1  # the second until one of them expires
        clients["kept"].end()
        assert clients["kept"].until_final()[-1]["text"] == heard(700)


@pytest.mark.slow
def test_sessions_that_cannot_end(serve_app, file):
    """Nor does a session go on whose last text does not come, or whose client answers nothing."""
    engine = FakeEngine(is_held=True)
    with serve_app(engine, api_keys_file=str(file)) as server:
        with (
            live(server.url, additional_headers=with_key("removed")) as client,
            contextlib.closing(handshake(server.url, headers=with_key("narrowed"))),
        ):
            client.send(speech(700), 1920)
            client.end()
            eventually(lambda: engine.started == 1 and open_sessions(server) == 2)
            change(file)
            changed_s = time.monotonic()
            messages, close = goodbye(client)
            assert (close, messages[-1]["error"]["code"]) == ((1008, "invalid_api_key"), "invalid_api_key")
            assert time.monotonic() - changed_s < WITHIN_S
            assert engine.cancelled == 1
        eventually(lambda: open_sessions(server) == 0)


def open_sessions(server):
    headers = with_key("kept")
    text = server.get("/metrics", headers=headers).text
    return float(text.partition("\nparaserve_live_sessions ")[2].partition("\n")[0])


@pytest.mark.slow
def test_a_file_that_is_being_written(serve_app, file):
    """A file that is empty for a moment, unreadable or gone ends nobody's session."""
    good = file.read_text()
    with (
        serve_app(FakeEngine(), api_keys_file=str(file)) as server,
        live(server.url, additional_headers=with_key("kept")) as client,
    ):
        assert client.utterance(speech(300))[-1]["text"] == heard(300)
        n_tasks = server.n_tasks()
        for text, status in (("", 401), (good, 200)):
            file.write_text(text)
            assert server.get("/v1/models", headers=with_key("kept")).status_code == status
        for spoil in (lambda: file.write_text("nonsense"), file.unlink):
            spoil()
            client.assert_silent(1.3)
        assert client.utterance(speech(300))[-1]["text"] == heard(300)
        client.ws.close()
        eventually(lambda: server.n_tasks() < n_tasks - 1)


@pytest.mark.slow
def test_uploads_in_progress(serve_app, file):
    """An upload that was let in is answered, though its key is no longer good."""
    engine = FakeEngine(is_held=True)
    with serve_app(engine, api_keys_file=str(file)) as server, ThreadPoolExecutor(1) as thread:
        answer = thread.submit(server.post_raw, "/transcribe", VOICE, headers=with_key("removed"))
        eventually(lambda: engine.started == 1)
        change(file)
        assert server.get("/v1/models", headers=with_key("removed")).status_code == 401
        engine.is_held = False
        assert answer.result().status_code == 200


@pytest.fixture(scope="module")
def scoped(serve_app, tmp_path_factory):
    """A server with a key for each scope."""
    file = tmp_path_factory.mktemp("keys") / "keys"
    write_keys(file, [known(scope, scopes=frozenset({scope})) for scope in KeyScope])
    with serve_app(FakeEngine(), api_keys_file=str(file)) as server:
        yield server


def scope_of(method, path):
    """What a route wants, None for any key."""
    if path.rstrip("/") == "/metrics":
        return KeyScope.METRICS
    if path.startswith("/v1/admin/"):
        return KeyScope.ADMIN
    if path.startswith(("/v1/jobs", "/v1/uploads")):
        return KeyScope.JOBS
    if path.startswith("/v1/realtime"):
        return KeyScope.LIVE
    return KeyScope.TRANSCRIBE if method == "POST" else None


@pytest.mark.parametrize("scope", KeyScope)
def test_scopes_of_routes(scoped, is_error, scope):
    """Each key opens the routes of its scope, and those that want any key; the others say which scope they want."""
    app = described_app()
    routes = {(method, one.path) for one in iter_route_contexts(app.routes) for method in one.methods or ()}
    assert len(routes) > 20
    for method, path in sorted(routes):
        body = {"files": {"file": ("a.wav", VOICE)}} if scope_of(method, path) is KeyScope.TRANSCRIBE else {}
        if path in {ENDLESS_PATH, DRAIN_PATH} and scope is KeyScope.ADMIN:  # tests/server/test_status.py has those
            continue
        answer = scoped.get(example_path(path), method, headers=with_key(scope), **body)
        wanted = scope_of(method, path)
        if wanted in {None, scope}:
            is_pull = path.endswith(("/pull", "/trace"))  # of no model and no session that there is
            is_refused = path in {"/v1/listen", "/v1/realtime/calls"}  # a form, and a call without an offer
            is_kept = path.endswith("/unload")  # of the only model
            statuses = {404 if is_pull else 409 if is_kept else 400 if is_refused else 200}
            if wanted is KeyScope.JOBS:  # there is no job, no recording, and no tus client
                statuses = {200, 204, 400, 404, 405, 412}
            assert answer.status_code in statuses, (method, path)
        elif method == "HEAD":
            assert answer.status_code == 403
        else:
            assert repr(wanted.value) in is_error(answer, 403, "missing_scope")["message"]
    is_error(scoped.get("/none", headers=with_key(scope)), 404, "not_found")


@pytest.mark.parametrize("path", ["/", "/vosk/..", "/any/path"])
@pytest.mark.parametrize("scope", KeyScope)
def test_scopes_of_sockets(scoped, scope, path):
    """Live recognition wants the scope live on every path."""
    with live(scoped.url, path, additional_headers=with_key(scope)) as client:
        if scope is KeyScope.LIVE:
            assert client.utterance(speech(100))[-1]["text"] == heard(100)
        else:
            assert "'live'" in client.receive()["error"]["message"]
            assert client.close_code() == (1008, "missing_scope")


@pytest.mark.slow
def test_limits_of_keys(serve_app, is_error, tmp_path):
    """Limits in the file count in place of the setting: 429 over HTTP, 1013 over WebSocket, with the time to wait."""
    file = tmp_path / "keys"
    limits = {"removed": KeyLimits(max_live=1), "kept": KeyLimits(max=0), "narrowed": KeyLimits(per_minute=2)}
    write_keys(file, [known(name, limits=one) for name, one in limits.items()])

    def speak(name):
        return live(server.url, additional_headers=with_key(name))

    def upload(name):
        return server.post_raw("/transcribe", VOICE, headers=with_key(name))

    with serve_app(FakeEngine(), api_keys_file=str(file), max_per_key=2) as server, contextlib.ExitStack() as stack:
        stack.enter_context(speak("removed"))
        assert stack.enter_context(speak("removed")).close_code() == (1013, "key_limit")
        assert upload("removed").status_code == 200
        for _ in range(4):
            assert stack.enter_context(speak("kept")).utterance(speech(100))[-1]["text"] == heard(100)
        assert [upload("narrowed").status_code for _ in range(2)] == [200, 200]
        refused = upload("narrowed")
        is_error(refused, 429, "key_limit")
        assert 20 <= int(refused.headers["retry-after"]) <= 30
        assert stack.enter_context(speak("narrowed")).close_code() == (1013, "key_limit")
