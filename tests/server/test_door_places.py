"""Places at the door: connections, uploads and live sessions of one address, slow bodies, proxies, Unix sockets."""

import contextlib
import socket
import ssl
import time

import pytest

from support import commands
from support.api_description import api_description
from support.certificates import self_signed
from support.commands import SUPERVISED
from support.raw_http import RawClient, handshake, raw_client

LIVEZ = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPLOAD = b"POST /transcribe HTTP/1.1\r\nHost: localhost\r\n"
LONG = UPLOAD + b"Content-Length: 1000000\r\n\r\n"
STRANGER, OTHER = "127.0.0.2", "127.0.0.3"
"""Loopback addresses that count like any other."""
ENTER_S = 0.3


@pytest.fixture(scope="module")
def door(demo_dir, tmp_path_factory, process_factory):
    """A server with few places and short times."""
    settings = {
        "head_timeout_s": 2,
        "upload_idle_timeout_s": 2,
        "upload_min_bytes_per_s": 1000,
        "upload_timeout_s": 6,
        "max_uploads": 4,
        "max_live": 4,
        "max_connections": 12,
        "max_connections_per_address": 6,
        "trusted_proxies": "127.0.0.1,127.0.1.0/24",
    }
    environment = {f"PARASERVE_{name.upper()}": str(value) for name, value in settings.items()}
    with process_factory(tmp_path_factory.mktemp("places"), "--bundle", demo_dir, **environment) as running:
        yield running


@contextlib.contextmanager
def clients(address, number: int, first: bytes, source: str = ""):
    """Connections that have sent the same bytes and stay open."""
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(raw_client(address, source)) for _ in range(number)]
        for client in made:
            client.send(first)
        time.sleep(ENTER_S)
        yield made


def wait_until_settled(server) -> None:
    """A place is free a moment after its client has gone."""
    server.assert_settled()
    time.sleep(ENTER_S)


def test_connections_of_one_address(door):
    """One address gets its share of the connections and is told so beyond it. Others and probes get in."""
    with clients(door.address, 6, b"GET", STRANGER), raw_client(door.address, STRANGER) as client:
        answer = client.read()
        assert (answer.status, answer.code) == (429, "address_limit")
        api_description().check_parts("GET", "/livez", answer.status, answer.headers, answer.body)
        assert client.is_closed()
        for source in (OTHER, ""):
            with raw_client(door.address, source) as another:
                another.send(LIVEZ)
                assert another.read().status == 200
    wait_until_settled(door)
    with raw_client(door.address, STRANGER) as client:
        client.send(LIVEZ)
        assert client.read().status == 200


def test_connections_in_all(door):
    """Where all connections are taken, the next is told so, and probes of this machine still get in."""
    with clients(door.address, 6, b"GET", STRANGER), clients(door.address, 6, b"GET", OTHER):
        with raw_client(door.address, "127.0.0.4") as client:
            answer = client.read()
            assert (answer.status, answer.code) == (503, "too_many_connections")
            assert answer.headers["retry-after"] == "1"
        assert door.get("/livez").status_code == 200
    wait_until_settled(door)


def test_uploads_of_one_address(door):
    """One address gets half of the uploads, also behind a proxy, whose word counts for trusted proxies alone."""
    with clients(door.address, 2, LONG, STRANGER):
        forwarded = b"X-Forwarded-For: 198.51.100.7, 127.0.0.2\r\n"
        spoofed = b"X-Forwarded-For: 198.51.100.7\r\n"
        for source, header in ((STRANGER, b""), (STRANGER, spoofed), ("127.0.1.9", forwarded)):
            with raw_client(door.address, source) as client:
                client.send(UPLOAD + header + b"Content-Length: 3\r\n\r\nabc")
                answer = client.read()
                assert (answer.status, answer.code) == (429, "address_limit"), (source, header)
                api_description().check_parts("POST", "/transcribe", answer.status, answer.headers, answer.body)
        for source, header in ((OTHER, b""), ("127.0.1.9", spoofed), ("", b"")):
            with raw_client(door.address, source) as client:
                client.send(UPLOAD + header + b"Content-Length: 3\r\n\r\nabc")
                assert client.read().status in {400, 415}, (source, header)
    wait_until_settled(door)


def test_live_sessions_of_one_address(door):
    """One address gets half of the live sessions."""
    with clients(door.address, 2, handshake(), STRANGER), raw_client(door.address, STRANGER) as client:
        client.send(handshake())
        assert client.read().status == 101
        client.read_until(b"address_limit", b"\x03\xf5")  # close code 1013
        with raw_client(door.address, OTHER) as another:
            another.send(handshake())
            assert another.read().rest == b""
    wait_until_settled(door)


@pytest.mark.parametrize(
    "start",
    [
        LONG,
        UPLOAD + b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n--b\r\n",
        UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n1;",
    ],
    ids=["raw", "form", "chunk extension"],
)
def test_trickled_upload(door, start):
    """An upload that only trickles in is refused with 408, however steadily."""
    with raw_client(door.address) as client:
        client.send(start, *[b"x"] * 8, pause_s=0.3)
        answer = client.read()
        assert (answer.status, answer.code) == (408, "upload_timeout")
        assert client.is_closed()


def test_slow_upload(door, samples):
    """An upload at 8 kB/s is taken."""
    data = samples["zh_number"].data[:40_000]
    with raw_client(door.address) as client:
        client.send(UPLOAD + b"Content-Length: %d\r\n\r\n" % len(data))
        client.send(*(data[start : start + 2000] for start in range(0, len(data), 2000)), pause_s=0.25)
        assert client.read().status == 200


@pytest.mark.slow
def test_upload_that_takes_too_long(door):
    """An upload has a total time, whatever its rate."""
    with raw_client(door.address) as client:
        client.send(LONG, *[bytes(1000)] * 24, pause_s=0.25)
        assert client.read().code == "upload_timeout"


V1 = b"PROXY TCP4 198.51.100.7 203.0.113.1 5000 443\r\n"
V2 = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes([198, 51, 100, 8, 203, 0, 113, 1]) + b"\x13\x88\x01\xbb"
LOCAL = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
SERVER_HELLO = b"\x16\x03\x03"
"""The first bytes of a TLS server's answer."""


@pytest.fixture(scope="module")
def behind_proxy(demo_dir, tmp_path_factory):
    """The address of a server with TLS whose proxies speak the PROXY protocol."""
    folder = tmp_path_factory.mktemp("proxy")
    made = self_signed(folder)
    settings = {"proxy_protocol": 1, "head_timeout_s": 1.5, "max_connections_per_address": 1}
    environment = {f"PARASERVE_{name.upper()}": str(value) for name, value in settings.items()}
    flags = ("--bundle", demo_dir, "--certfile", made.certfile, "--keyfile", made.keyfile)
    with commands.server(*flags, **environment) as url:
        yield "127.0.0.1", int(url.rsplit(":", 1)[1])


def client_hello() -> bytes:
    """The first bytes that a TLS client sends."""
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def secured(client: RawClient) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client.socket = context.wrap_socket(client.socket)


@pytest.mark.parametrize("header", [V1, V2, LOCAL, b"PROXY UNKNOWN\r\n"], ids=["v1", "v2", "local", "unknown"])
def test_proxy_header(behind_proxy, header):
    """A proxy's header is taken off before TLS begins, also in parts."""
    for parts in ([header], [header[:9], header[9:]]):
        with raw_client(behind_proxy) as client:
            client.send(*parts, pause_s=0.05)
            secured(client)
            client.send(LIVEZ)
            assert client.read().status == 200


def test_first_bytes_of_tls_at_any_moment(behind_proxy):
    """The client's first bytes may come before, while or after TLS takes the connection."""
    hello = client_hello()
    for n_us in range(0, 2000, 2):
        with raw_client(behind_proxy) as client:
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.send(LOCAL)
            time.sleep(n_us / 1e6)
            client.send(hello)
            assert client.socket.recv(3) == SERVER_HELLO


def test_proxy_header_with_the_first_bytes_of_tls(behind_proxy):
    """What follows the header in one packet is not lost."""
    with raw_client(behind_proxy) as client:
        client.send(V1 + client_hello())
        assert client.socket.recv(3) == SERVER_HELLO


def test_address_behind_a_proxy_header(behind_proxy):
    """Connections count for the client that the header names."""
    with raw_client(behind_proxy) as first:
        first.send(V1)
        secured(first)
        with raw_client(behind_proxy) as second:
            second.send(V1)
            secured(second)
            assert second.read().code == "address_limit"
        with raw_client(behind_proxy) as other:
            other.send(V2)
            secured(other)
            other.send(LIVEZ)
            assert other.read().status == 200


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP4 nonsense\r\n", b"", V1, V1 + b"\x16\x03"])
def test_proxy_without_header_or_handshake(behind_proxy, first):
    """A proxy that sends no header, or whose client begins no TLS, is closed."""
    with raw_client(behind_proxy) as client:
        client.send(first)
        while client.socket.recv(4096):
            pass


@pytest.mark.slow
@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.full), 2])
def test_unix_socket(tmp_path, demo_dir, process_factory, workers):
    """One or several processes serve a Unix socket, which is gone when they are."""
    path = tmp_path / "door.sock"
    flags = ("--bundle", demo_dir, "--uds", path, "--workers", workers)
    with process_factory(tmp_path, *flags, command=SUPERVISED) as running:
        assert running.url == f"unix:{path}"
        with raw_client(str(path)) as client:
            client.send(LIVEZ)
            assert client.read().status == 200
    assert not path.exists()
