"""Addresses and URLs that lead into the server's network, in all the ways in which they can be written."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.remote_errors import RemoteAwayError, UrlNotAllowedError
from paraserve.runtime.remote.address_guard import AddressGuard
from paraserve.runtime.remote.addresses import is_public, read_address
from paraserve.runtime.remote.fetcher import Fetcher
from paraserve.runtime.remote.poster import Poster
from paraserve.runtime.remote.urls import read_http_url, redirected

PUBLIC = "93.184.215.14"
NAMES = {
    "public.example": [PUBLIC],
    "both.example": [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
    "localhost": ["127.0.0.1"],
    "loopback.example": ["127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "half.example": [PUBLIC, "10.0.0.7"],
    "half6.example": [PUBLIC, "fd00::7"],
    "scoped.example": ["fe80::1%eth0"],
    "xn--bcher-kva.example": ["192.168.1.1"],
    "intranet": ["172.16.0.9"],
}

REFUSED = [
    # this host
    "http://127.0.0.1/",
    "http://127.255.255.254/",
    "http://0.0.0.0/",
    "http://0.1.2.3/",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://loopback.example/",
    # other forms of 127.0.0.1
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.0.0.1./",
    "http://127.000.000.001/",
    "http://127.0.0.0x1/",
    "http://4294967296/",
    "http://127.0.0.1.0/",
    "http://１２７.０.０.１/",
    "http://127。0。0。1/",
    "http://①②⑦.0.0.1/",
    "http://٠.0.0.1/",
    "http://ｌｏｃａｌｈｏｓｔ/",
    "http://%31%32%37.0.0.1/",
    # private networks
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.0.1/",
    "http://intranet/",
    "http://bücher.example/",
    "http://100.64.0.1/",
    "http://[fc00::1]/",
    "http://[fd12:3456::1]/",
    "http://[fec0::1]/",
    "http://half.example/",
    "http://half6.example/",
    # metadata of clouds, link-local addresses
    "http://169.254.169.254/latest/meta-data/",
    "http://metadata.google.internal/",
    "http://[fd00:ec2::254]/",
    "http://100.100.100.200/",
    "http://192.0.0.192/",
    "http://168.63.129.16/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://scoped.example/",
    # IPv4 addresses within IPv6 ones
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::a00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a00:1::1]/",
    "http://[2001:0:7f00:1::]/",
    "http://[::ffff:0:127.0.0.1]/",
    # multicast, reserved, documentation
    "http://224.0.0.1/",
    "http://239.255.255.250/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://192.88.99.1/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[100::1]/",
    "http://[4000::1]/",
    # users, and what programs read differently
    "http://user:password@public.example/",
    "http://user@public.example/",
    "http://@public.example/",
    "http://public.example@127.0.0.1/",
    "http://127.0.0.1@public.example/",
    "http://public.example#@127.0.0.1/ ",
    "http://public.example\\@127.0.0.1/",
    "http://public.example:80\\@127.0.0.1/",
    "http:\\\\127.0.0.1/",
    "http:/127.0.0.1/",
    "http:127.0.0.1/",
    "http:///127.0.0.1/",
    "//127.0.0.1/",
    "http://public.example /",
    " http://public.example/",
    "http://public.example/\r\nHost: 127.0.0.1",
    "http://public.example\t/",
    "http://pub\nlic.example/",
    "http://public.example\x00.localhost/",
    "http://public.example%00.localhost/",
    "http://public.example%2f@127.0.0.1/",
    "http://[::1/",
    "http://::1/",
    "http://[127.0.0.1]/",
    "http://[::1].public.example/",
    "http://-public.example/",
    "http://public..example/",
    "http://.public.example/",
    "http:///",
    "http://",
    "",
    "http://public.example/" + "a" * 5000,
    # ports and schemes
    "http://public.example:22/",
    "http://public.example:25/",
    "http://public.example:0/",
    "http://public.example:65536/",
    "http://public.example:99999999999/",
    "http://public.example:-1/",
    "http://public.example:80:80/",
    "ftp://public.example/",
    "gopher://127.0.0.1:6379/_INFO",
    "dict://127.0.0.1:11211/stat",
    "ws://public.example/",
    "data:audio/wav;base64,AAAA",
    "javascript:alert(1)",
    "jar:http://public.example/!/",
    "file:///etc/passwd",
    "s3://bucket/key",
    "unix:///run/docker.sock",
    "http+unix://%2frun%2fdocker.sock/",
]
ACCEPTED = [
    "http://public.example/",
    "HTTPS://Public.Example/A%20b?c=d#e",
    "http://public.example./a.wav",
    "http://public.example:8080/a.wav",
    "https://public.example:443/",
    "http://public.example",
    "http://public.example?x=http://127.0.0.1/",
    "http://public.example/@127.0.0.1/",
    f"http://{PUBLIC}/",
    "http://both.example/录音.wav",
    "http://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:8000/",
    f"http://[::ffff:{PUBLIC}]/",
    f"http://[64:ff9b::{PUBLIC}]/",
    "http://172.32.0.1/",
    "http://100.128.0.1/",
    "http://a_b.public.example/",
]


def lookup(host: str, port: int) -> list[str]:
    """Names of the table, and addresses themselves."""
    if host in NAMES:
        return NAMES[host]
    if host.endswith("public.example"):
        return [PUBLIC]
    return [str(ipaddress.ip_address(host))]


def open_guard(*allow: str) -> AddressGuard:
    return AddressGuard(allow, lookup)


def test_there_are_enough_tricks():
    assert len(set(REFUSED)) == len(REFUSED) > 100


@pytest.mark.parametrize("url", REFUSED)
async def test_a_url_that_leads_elsewhere_is_refused(url: str):
    guard = open_guard()
    with pytest.raises(UrlNotAllowedError) as refused:
        await Fetcher(guard).check(url)
    assert refused.value.param == "url"
    with pytest.raises(UrlNotAllowedError) as refused:
        await Poster(guard).check(url)
    assert refused.value.param == "callback_url"
    guard.close()


@pytest.mark.parametrize("url", ACCEPTED)
async def test_a_public_url_is_accepted(url: str):
    guard = open_guard()
    await Fetcher(guard).check(url)
    await Poster(guard).check(url)
    guard.close()


@pytest.mark.parametrize(
    ("network", "url"),
    [
        ("127.0.0.0/8", "http://localhost:8000/"),
        ("10.0.0.7", "http://half.example/"),
        ("10.0.0.0/8", "http://[::ffff:10.0.0.1]/"),
        ("10.0.0.0/8", "http://[64:ff9b::10.0.0.1]/"),
        ("fd00::/8", "http://half6.example/"),
        ("169.254.169.254/32", "http://metadata.google.internal/"),
    ],
)
async def test_the_operator_may_allow_a_network(network: str, url: str):
    allowing = open_guard("198.18.0.0/15", network)
    await Fetcher(allowing).check(url)
    with pytest.raises(UrlNotAllowedError):
        await Fetcher(open_guard("198.18.0.0/15")).check(url)


async def test_each_address_has_to_be_allowed():
    with pytest.raises(UrlNotAllowedError):
        await Fetcher(open_guard("fd00::/8")).check("http://half.example/")


async def test_the_client_is_not_told_the_address():
    with pytest.raises(UrlNotAllowedError, match=r"intranet.*not public") as refused:
        await Fetcher(open_guard()).check("http://intranet/")
    assert "172" not in str(refused.value)


async def test_a_name_that_cannot_be_looked_up_is_left_to_the_fetching():
    def fails(host: str, port: int) -> list[str]:
        raise OSError("no name server")

    guard = AddressGuard(resolve=fails)
    await Fetcher(guard).check("http://public.example/")
    with pytest.raises(RemoteAwayError):
        await guard.addresses("public.example", 80)


@given(st.ip_addresses())
def test_no_address_that_python_calls_private_is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address):
    read = read_address(str(address))
    if not read.is_global or read.is_multicast or read.is_reserved:
        assert not is_public(read)


@given(st.text() | st.text("htps:/@[]#?%\\.0123456789abcdefx１。é").map("http://".__add__))
def test_any_text_is_read_or_refused(text: str):
    for read in (read_http_url, lambda text: redirected(read_http_url("https://public.example/"), text)):
        try:
            url = read(text)
        except UrlNotAllowedError:
            continue
        assert read_http_url(str(url)) == url
        assert str(url).isascii()


def test_the_form_that_is_checked_is_the_one_that_is_called():
    url = read_http_url("HTTP://Public.Example.:80/a b".replace(" ", "%20") + "?q=录#part")
    assert (url.scheme, url.host, url.port, url.target) == ("http", "public.example", 80, "/a%20b?q=%E5%BD%95")
    assert url.authority == "public.example"
    assert read_http_url("http://[2606:2800::1]:8000").authority == "[2606:2800::1]:8000"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b?c", "https://public.example/b?c"),
        ("b", "https://public.example/a/b"),
        ("?d", "https://public.example/a/x?d"),
        ("//both.example/b", "https://both.example/b"),
        ("https://both.example:8443/", "https://both.example:8443/"),
    ],
)
def test_a_redirect_is_relative_to_its_url(location: str, target: str):
    assert str(redirected(read_http_url("https://public.example/a/x"), location)) == target


@pytest.mark.parametrize(
    "location",
    [
        "http://public.example/",
        "file:///etc/passwd",
        "https://user@public.example/",
        "https://0x7f000001/",
        "\\\\a\\b",
    ],
)
def test_a_redirect_is_checked_like_a_url(location: str):
    with pytest.raises(UrlNotAllowedError):
        redirected(read_http_url("https://public.example/a/x"), location)
