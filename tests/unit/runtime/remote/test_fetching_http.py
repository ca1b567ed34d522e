"""Recordings that are fetched from real hosts by HTTP: honest, slow, endless and lying ones."""

import asyncio
import gzip
import io
import itertools
import ssl
import time
from collections.abc import AsyncIterator

import pytest

from paraserve.errors import ParaserveError
from paraserve.remote_errors import RemoteAwayError, RemoteRecordingError, UrlNotAllowedError
from paraserve.runtime.remote.address_guard import AddressGuard
from paraserve.runtime.remote.fetched import Fetched
from paraserve.runtime.remote.fetcher import Fetcher
from support.certificates import self_signed
from support.remote_hosts import Answer, RemoteHost, answer, remote_host

AUDIO = bytes(range(256)) * 4000
TIMEOUT_S = 20.0
TLS = ssl.create_default_context()
"""Made once: it takes longer than a test."""


def local(host: str, port: int) -> list[str]:
    """All names are this machine."""
    return ["127.0.0.1"]


async def drip(writer: asyncio.StreamWriter) -> None:
    """A byte now and then, without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def endless(writer: asyncio.StreamWriter) -> None:
    """As much as is taken."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def endless_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x-filler: " + b"x" * 1000 + b"\r\n")
        await writer.drain()


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def reset(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc")
    await writer.drain()
    writer.transport.abort()


ANSWERS: dict[str, Answer] = {
    "/talk.wav": answer(AUDIO, content_type="audio/wav", set_cookie="a=b"),
    "/chunked": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    "/until-closed": b"HTTP/1.0 200 OK\r\n\r\nabcde",
    "/longer-than-said": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcdefgh",
    "/shorter-than-said": b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nabc",
    "/says-too-much": b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\nabc",
    "/says-nonsense": b"HTTP/1.1 200 OK\r\ncontent-length: minus\r\n\r\nabc",
    "/no-http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "/nothing": b"",
    "/empty": answer(b""),
    "/page": answer(b"<html>log in</html>", content_type="text/html; charset=utf-8"),
    "/bomb": answer(gzip.compress(bytes(10_000_000)), content_encoding="gzip"),
    "/identity": answer(b"abcde", content_encoding="identity"),
    "/partial": answer(b"abc", 206),
    "/no-content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "/busy": answer(status=503, retry_after="7"),
    "/busy-nonsense": answer(status=503, retry_after="²" + "1" * 5000),
    "/drip": drip,
    "/endless": endless,
    "/endless-head": endless_head,
    "/silent": silent,
    "/reset": reset,
    "/to-talk": answer(status=302, location="talk.wav"),
    "/to-nowhere": answer(status=302),
    "/to-private": answer(status=307, location="http://10.0.0.1/"),
    "/to-metadata": answer(status=301, location="http://169.254.169.254/latest/"),
    "/to-file": answer(status=302, location="file:///etc/passwd"),
    "/to-user": answer(status=302, location="http://user@127.0.0.1/"),
    "/to-decimal": answer(status=303, location="http://2130706433/talk.wav"),
    "/loop": answer(status=308, location="/loop"),
    **{f"/hop{n}": answer(status=302, location=f"/hop{n + 1}" if n < 5 else "/talk.wav") for n in range(6)},
    **{f"/status{status}": answer(b"no", status) for status in (400, 401, 403, 404, 410, 408, 429, 500, 502, 504)},
}


@pytest.fixture
async def host() -> AsyncIterator[RemoteHost]:
    async with remote_host(ANSWERS) as served:
        yield served


async def fetch(url: str, max_bytes: int = 2_000_000, timeout_s: float = TIMEOUT_S) -> tuple[Fetched, bytes]:
    guard = AddressGuard(["127.0.0.1"])
    file = io.BytesIO()
    fetched = await Fetcher(guard, tls=TLS).fetch(url, file, max_bytes, timeout_s)
    guard.close()
    return fetched, file.getvalue()


async def test_a_recording_is_fetched(host: RemoteHost, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    fetched, data = await fetch(host.url("/talk.wav?signature=%2Fab%20c"))
    assert fetched == Fetched(len(AUDIO), "talk.wav", "audio/wav")
    assert data == AUDIO
    [asked] = host.asked
    assert (asked.method, asked.target) == ("GET", "/talk.wav?signature=%2Fab%20c")
    assert asked.headers["host"] == f"127.0.0.1:{host.port}"
    assert asked.headers["accept-encoding"] == "identity"
    assert not {"cookie", "authorization", "proxy-authorization"} & set(asked.headers)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/chunked", b"abcde"),
        ("/until-closed", b"abcde"),
        ("/longer-than-said", b"abcde"),
        ("/identity", b"abcde"),
        ("/to-talk", AUDIO),
        ("/hop1", AUDIO),
    ],
)
async def test_answers_that_are_recordings(host: RemoteHost, path: str, data: bytes):
    assert (await fetch(host.url(path)))[1] == data
    assert all("cookie" not in asked.headers for asked in host.asked)


@pytest.mark.parametrize(
    ("path", "kind", "says"),
    [
        ("/page", RemoteRecordingError, "web page"),
        ("/bomb", RemoteRecordingError, "compressed"),
        ("/empty", RemoteRecordingError, "empty"),
        ("/partial", RemoteRecordingError, "206"),
        ("/no-content", RemoteRecordingError, "204"),
        ("/says-too-much", RemoteRecordingError, "larger than"),
        ("/endless", RemoteRecordingError, "larger than"),
        ("/status400", RemoteRecordingError, "400"),
        ("/status401", RemoteRecordingError, "401"),
        ("/status403", RemoteRecordingError, "403"),
        ("/status404", RemoteRecordingError, "404"),
        ("/status410", RemoteRecordingError, "410"),
        ("/loop", RemoteRecordingError, "5 times"),
        ("/hop0", RemoteRecordingError, "5 times"),
        ("/to-private", UrlNotAllowedError, "not public"),
        ("/to-metadata", UrlNotAllowedError, "not public"),
        ("/to-file", UrlNotAllowedError, "no URL"),
        ("/to-user", UrlNotAllowedError, "no URL"),
        ("/to-decimal", UrlNotAllowedError, "octets"),
        ("/to-nowhere", RemoteRecordingError, "Location"),
        ("/status408", RemoteAwayError, "408"),
        ("/status429", RemoteAwayError, "429"),
        ("/status500", RemoteAwayError, "500"),
        ("/status502", RemoteAwayError, "502"),
        ("/status504", RemoteAwayError, "504"),
        ("/busy", RemoteAwayError, "503"),
        ("/busy-nonsense", RemoteAwayError, "503"),
        ("/shorter-than-said", RemoteAwayError, "failed"),
        ("/says-nonsense", RemoteAwayError, "failed"),
        ("/no-http", RemoteAwayError, "failed"),
        ("/nothing", RemoteAwayError, "failed"),
        ("/reset", RemoteAwayError, "failed"),
        ("/endless-head", RemoteAwayError, "failed"),
    ],
)
async def test_answers_that_are_none(host: RemoteHost, path: str, kind: type[ParaserveError], says: str):
    with pytest.raises(kind, match=says):
        await fetch(host.url(path))


@pytest.mark.parametrize("path", ["/drip", "/silent"])
async def test_a_slow_host_has_its_time(host: RemoteHost, path: str):
    started_s = time.monotonic()
    with pytest.raises(RemoteAwayError, match=r"longer than 0\.3 s"):
        await fetch(host.url(path), timeout_s=0.3)
    assert time.monotonic() - started_s < TIMEOUT_S


async def test_a_host_may_say_when_to_come_again(host: RemoteHost):
    with pytest.raises(RemoteAwayError) as refused:
        await fetch(host.url("/busy"))
    assert refused.value.retry_after_s == 7


async def test_no_more_is_read_than_may_be_stored(host: RemoteHost):
    file = io.BytesIO()
    guard = AddressGuard(["127.0.0.1"])
    with pytest.raises(RemoteRecordingError) as refused:
        await Fetcher(guard, tls=TLS).fetch(host.url("/endless"), file, 1_000_000, TIMEOUT_S)
    assert refused.value.code == "file_too_large"
    assert len(file.getvalue()) <= 1_000_000


async def test_nobody_listens(host: RemoteHost):
    with pytest.raises(RemoteAwayError, match="failed"):
        await fetch("http://127.0.0.1:1025/")
    with pytest.raises(UrlNotAllowedError):
        await Fetcher(AddressGuard(), tls=TLS).fetch(host.url("/talk.wav"), io.BytesIO(), 1000, TIMEOUT_S)
    assert not host.asked


async def test_a_name_that_changes_its_address_gains_nothing(host: RemoteHost):
    """The name is public when the job is submitted, and leads to the server's own network when it is fetched."""
    answers = itertools.chain([["93.184.215.14"]], itertools.repeat(["127.0.0.1"]))
    fetcher = Fetcher(AddressGuard(resolve=lambda host, port: next(answers)), tls=TLS)
    url = host.url("/talk.wav", "changing.example")
    await fetcher.check(url)
    with pytest.raises(UrlNotAllowedError):
        await fetcher.fetch(url, io.BytesIO(), 1000, TIMEOUT_S)
    assert not host.asked


async def test_the_address_that_was_checked_is_the_one_that_is_called(host: RemoteHost):
    """Each connection looks the name up once: so there is no second answer that could differ."""
    lookups = []

    def resolve(name: str, port: int) -> list[str]:
        lookups.append(name)
        return ["127.0.0.1"] if len(lookups) == 1 else ["127.0.0.2"]

    file = io.BytesIO()
    fetcher = Fetcher(AddressGuard(["127.0.0.1"], resolve), tls=TLS)
    await fetcher.fetch(host.url("/talk.wav", "rebinding.example"), file, 2_000_000, TIMEOUT_S)
    assert file.getvalue() == AUDIO
    assert lookups == ["rebinding.example"]
    assert host.asked[0].headers["host"] == f"rebinding.example:{host.port}"


async def test_the_next_address_is_called_when_one_does_not_answer(host: RemoteHost):
    guard = AddressGuard(["127.0.0.0/8"], lambda name, port: ["127.0.0.9", "127.0.0.1"])
    file = io.BytesIO()
    await Fetcher(guard, tls=TLS).fetch(host.url("/talk.wav", "two.example"), file, 2_000_000, TIMEOUT_S)
    assert file.getvalue() == AUDIO


async def test_https_wants_the_certificate_of_the_name(tmp_path):
    certificate = self_signed(tmp_path)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate.certfile, certificate.keyfile)
    names = []
    serving.sni_callback = lambda _socket, name, _context: names.append(name)
    answers = {
        "/talk.wav": answer(AUDIO),
        "/reset": reset,
        "/down": answer(status=302, location="http://localhost:8000/"),
    }
    trusting = Fetcher(
        AddressGuard(["127.0.0.1"], local), tls=ssl.create_default_context(cafile=str(certificate.certfile))
    )
    async with remote_host(answers, serving) as host:
        url = f"https://localhost:{host.port}/talk.wav"
        file = io.BytesIO()
        await trusting.fetch(url, file, 2_000_000, TIMEOUT_S)
        assert file.getvalue() == AUDIO
        assert names == ["localhost"]
        with pytest.raises(RemoteAwayError, match="certificate"):
            await Fetcher(AddressGuard(["127.0.0.1"], local)).fetch(url, io.BytesIO(), 1000, TIMEOUT_S)
        with pytest.raises(RemoteAwayError, match="certificate"):
            await trusting.fetch(url.replace("localhost", "other.example"), io.BytesIO(), 1000, TIMEOUT_S)
        with pytest.raises(RemoteAwayError, match="failed"):
            await trusting.fetch(url.replace("talk.wav", "reset"), io.BytesIO(), 1000, TIMEOUT_S)
        with pytest.raises(UrlNotAllowedError, match="from https to http"):
            await trusting.fetch(url.replace("talk.wav", "down"), io.BytesIO(), 1000, TIMEOUT_S)
