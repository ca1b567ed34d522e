"""Who may use the server: every route and socket without a key, with a wrong one and with a good one; origins."""

import contextlib
import re

import pytest
from fastapi.routing import iter_route_contexts

from paraserve.server.access.api_keys import hashed, new_key, write_keys
from paraserve.server.app import create_app
from paraserve.settings import Settings
from support.audio_files import pcm_wav
from support.commands import paraserve
from support.fakes import FakeEngine
from support.live import heard, live, speech

KEY, OTHER_KEY = new_key(), new_key()
DOCS = {"/docs", "/docs/oauth2-redirect", "/openapi.json", "/asyncapi.json"}
OPEN = {"/", "/static/page.js", "/livez", "/readyz", "/health", *DOCS}
"""What anybody may read."""
WRONG = {
    "no key": ({}, "missing_api_key"),
    "bad key": ({"authorization": "Bearer ps_wrong"}, "invalid_api_key"),
    "digest for a key": ({"authorization": f"Bearer {hashed('one', KEY).digest.hex()}"}, "invalid_api_key"),
    "beginning of a key": ({"authorization": f"Bearer {KEY[:-1]}"}, "invalid_api_key"),
    "not ASCII": ({"authorization": "Bearer ключ".encode()}, "invalid_api_key"),
    "other scheme": ({"authorization": f"Basic {KEY}"}, "missing_api_key"),
    "empty": ({"authorization": "Bearer"}, "missing_api_key"),
}
GOOD = {"authorization": f"Bearer {KEY}"}
SOCKETS = ("/", "/any/path", "/v1/audio/transcriptions")
VOICE = pcm_wav(speech(700))


def table():
    """Every method and path of the application, and one that it does not have."""
    app = create_app(Settings(), FakeEngine())
    found = {(method, one.path) for one in iter_route_contexts(app.routes) for method in one.methods or ()}
    return [
        *sorted(
            (method, path.replace("{path:path}", "page.js").replace("{model:path}", "whisper-1"))
            for method, path in found
        ),
        ("GET", "/none"),
    ]


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "keys"
    write_keys(path, [hashed("one", KEY), hashed("two", OTHER_KEY)])
    return path


@pytest.fixture(scope="module")
def guarded(serve_app, keys_file):
    """A server that wants keys."""
    with serve_app(FakeEngine(), api_keys_file=str(keys_file)) as running:
        yield running


def ask(server, method, path, headers):
    body = {"files": {"file": ("a.wav", VOICE)}} if method == "POST" else {}
    return server.get(path, method, headers=headers, **body)


def test_the_table_is_whole():
    """Uploads, lists and figures are in the matrix, whatever way the application adds its routes."""
    assert {("POST", "/"), ("POST", "/transcribe"), ("GET", "/v1/models"), ("GET", "/metrics")} <= set(table())
    assert len(table()) >= 20


@pytest.mark.parametrize(("method", "path"), table())
@pytest.mark.parametrize("case", WRONG)
def test_route_without_a_good_key(guarded, is_error, method, path, case):
    """What is not open to all is refused with 401 and the scheme to use, before anything else is looked at."""
    headers, code = WRONG[case]
    answer = ask(guarded, method, path, headers)
    if method in {"GET", "HEAD"} and path in OPEN:
        assert answer.status_code == 200
        return
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    if method != "HEAD":
        is_error(answer, 401, code)


@pytest.mark.parametrize(("method", "path"), table())
def test_route_with_a_good_key(guarded, method, path):
    """Every route answers, each as it would without access control."""
    assert ask(guarded, method, path, GOOD).status_code == (404 if path == "/none" else 200)


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("case", WRONG)
def test_socket_without_a_good_key(guarded, path, case):
    """Told why in the protocol's own shape, then closed with 1008."""
    headers, code = WRONG[case]
    if case == "not ASCII":
        headers = {}
        path, code = f"{path}?token=%D0%BA", "invalid_api_key"
    with live(guarded.url, path, additional_headers=headers) as client:
        refused = client.receive()
        assert (refused["error"]["code"], refused["text"], refused["is_final"]) == (code, "", True)
        assert client.close_code() == (1008, code)


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("by", ["header", "query"])
def test_socket_with_a_good_key(guarded, path, by):
    """A key in the header, or in the query for browsers, which cannot set headers."""
    headers, query = (GOOD, "") if by == "header" else ({}, f"?token={OTHER_KEY}")
    with live(guarded.url, path + query, additional_headers=headers) as client:
        assert client.utterance(speech(700))[-1]["text"] == heard(700)


def test_key_in_the_query_of_a_request(guarded, is_error):
    """Addresses are kept in logs and histories: over HTTP a key counts in the header alone."""
    is_error(guarded.get(f"/v1/models?token={KEY}"), 401, "missing_api_key")


def test_keys_come_and_go(serve_app, tmp_path):
    """A changed file counts from the next request on; one that has become unreadable changes nothing."""
    path = tmp_path / "keys"
    write_keys(path, [hashed("one", KEY)])

    def statuses():
        headers = [{"authorization": f"Bearer {key}"} for key in (KEY, OTHER_KEY)]
        return [server.get("/v1/models", headers=one).status_code for one in headers]

    with serve_app(FakeEngine(), api_keys_file=str(path)) as server:
        assert statuses() == [200, 401]
        write_keys(path, [hashed("two", OTHER_KEY)])
        assert statuses() == [401, 200]
        path.write_text("nonsense\n")
        assert statuses() == [401, 200]
        path.unlink()
        assert statuses() == [401, 200]
        write_keys(path, [])
        assert statuses() == [401, 401]


def test_without_keys_everybody_may(fake_server):
    """A header that nobody asked for does no harm: OpenAI's SDK always sends one."""
    assert fake_server.get("/v1/models", headers={"authorization": "Bearer -"}).status_code == 200


@pytest.mark.parametrize(
    ("setting", "origin", "is_let_in"),
    [
        ("*", "https://elsewhere.example", True),
        ("", None, True),
        ("", "own", True),
        ("", "https://elsewhere.example", False),
        ("", "null", False),
        ("https://a.example, https://b.example", "https://b.example", True),
        ("https://a.example", "https://a.example.evil.example", False),
        ("https://a.example", "http://a.example", False),
    ],
)
def test_socket_origins(serve_app, engine, setting, origin, is_let_in):
    """The server's own page and programs always; other pages where `ws_origins` has them."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serve_app(engine, ws_origins=setting))
        client = stack.enter_context(live(server.url, origin=server.url if origin == "own" else origin))
        if is_let_in:
            assert client.utterance(speech(700))[-1]["text"] == heard(700)
        else:
            assert client.receive()["error"]["code"] == "origin_not_allowed"
            assert client.close_code() == (1008, "origin_not_allowed")


def test_foreign_pages_read_nothing_by_default(fake_server):
    """Without `cors_origins` a browser gets no leave to show answers to pages from elsewhere."""
    answer = fake_server.get("/v1/models", headers={"origin": "https://a.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_cors(serve_app, keys_file):
    """Pages of the listed origins may call with a key and read answers, refusals among them."""
    ask_first = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    allowed, other = {"origin": "https://a.example"}, {"origin": "https://b.example"}
    with serve_app(FakeEngine(), cors_origins="https://a.example", api_keys_file=str(keys_file)) as server:
        answer = server.get("/transcribe", "OPTIONS", headers={**allowed, **ask_first})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "https://a.example")
        assert "authorization" in answer.headers["access-control-allow-headers"].lower()
        for headers, status in ((allowed, 401), ({**allowed, **GOOD}, 200)):
            answer = server.get("/v1/models", headers=headers)
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (
                status,
                "https://a.example",
            )
        refused = server.get("/transcribe", "OPTIONS", headers={**other, **ask_first})
        assert "access-control-allow-origin" not in refused.headers


@pytest.mark.slow
def test_own_clients_send_a_key(guarded, tmp_path):
    """`transcribe --server` and `stream` take it from a flag or the environment, and say what is missing."""
    path = tmp_path / "a.wav"
    path.write_bytes(VOICE)
    ways = (
        ("transcribe", path, "--server", guarded.url),
        ("stream", path, "--server", guarded.url.replace("http", "ws", 1), "--mode", "offline"),
    )
    for arguments, how in zip(ways, ({"PARASERVE_API_KEY": KEY}, ("--api-key", KEY)), strict=True):
        flags, environment = ((), how) if isinstance(how, dict) else (how, {})
        done = paraserve(*arguments, *flags, **environment)
        assert (done.returncode, done.stdout.strip()) == (0, heard(700)), done.stderr
    for arguments in ways:
        done = paraserve(*arguments)
        assert done.returncode == 1
        assert re.search("API key|api_key", done.stderr)
