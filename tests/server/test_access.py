"""Who may use the server: every route and socket without a key, with a bad one and with a good one; origins."""

import base64
import json
import re
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.routing import iter_route_contexts

from paraserve.server.access.api_keys import hashed, new_key, write_keys
from paraserve.server.access.key_fields import KeyScope
from support.api_description import ENDLESS_PATH, described_app, example_path
from support.audio_files import pcm_wav
from support.commands import paraserve
from support.fakes import FakeEngine
from support.live import TEXT, heard, live, masked_frame, read_frames, shake_hands, speech

KEY, OTHER_KEY, EXPIRED_KEY = new_key(), new_key(), new_key()
A_SECOND_AGO = datetime.now(UTC) - timedelta(seconds=1)
DOCS = {"/docs", "/docs/docs.js", "/openapi.json", "/asyncapi.json"}
OPEN = {"/", "/status", "/static/page.js", "/livez", "/readyz", "/health", *DOCS}
"""What anybody may read."""
WRONG = {
    "no key": ({}, "missing_api_key"),
    "bad key": ({"authorization": "Bearer ps_wrong"}, "invalid_api_key"),
    "digest for a key": ({"authorization": f"Bearer {hashed('one', KEY).digest.hex()}"}, "invalid_api_key"),
    "beginning of a key": ({"authorization": f"Bearer {KEY[:-1]}"}, "invalid_api_key"),
    "not ASCII": ({"authorization": "Bearer ключ".encode()}, "invalid_api_key"),
    "expired": ({"authorization": f"Bearer {EXPIRED_KEY}"}, "expired_api_key"),
    "other scheme": ({"authorization": f"Digest username={KEY}"}, "invalid_api_key"),
    "half of Basic": ({"authorization": "Basic Og=="}, "missing_api_key"),
    "other header": ({"x-api-key": "ps_wrong"}, "invalid_api_key"),
    "empty": ({"authorization": "Bearer"}, "missing_api_key"),
}
GOOD = {"authorization": f"Bearer {KEY}"}
REALTIME = ("client_secrets", "transcription_sessions", "calls")
TRACE = "/v1/admin/sessions/" + "0" * 32 + "/trace"
STATUSES = {"/none": 404, "/v1/admin/models/demo/pull": 404, TRACE: 404, "/v1/listen": 400}
STATUSES |= {"/v1/admin/models/demo/unload": 409}  # its only model
STATUSES |= {f"/v1/realtime/{name}": 400 for name in REALTIME}
"""Answers to a form with a recording, or to nothing, where it is not 200."""
JOB_STATUSES = {("GET", "/v1/jobs"): 200, ("HEAD", "/v1/jobs"): 200, ("POST", "/v1/jobs"): 202}
"""The same of the routes of jobs. There is no job of an example, and the client does not speak tus."""
SOCKETS = ("/", "/any/path", "/v1/audio/transcriptions")
VOICE = pcm_wav(speech(700))
DRAIN = "/v1/admin/drain"


def table():
    """Every method and path of the application, and one that it does not have."""
    app = described_app()
    found = {(method, one.path) for one in iter_route_contexts(app.routes) for method in one.methods or ()}
    return [
        *sorted((method, example_path(path)) for method, path in found),
        ("GET", "/none"),
    ]


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "keys"
    expired = replace(hashed("one", EXPIRED_KEY), expires=A_SECOND_AGO)
    write_keys(path, [replace(hashed("one", KEY), scopes=frozenset(KeyScope)), hashed("two", OTHER_KEY), expired])
    return path


@pytest.fixture(scope="module")
def guarded(serve_app, keys_file, tmp_path_factory):
    """A server that wants keys, and counts no wrong ones."""
    folder = str(tmp_path_factory.mktemp("data"))
    with serve_app(FakeEngine(), api_keys_file=str(keys_file), max_wrong_keys=0, data_dir=folder) as running:
        yield running


def ask(server, method, path, headers):
    if (method, path) == ("GET", ENDLESS_PATH):
        return beginning(server, path, headers)
    body = {"files": {"file": ("a.wav", VOICE)}} if method == "POST" and not path.startswith("/v1/admin/") else {}
    answer = server.get(path, method, headers=headers, **body)
    if (method, path, answer.status_code) == ("POST", DRAIN, 200):
        server.get(DRAIN, "DELETE", headers=headers)
    return answer


def beginning(server, path, headers):
    """The answer of a route that goes on for as long as its client listens, or all of a refusal."""
    with server.http.stream("GET", server.url + path, headers=headers) as answer:
        if answer.status_code != 200:
            answer.read()
        return answer


def test_the_table_is_whole():
    """Uploads, lists and figures are in the matrix, whatever way the application adds its routes."""
    assert {("POST", "/"), ("POST", "/transcribe"), ("GET", "/v1/models"), ("GET", "/metrics")} <= set(table())
    assert len(table()) >= 20


@pytest.mark.parametrize("case", WRONG)
def test_routes_without_a_good_key(guarded, is_error, case):
    """What is not open to all is refused with 401 and the scheme to use, before anything else is looked at."""
    headers, code = WRONG[case]
    for method, path in table():
        answer = ask(guarded, method, path, headers)
        if method in {"GET", "HEAD"} and path in OPEN:
            assert answer.status_code == 200, (method, path)
            continue
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), (method, path)
        if method != "HEAD":
            is_error(answer, 401, code)


@pytest.mark.parametrize(("method", "path"), table())
def test_route_with_a_good_key(guarded, method, path):
    """Every route answers, each as it would without access control."""
    status = STATUSES.get(path, 200)
    if path.startswith("/v1/jobs"):
        status = JOB_STATUSES.get((method, path), 404)
    elif path.startswith("/v1/uploads"):
        status = {"OPTIONS": 204, "POST": 412 if path.endswith("uploads") else 405}.get(method, 412)
    assert ask(guarded, method, path, GOOD).status_code == status


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


def basic(user, password):
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


HEADERS = {
    "Bearer": GOOD,
    "small": {"authorization": f"bearer {KEY}"},
    "capital": {"authorization": f"BEARER {KEY}"},
    "semicolon": {"authorization": f"Bearer; {KEY}"},
    "colon": {"authorization": f"Bearer:{KEY}"},
    "Token": {"authorization": f"Token {KEY}"},
    "token=": {"authorization": f'Token token="{KEY}"'},
    "twice": {"authorization": f"Bearer Bearer {KEY}"},
    "spaces": {"authorization": f"Bearer   {KEY}"},
    "quotes": {"authorization": f"Bearer '{KEY}'"},
    "quoted whole": {"authorization": f'"Bearer {KEY}"'},
    "ApiKey": {"authorization": f"ApiKey {KEY}"},
    "alone": {"authorization": KEY},
    "password": basic("anybody", KEY),
    "user": basic(KEY, ""),
    "user with a password": basic(KEY, "x"),
    "X-API-Key": {"x-api-key": KEY},
    "Api-Key": {"api-key": KEY},
    "xi-api-key": {"xi-api-key": f'"{KEY}"'},
    "beside a wrong one": {"authorization": "Bearer -", "x-api-key": KEY},
    "beside an expired one": {"authorization": f"Bearer {EXPIRED_KEY}", "x-api-key": KEY},
}
"""What clients really send."""
ADDRESSES = (
    "?token={}",
    "?api_key={}",
    "?api-key={}",
    "?access_token={}",
    "?a=1&token=Bearer%20{}",
    "?token=-&api_key={}",
)
SUBPROTOCOLS = {
    "OpenAI": (["realtime", f"openai-insecure-api-key.{KEY}", "openai-beta.realtime-v1"], "realtime"),
    "OpenAI alone": ([f"openai-insecure-api-key.{KEY}"], None),
    "Deepgram": (["token", KEY], "token"),
    "bearer": (["bearer", KEY], "bearer"),
    "FunASR": (["token", KEY, "binary"], "binary"),
}
"""What is offered, and what is sent back of it: never the key."""


@pytest.mark.parametrize("form", HEADERS)
def test_forms_of_a_header(guarded, form):
    """A key counts in each form that clients send, over HTTP and WebSocket."""
    assert guarded.get("/v1/models", headers=HEADERS[form]).status_code == 200
    with live(guarded.url, additional_headers=HEADERS[form]) as client:
        assert client.utterance(speech(100))[-1]["text"] == heard(100)


@pytest.mark.parametrize("query", ADDRESSES)
def test_key_in_the_address(guarded, is_error, query):
    """Browsers send no headers with a WebSocket. Addresses are kept in logs, so over HTTP a key there is none."""
    for path in SOCKETS:
        with live(guarded.url, path + query.format(KEY)) as client:
            assert client.utterance(speech(100))[-1]["text"] == heard(100)
    is_error(guarded.get("/v1/models" + query.format(KEY)), 401, "missing_api_key")


@pytest.mark.parametrize("client", SUBPROTOCOLS)
def test_key_among_the_subprotocols(guarded, client):
    """A key may be offered as a subprotocol, and is never the one that is sent back."""
    offered, chosen = SUBPROTOCOLS[client]
    with live(guarded.url, subprotocols=offered) as connected:
        assert connected.ws.subprotocol == chosen
        assert connected.utterance(speech(100))[-1]["text"] == heard(100)


@pytest.mark.parametrize("client", SUBPROTOCOLS)
def test_subprotocols_without_keys(listing_server, client):
    """A server that wants no key sends none back either."""
    offered, chosen = SUBPROTOCOLS[client]
    with live(listing_server.url, subprotocols=offered) as connected:
        assert connected.ws.subprotocol == chosen


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


ORIGINS = {
    "*": {"https://elsewhere.example": True},
    "": {
        None: True,
        "own": True,
        "https://elsewhere.example": False,
        "http://localhost.elsewhere.example": False,
        "http://127.0.0.1.nip.io": False,
        "null": True,
        "file://": True,
        "http://localhost:8080": True,
        "https://127.0.0.1:8443": True,
        "http://[::1]:3000": True,
        "chrome-extension://abcdef": False,
    },
    "https://a.example": {
        "own": True,
        "null": False,
        "http://localhost:8080": False,
        "https://a.example.evil.example": False,
        "http://a.example": False,
    },
    "https://a.example, https://b.example": {"https://b.example": True},
}
"""Which origins of a page may open a WebSocket, by the setting."""


@pytest.mark.parametrize("setting", ORIGINS)
def test_socket_origins(serve_app, engine, setting):
    """The server's own page and programs always; other pages where `ws_origins` has them, or is empty and they are
    of this machine."""
    with serve_app(engine, ws_origins=setting) as running:
        for origin, is_let_in in ORIGINS[setting].items():
            with live(running.url, origin=running.url if origin == "own" else origin) as client:
                if is_let_in:
                    assert client.utterance(speech(700))[-1]["text"] == heard(700), origin
                else:
                    assert client.receive()["error"]["code"] == "origin_not_allowed", origin
                    assert client.close_code() == (1008, "origin_not_allowed")


def test_socket_origins_of_a_server_with_keys(guarded):
    """A key keeps strangers out: pages from elsewhere, as FunASR's may be, are let in with one."""
    with live(guarded.url, f"/?token={KEY}", origin="https://elsewhere.example") as client:
        assert client.utterance(speech(700))[-1]["text"] == heard(700)


HOSTS = {
    "evil.example": False,
    "evil.example:10095": False,
    "localhost.evil.example": False,
    "127.0.0.1.nip.io": False,
    "192.168.1.5": False,
    "0.0.0.0": False,
    "[2001:db8::1]:80": False,
    "localhost": True,
    "LocalHost.:80": True,
    "asr.localhost:8080": True,
    "127.0.0.1": True,
    "127.9.9.9:1": True,
    "[::1]": True,
    "[::1]:10095": True,
    "speech.example": True,
}
"""Names and whether a server on the loopback without keys answers to them, with `allowed_hosts` "speech.example"."""


@pytest.fixture(scope="module")
def loopback_server(serve_app):
    with serve_app(FakeEngine(), allowed_hosts="Speech.example, other.example") as running:
        yield running


@pytest.mark.parametrize("path", ["/livez", "/", "/docs", "/openapi.json", "/metrics", "/none", "/static/page.js"])
@pytest.mark.parametrize("host", HOSTS)
def test_host_names(loopback_server, is_error, host, path):
    """A page whose own name has come to mean 127.0.0.1 reads nothing from a server on the loopback without keys."""
    answer = loopback_server.get(path, headers={"host": host})
    if HOSTS[host]:
        assert answer.status_code == (404 if path == "/none" else 200)
    else:
        is_error(answer, 421, "host_not_allowed")


@pytest.mark.parametrize("host", HOSTS)
def test_host_names_of_sockets(loopback_server, host):
    """The same for WebSockets, whose page is the server's own by its `Origin`."""
    before = refused(loopback_server)
    with socket.create_connection(loopback_server.address) as sock:
        shake_hands(sock, host=host, origin=f"http://{host}")
        if HOSTS[host]:
            sock.sendall(masked_frame(TEXT, b'{"is_speaking":false}'))
            assert json.loads(next(read_frames(sock))[1])["is_final"]
        else:
            frames = read_frames(sock)
            (_, told), (_, closing) = next(frames), next(frames)
            assert json.loads(told)["error"]["code"] == "host_not_allowed"
            assert (int.from_bytes(closing[:2]), closing[2:]) == (1008, b"host_not_allowed")
            assert refused(loopback_server) == before + 1


def test_uploads_to_a_foreign_name(loopback_server, is_error):
    """Refused before their body is read."""
    answer = loopback_server.post_raw("/transcribe", VOICE, headers={"host": "evil.example"})
    is_error(answer, 421, "host_not_allowed")


FORM_ORIGINS = {
    "https://evil.example": False,
    "http://localhost.evil.example": False,
    "http://192.168.1.5": False,
    "http://localhost:3000": True,
    "http://127.0.0.1:8080": True,
    "null": True,
    "https://listed.example": True,
}


@pytest.fixture(scope="module")
def listing_server(serve_app):
    """Without keys on the loopback, for pages of one other site."""
    with serve_app(FakeEngine(), cors_origins="https://listed.example") as server:
        yield server


@pytest.mark.parametrize("origin", FORM_ORIGINS)
def test_forms_of_pages(listing_server, is_error, origin):
    """A page of another site sends no recording to a server on the loopback without keys, though it may ask."""
    answer = listing_server.post_raw("/transcribe", VOICE, headers={"origin": origin})
    if FORM_ORIGINS[origin]:
        assert answer.status_code == 200
    else:
        is_error(answer, 403, "origin_not_allowed")
    assert listing_server.get("/livez", headers={"origin": origin}).status_code == 200


def test_forms_of_the_own_page(listing_server):
    """The server's own page is let in by whatever name of the machine it was opened."""
    origin = {"origin": "http://asr.localhost:1", "host": "asr.localhost:1"}
    assert listing_server.post_raw("/transcribe", VOICE, headers=origin).status_code == 200


def refused(server):
    return server.metric('paraserve_refusals_total{kind="host_not_allowed"}')


@pytest.mark.parametrize("path", ["/", "/docs", "/livez", "/none", "/v1/models", "/openapi.json", "/static/page.js"])
def test_security_headers(listing_server, path):
    """Every answer says that it is no page of another site, and of no other type."""
    headers = listing_server.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors" in headers["content-security-policy"]


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
