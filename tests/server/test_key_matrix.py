"""Every kind of bad key, with every method, on every path and on what looks like one, over HTTP and WebSocket.

`--full` sends all of them, the quick tier a tenth, chosen by a seed. Wrong keys of one address, and keys in logs.
"""

import base64
import contextlib
import http.client
import itertools
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
from fastapi.routing import iter_route_contexts
from websockets.sync.client import connect

from paraserve.server.access.api_keys import digest_of, hashed, new_key, write_keys
from paraserve.server.access.key_fields import KeyScope
from paraserve.server.http.plain_paths import plain_path
from support.api_description import described_app, example_path
from support.fakes import FakeEngine
from support.live import heard, live, speech

KEY, EXPIRED = new_key(), new_key()
OPEN = {"/", "/status", "/livez", "/readyz", "/health", "/docs", "/docs/docs.js", "/openapi.json", "/asyncapi.json"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get")
FOREIGN = b"paraserve_build_info"
"""What `/metrics` has and nothing else."""


def basic(text):
    return f"Basic {base64.b64encode(text.encode()).decode()}"


BAD_KEYS = {
    "none": {},
    "empty": {"Authorization": ""},
    "scheme alone": {"Authorization": "Bearer"},
    "unknown": {"Authorization": f"Bearer {new_key()}"},
    "expired": {"Authorization": f"Bearer {EXPIRED}"},
    "cut off": {"Authorization": f"Bearer {KEY[:-1]}"},
    "too long": {"Authorization": f"Bearer {KEY}A"},
    "in capitals": {"Authorization": f"Bearer {KEY.upper()}"},
    "digest": {"Authorization": f"Bearer {digest_of(KEY).hex()}"},
    "line of the file": {"Authorization": f"Bearer {hashed('one', KEY).line()}"},
    "name": {"Authorization": "Bearer one"},
    "two": {"Authorization": f"Bearer {KEY}, {KEY}"},
    "other scheme": {"Authorization": f"Digest {KEY}"},
    "not base64": {"Authorization": f"Basic {KEY}"},
    "name for a password": {"Authorization": basic("one:one")},
    "header of a proxy": {"Proxy-Authorization": f"Bearer {KEY}"},
    "cookie": {"Cookie": f"token={KEY}; api_key={KEY}; Authorization=Bearer {KEY}"},
    "header of its own": {"Token": KEY, "Key": KEY, "X-Auth": KEY},
    "subprotocol without a socket": {"Sec-WebSocket-Protocol": f"token, {KEY}"},
    "rewritten path": {"X-Original-URL": "/livez", "X-Rewrite-URL": "/livez", "X-Forwarded-Prefix": "/static"},
    "other method": {"X-HTTP-Method-Override": "GET", "X-Forwarded-Uri": "/livez"},
}


def paths():
    """The paths of all routes, each also in other clothes, and paths of no route."""
    app = described_app()
    routes = (one for one in iter_route_contexts(app.routes) if one.methods)
    known = sorted({example_path(one.path) for one in routes})
    assert {"/", "/transcribe", "/metrics", "/v1/models", "/v1/audio/transcriptions"} <= set(known)
    for path in known:
        yield path
        yield f"{path}?token={KEY}&api_key={KEY}&access_token={KEY}"
        yield f"{path}/"
        yield f"/{path}"
        yield path.upper()
        yield path[:1] + "".join(f"%{ord(letter):02x}" for letter in path[1:])
        yield f"/static/..{path}"
        yield f"/static/%2e%2e{path}"
        yield f"/static/..%2f{path[1:]}"
        yield f"/livez/..{path}"
        yield f"/.{path}"
        yield f"{path}%00"
        yield f"{path};a=/static/"
        yield f"http://localhost{path}"
    yield from (
        "/none",
        "/v1",
        "/v1/jobs",
        "/v1/admin/reload",
        "/.well-known/none",
        "*",
        "/staticx",
        "/static",
        "//",
        "/%2F",
    )


def is_open(method, path):
    """Whether anybody may ask for it: a page, a probe, a description, or the name of a file of the page."""
    plain = plain_path(unquote(path.removeprefix("http://localhost").partition("?")[0]))
    return method in {"GET", "HEAD"} and (plain in OPEN or plain.startswith(("/static/", "/docs/")))


@pytest.fixture(scope="module")
def guarded(serve_app, tmp_path_factory):
    """A server that wants keys, and counts no wrong ones."""
    file = tmp_path_factory.mktemp("keys") / "keys"
    expired = replace(hashed("one", EXPIRED), expires=datetime.now(UTC) - timedelta(seconds=1))
    write_keys(file, [replace(hashed("one", KEY), scopes=frozenset(KeyScope)), expired])
    with serve_app(FakeEngine(), api_keys_file=str(file), max_wrong_keys=0) as running:
        yield running


@dataclass
class Wire:
    """Requests word for word, over one connection as long as the server keeps it."""

    connection: http.client.HTTPConnection

    def ask(self, method, path, headers) -> tuple[int, bytes]:
        self.connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": "localhost", "Content-Length": "0", **headers}.items():
            self.connection.putheader(name, value)
        self.connection.endheaders()
        answer = self.connection.getresponse()
        return answer.status, answer.read()


@pytest.fixture
def wire(guarded):
    with contextlib.closing(http.client.HTTPConnection(*guarded.address, timeout=20)) as connection:
        yield Wire(connection)


def chosen(cases, full):
    cases = list(cases)
    return cases if full else random.Random(17).sample(cases, len(cases) // 10)


@pytest.mark.slow
def test_no_way_around_a_key(wire, full):
    """Without a good key everything is 401 but what is open to all, and nothing open gives away what is not."""
    n_refused = n_open = 0
    for kind, method, path in chosen(itertools.product(BAD_KEYS, METHODS, paths()), full):
        status, body = wire.ask(method, path, BAD_KEYS[kind])
        case = (kind, method, path, status, body[:200])
        assert FOREIGN not in body, case
        if is_open(method, path):
            assert status in {200, 404}, case
            n_open += 1
        elif status != 400:  # what is no HTTP at all
            assert status == 401, case
            n_refused += 1
    assert n_refused > 8 * n_open > 0


@pytest.mark.slow
def test_a_good_key_opens_all_of_them(wire, full):
    """With a good key no path and no method is a matter of keys any more."""
    for method, path in chosen(itertools.product(METHODS, paths()), full):
        status, _ = wire.ask(method, path, {"Authorization": f"Bearer {KEY}"})
        assert status not in {401, 403, 429, 500}, (method, path, status)


@pytest.mark.slow
def test_no_way_around_a_key_for_sockets(guarded, full):
    """A socket without a good key is told so on every path, whatever stands in cookies and other headers."""
    kinds = [kind for kind in BAD_KEYS if kind != "subprotocol without a socket"]
    asked = [path for path in paths() if path[:1] == "/" and "?" not in path]
    for kind, path in chosen(itertools.product(kinds, asked), full):
        with live(guarded.url, path, additional_headers=BAD_KEYS[kind]) as client:
            message = client.ws.recv(20)
            assert "_api_key" in message, (kind, path, message)
            code, reason = client.close_code()
            assert (code, reason[-8:]) == (1008, "_api_key"), (kind, path)


def test_wrong_subprotocols_are_refused(guarded):
    """A wrong key among the subprotocols is refused, and is not sent back either."""
    wrong = new_key()
    for offered in (["token", wrong], [f"openai-insecure-api-key.{wrong}", "realtime"], [wrong, "token"], ["token"]):
        with live(guarded.url, subprotocols=offered) as client:
            assert client.ws.subprotocol != wrong or offered[0] == wrong
            assert client.receive()["error"]["code"] in {"invalid_api_key", "missing_api_key"}
            assert client.close_code()[0] == 1008


def requests_from(source, address, key, n) -> Iterator[tuple[int, str | None]]:
    """Status and `Retry-After` of requests from this loopback address."""
    for _ in range(n):
        connection = http.client.HTTPConnection(*address, timeout=20, source_address=(source, 0))
        connection.request("GET", "/v1/models", headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        yield answer.status, answer.headers["Retry-After"]
        connection.close()


@pytest.fixture(scope="module")
def counting(serve_app, tmp_path_factory):
    """A server that takes three wrong keys in a minute."""
    file = tmp_path_factory.mktemp("keys") / "keys"
    write_keys(file, [hashed("one", KEY)])
    with serve_app(FakeEngine(), api_keys_file=str(file), max_wrong_keys=3) as running:
        yield running


def test_wrong_keys_of_an_address(counting):
    """After some, wrong ones are 429 from there, right ones are taken still, and other addresses are not touched."""
    first = list(requests_from("127.0.0.2", counting.address, "ps_wrong", 5))
    assert [status for status, _ in first] == [401] * 3 + [429] * 2
    assert 1 <= int(first[-1][1]) <= 60
    assert list(requests_from("127.0.0.2", counting.address, KEY, 2)) == [(200, None)] * 2
    assert [status for status, _ in requests_from("127.0.0.3", counting.address, "ps_wrong", 1)] == [401]
    assert [status for status, _ in requests_from("127.0.0.2", counting.address, "ps_wrong", 1)] == [429]
    assert [status for status, _ in requests_from("127.0.0.2", counting.address, "", 1)] == [401]
    text = counting.get("/metrics", headers={"authorization": f"Bearer {KEY}"}).text
    assert 'paraserve_refusals_total{kind="too_many_wrong_keys"} 3.0' in text
    assert 'paraserve_refusals_total{kind="invalid_api_key"} 4.0' in text


def test_wrong_keys_of_sockets(counting, is_error):
    """They count together with those of requests, loopback is no exception."""
    url = counting.url.replace("http", "ws", 1)
    for code in ["invalid_api_key"] * 3 + ["too_many_wrong_keys"] * 2:
        with connect(f"{url}/?token=ps_wrong", proxy=None) as ws:
            assert code in ws.recv(20)
    is_error(counting.get("/v1/models", headers={"x-api-key": "ps_wrong"}), 429, "too_many_wrong_keys")
    with live(counting.url, additional_headers={"authorization": f"Bearer {KEY}"}) as client:
        assert client.utterance(speech(100))[-1]["text"] == heard(100)


@pytest.mark.slow
def test_keys_are_not_logged(start_fake_server, tmp_path):
    """No key, right or wrong, wherever it stood, is in the log, nor in an answer."""
    file, wrong = tmp_path / "keys", new_key()
    write_keys(file, [hashed("one", KEY)])
    server = start_fake_server(api_keys_file=str(file), log_level="debug")
    answers = b""
    connection = http.client.HTTPConnection(*server.address, timeout=20)
    for key, path in itertools.product((KEY, wrong), ("/v1/models", "/none", "/transcribe")):
        forms = ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}, {"Authorization": basic(key)})
        for headers, query in itertools.product((*forms, {}), ("", f"?token={key}")):
            answers += Wire(connection).ask("POST" if path == "/transcribe" else "GET", path + query, headers)[1]
    connection.close()
    for key in (KEY, wrong):
        for options in ({"path": f"/?token={key}"}, {"subprotocols": ["token", key]}):
            with live(server.url, **options) as client:
                client.ws.close()
    with socket.create_connection(server.address) as sock:
        sock.sendall(f"GET /{KEY} HTTP/9.9\r\n\r\n".encode())
        answers += sock.recv(4096)
    server.wait_for_log("too_many_wrong_keys" if "too_many_wrong_keys" in server.log else "invalid_api_key")
    for key in (KEY, wrong):
        assert key not in server.log
        assert key.encode() not in answers
