"""What is taken for an API key in a request, and what is not."""

import base64

import pytest
from starlette.requests import HTTPConnection

from paraserve.server.access.credentials import MAX_CANDIDATES, public_subprotocols, sent_keys


def sent(*headers, query="", kind="http", subprotocols=()):
    """The keys of a request with these (name, value) headers."""
    return sent_keys(
        HTTPConnection(
            {
                "type": kind,
                "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
                "query_string": query.encode(),
                "subprotocols": list(subprotocols),
            }
        )
    )


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        ("Bearer k", ["k"]),
        ("bEaReR\tk", ["k"]),
        ("  Bearer   k  ", ["k"]),
        ("Bearer; k", ["k"]),
        ("Bearer;k", ["k"]),
        ("Bearer : k", ["k"]),
        ("Bearer Token k", ["k"]),
        ('"Bearer k"', ["k"]),
        ("Bearer 'k'", ["k"]),
        ("Token k", ["k"]),
        ('Token token="k"', ["k"]),
        ("Api-Key k", ["k"]),
        ("apikey=k", ["k"]),
        ("Key k", ["k"]),
        ("keys-of-mine", ["keys-of-mine"]),
        ("k", ["k"]),
        ("bearerless", ["bearerless"]),
        ("Bearer", []),
        ("Bearer;", []),
        ("Bearer ''", []),
        ("", []),
        (basic("user:k"), ["k", "user"]),
        (basic("k:"), ["k"]),
        (basic("k"), ["k"]),
        (basic(":k"), ["k"]),
        (basic("a:b:c"), ["b:c", "a"]),
        (basic("user:k").rstrip("="), ["k", "user"]),
        (basic("ключ:k"), ["k", "ключ".encode().decode("latin-1")]),
        ("Basic !", []),
        ("basic", ["basic"]),
    ],
)
def test_authorization(value, keys):
    """The name of a scheme, quotes and spaces are no part of the key."""
    assert sent(("authorization", value)) == keys


@pytest.mark.parametrize("name", ["x-api-key", "api-key", "xi-api-key"])
def test_other_headers(name):
    """They hold the key alone, or with what people copy along."""
    assert sent((name, "k")) == sent((name, "Bearer k")) == sent((name, ' "k"')) == ["k"]


@pytest.mark.parametrize("name", ["cookie", "x-token", "proxy-authorization", "apikey"])
def test_what_is_no_place(name):
    """A browser sends cookies by itself, and a proxy's own credentials are not ours."""
    assert sent((name, "k")) == []


def test_order():
    """Headers stand before the address, each text once."""
    headers = [("x-api-key", "b"), ("authorization", "Bearer a"), ("authorization", "Bearer b")]
    found = sent(*headers, query="access_token=d&token=c&token=", kind="websocket", subprotocols=["token", "e"])
    assert found == ["a", "b", "c", "d", "e"]


def test_address_of_a_request():
    """Over HTTP neither the address nor a header of WebSocket counts."""
    assert sent(query="token=k", subprotocols=["token", "k"]) == []


def test_number():
    """Each costs a comparison with all keys, so the number is bounded."""
    assert len(sent(*(("authorization", f"Bearer {n}") for n in range(1000)))) == MAX_CANDIDATES


@pytest.mark.parametrize(
    ("offered", "keys", "public"),
    [
        ([], [], []),
        (["binary"], [], ["binary"]),
        (["token"], [], ["token"]),
        (["token", "k"], ["k"], ["token"]),
        (["Bearer", "k", "chat"], ["k"], ["Bearer", "chat"]),
        (["token", "token", "chat"], ["token"], ["chat"]),
        (["realtime", "openai-insecure-api-key.k"], ["k"], ["realtime"]),
        (["openai-insecure-api-key."], [], []),
        (["token", "openai-insecure-api-key.k"], ["openai-insecure-api-key.k"], ["token"]),
        (["k", "token", "k"], ["k"], ["token"]),
    ],
)
def test_subprotocols(offered, keys, public):
    """A key among them is found, and never among those that may be sent back."""
    assert sent(kind="websocket", subprotocols=offered) == keys
    assert public_subprotocols(offered) == public
