"""What a connection passes before its first request: bounds of heads, times, places, offers of other protocols."""

import contextlib
import json

import pytest

from support.api_description import api_description
from support.raw_http import handshake, masked_frame, raw_client

HEAD = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
UPLOAD = b"POST /transcribe HTTP/1.1\r\nHost: localhost\r\n"
PLAIN_TEXT = b"POST /transcribe?itn=false&punctuate=false HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n"
LIVEZ = HEAD + b"\r\n"
MANY_BYTES = 8 * 1024**2
HEAD_TIMEOUT_S = 1.5


@pytest.fixture(scope="module")
def door(demo_dir, tmp_path_factory, process_factory):
    """A server with short times."""
    settings = {"head_timeout_s": HEAD_TIMEOUT_S, "upload_idle_timeout_s": 2, "max_uploads": 2, "max_live": 2}
    environment = {f"PARASERVE_{name.upper()}": str(value) for name, value in settings.items()}
    with process_factory(tmp_path_factory.mktemp("door"), "--bundle", demo_dir, **environment) as running:
        yield running


def refusals(server, kind: str) -> float:
    with contextlib.suppress(TypeError):  # no such line yet
        return server.metric(f'paraserve_refusals_total{{kind="{kind}"}}')
    return 0.0


HEADS = {
    "one header value": (HEAD + b"X-A: ", b"a" * 65536, 431, "head_too_large"),
    "one header name": (HEAD, b"a" * 65536, 431, "head_too_large"),
    "header lines": (HEAD, b"a:b\r\n" * 13000, 431, "head_too_large"),
    "long header lines": (HEAD, b"a: " + b"b" * 8000 + b"\r\n", 431, "head_too_large"),
    "empty lines": (b"", b"\r\n" * 32768, 431, "head_too_large"),
    "URL": (b"GET /", b"a" * 65536, 414, "url_too_long"),
    "query": (b"GET /?", b"a=b&" * 16384, 414, "url_too_long"),
    "method": (b"", b"A" * 65536, 400, "invalid_http"),
    "version": (b"GET / HTTP/3.0", b"1" * 65536, 505, "http_version_not_supported"),
    "lines with a bare LF": (b"GET /livez HTTP/1.1\nHost: x\n", b"a:b\n" * 16384, 400, "invalid_http"),
    "folded lines": (HEAD + b"X-A: b\r\n", b" c\r\n" * 16384, 400, "invalid_http"),
    "chunk size": (CHUNKED, b"0" * 65536, 400, "invalid_http"),
    "chunk extension": (CHUNKED + b"1;", b"a" * 65536, 400, "invalid_http"),
    "chunk extensions": (CHUNKED, b"1;" + b"a" * 4000 + b"\r\nA\r\n", 400, "invalid_http"),
    "trailer value": (CHUNKED + b"0\r\nX-A: ", b"a" * 65536, 400, "invalid_http"),
    "trailers": (CHUNKED + b"0\r\n", b"a:b\r\n" * 13000, 431, "head_too_large"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bytes(65536), 505, "http_version_not_supported"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", bytes(65536), 400, "invalid_http"),
    "handshake line": (handshake()[:-2] + b"Cookie: ", b"a" * 65536, 431, "head_too_large"),
}


@pytest.mark.parametrize("kind", HEADS)
def test_endless_head(door, kind):
    """A head that does not end is refused while it comes in, and the client can read why."""
    start, filler, status, code = HEADS[kind]
    before = refusals(door, code)
    with raw_client(door.address) as client:
        client.send(start)
        client.flood(filler, MANY_BYTES)
        answer = client.read()
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["connection"] == "close"
    api_description().check_parts("GET", "/livez", answer.status, answer.headers, answer.body)
    assert refusals(door, code) == before + 1


def test_endless_head_takes_no_memory(door):
    """However long a head goes on, no more than its limit is kept, and others are served meanwhile."""
    for kind in ("one header value", "header lines", "URL"):
        start, filler, _, _ = HEADS[kind]
        with raw_client(door.address) as client:
            client.send(start)
            assert client.flood(filler, 128 * 1024**2) < 64 * 1024**2
            assert door.get("/livez").status_code == 200


@pytest.mark.parametrize(
    "lines",
    [
        [b"Cookie: " + b"c" * 7 * 1024],
        [b"Cookie: " + b"c" * 40 * 1024],
        [b"X-%d: y" % number for number in range(100)],
    ],
    ids=["cookie", "long cookie", "100 lines"],
)
def test_large_head(door, lines):
    """Heads as clients really send them are taken, also in small parts and for WebSockets."""
    head = HEAD + b"\r\n".join(lines) + b"\r\n\r\n"
    with raw_client(door.address) as client:
        client.send(*(head[start : start + 4096] for start in range(0, len(head), 4096)), pause_s=0.001)
        assert client.read().status == 200
        client.send(head)
        assert client.read().status == 200
    with raw_client(door.address) as client:
        client.send(handshake(*(line.decode() for line in lines)))
        assert client.read().status == 101


def test_too_many_lines(door):
    """Small header lines are bounded in number, of handshakes too."""
    lines = [f"X-{number}: y" for number in range(129)]
    for head in (HEAD + "\r\n".join([*lines, "", ""]).encode(), handshake(*lines)):
        with raw_client(door.address) as client:
            client.send(head)
            assert client.read().code == "head_too_large"


def test_silent_connection(door):
    """A connection that sends nothing is closed without a word."""
    before = refusals(door, "silent_connection")
    with raw_client(door.address) as client:
        assert client.is_closed()
    assert refusals(door, "silent_connection") == before + 1


@pytest.mark.parametrize(
    ("start", "drip"),
    [(HEAD, b""), (HEAD, b"a:b\r\n"), (b"GET /", b"a"), (b"", b"\r\n"), (HEAD + b"X-A: ", b"a"), (LIVEZ, b"\r\n")],
    ids=["half", "lines", "URL", "empty lines", "value", "second request"],
)
def test_slow_head(door, start, drip):
    """A head that is not complete in time is answered with 408, however it trickles in."""
    with raw_client(door.address) as client:
        client.send(start)
        if start == LIVEZ:
            assert client.read().status == 200
        client.send(*[drip] * 6, pause_s=0.3)
        answer = client.read()
        assert (answer.status, answer.code) == (408, "head_timeout")
        assert client.is_closed()


def test_pipelined_requests(door):
    """All requests that are sent at once are answered, in their order."""
    with raw_client(door.address) as client:
        client.send(b"".join(HEAD + b"X-Request-Id: n%d\r\n\r\n" % number for number in range(2000)))
        assert [client.read().headers["x-request-id"] for _ in range(2000)] == [f"n{n}" for n in range(2000)]


def test_broken_request_after_a_good_one(door):
    """A request gets its answer, whatever follows it. Then the connection ends."""
    with raw_client(door.address) as client:
        client.send(LIVEZ + b"nonsense\r\n\r\n")
        assert client.read().status == 200
        with contextlib.suppress(EOFError):
            assert client.read().code == "invalid_http"
        assert client.is_closed()


OFFERS = {
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n",
    "h2c alone": b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
    "two lines": b"Connection: Upgrade\r\nConnection: keep-alive\r\nUpgrade: h2c\r\nUpgrade: TLS/1.3\r\n",
    "TLS": b"Upgrade: TLS/1.2\r\nConnection: upgrade\r\n",
    "either": b"Upgrade: h2c, websocket\r\nConnection: Upgrade\r\n",
}


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("form", ["whole", "parts", "chunked"])
def test_other_offers(door, samples, offer, form):
    """Offers of other protocols than WebSocket are ignored: the request with its body is served."""
    data = samples["zh_phone"].data
    if form == "chunked":
        pieces = [data[start : start + 10_000] for start in range(0, len(data), 10_000)]
        length = b"Transfer-Encoding: chunked\r\n\r\n"
        body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
    else:
        length, body = b"Content-Length: %d\r\n\r\n" % len(data), data
    request = PLAIN_TEXT + OFFERS[offer] + length + body
    step = 7001 if form == "parts" else len(request)
    with raw_client(door.address) as client:
        client.send(*(request[start : start + step] for start in range(0, len(request), step)))
        answer = client.read()
        assert json.loads(answer.body)["text"] == samples["zh_phone"].text
        client.send(LIVEZ)
        assert client.read().status == 200


def test_offer_with_expectation(door, samples):
    """A client that offers h2c and waits before it sends its body is told to go on."""
    data = samples["zh_phone"].data
    with raw_client(door.address) as client:
        client.send(PLAIN_TEXT + OFFERS["h2c"] + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(data))
        assert client.read().status == 100
        client.send(data)
        assert json.loads(client.read().body)["text"] == samples["zh_phone"].text


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        (handshake(key=""), 400, "invalid_handshake"),
        (handshake(key="short"), 400, "invalid_handshake"),
        (handshake(version="8"), 426, "websocket_version"),
        (handshake("Content-Length: 3"), 400, "invalid_handshake"),
        (handshake("Transfer-Encoding: chunked"), 400, "invalid_handshake"),
        (handshake().replace(b"GET", b"POST"), 400, "invalid_handshake"),
        (handshake(path="/" + "a" * 20000), 414, "url_too_long"),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "invalid_http"),
    ],
)
def test_bad_handshake(door, head, status, code):
    """A handshake that cannot become a WebSocket is answered, never held."""
    with raw_client(door.address) as client:
        client.send(head)
        answer = client.read()
        assert (answer.status, answer.code) == (status, code)
        assert client.is_closed()


def test_frames_behind_the_handshake(door):
    """Frames in the packet of the handshake are not lost."""
    with raw_client(door.address) as client:
        start, end = b'{"mode":"offline","is_speaking":true}', b'{"is_speaking":false}'
        client.send(handshake() + masked_frame(0x1, start) + masked_frame(0x1, end) + masked_frame(0x9, b"beat"))
        assert client.read().status == 101
        client.read_until(b"beat", b"{")


def test_refused_upload_is_not_read_for_ever(door):
    """A client that goes on sending can read its refusal, and is closed after some megabytes."""
    for head in (
        b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n",
        b"POST /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3b9aca00\r\n",
        b"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000000\r\n\r\n",
        b"GET /livez HTTP/1.0\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n",
    ):
        with raw_client(door.address) as client:
            client.send(head)
            assert client.read().headers["connection"] == "close"
            assert client.flood(bytes(1024**2), 400 * 1024**2) < 100 * 1024**2


@pytest.mark.slow
def test_body_that_never_comes_after_its_refusal(door):
    """A refused client that sends nothing is closed within seconds."""
    with raw_client(door.address) as client:
        client.send(b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
        assert client.read().status == 404
        assert client.is_closed()


def test_keep_alive(door):
    """An answered connection takes further requests, with bodies too."""
    with raw_client(door.address) as client:
        for _ in range(3):
            client.send(b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello")
            answer = client.read()
            assert (answer.status, answer.headers.get("connection")) == (404, None)
