"""Who calls, by address, metadata and the word of proxies."""

from dataclasses import dataclass

import pytest

from paraserve.server.access.client_addresses import ClientAddresses
from paraserve.server.grpc.callers import caller_of


@dataclass
class Call:
    """What the library tells of a call."""

    address: str
    metadata: tuple[tuple[str, str | bytes], ...] = ()

    def peer(self):
        return self.address

    def invocation_metadata(self):
        return self.metadata


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("ipv4:192.0.2.1:5000", "", ("192.0.2.1", 5000)),
        ("ipv6:%5B2001:db8::1%5D:5000", "", ("2001:db8::1", 5000)),
        ("ipv6:[::ffff:192.0.2.1]:5000", "", ("192.0.2.1", 5000)),
        ("unix:", "", None),
        ("ipv4:192.0.2.1:5000", "198.51.100.7", ("192.0.2.1", 5000)),
        ("ipv4:10.0.0.1:5000", "198.51.100.7", ("198.51.100.7", 0)),
        ("ipv4:10.0.0.1:5000", "6.6.6.6, 198.51.100.7, 10.0.0.2", ("198.51.100.7", 0)),
    ],
)
def test_client(peer, forwarded, client):
    """Only a trusted proxy may say for whom it calls."""
    metadata = (("x-forwarded-for", forwarded),) if forwarded else ()
    assert caller_of(Call(peer, metadata), ClientAddresses.of(["10.0.0.0/8"])).client == client


def test_metadata():
    """Text becomes headers; what means something else over HTTP is left out. An odd id is not taken."""
    metadata = (("x-api-key", "k"), ("host", "h"), ("some-bin", b"\x00"), ("x-request-id", "no id\u00e9"))
    caller = caller_of(Call("ipv4:192.0.2.1:1", metadata), ClientAddresses.of([]))
    assert caller.headers == (("x-api-key", "k"), ("x-request-id", "no id\u00e9"))
    assert len(caller.request_id) == 32
