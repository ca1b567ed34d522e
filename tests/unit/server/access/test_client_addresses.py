"""Which addresses count as one, and which no limit concerns."""

import pytest

from paraserve.server.access.client_addresses import UNIX, ClientAddresses, plain_host

ADDRESSES = ClientAddresses.of(("127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48"))


@pytest.mark.parametrize("host", [None, "127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "2001:db8:1::5", UNIX])
def test_exempt(host):
    """Probes of this machine, trusted proxies and Unix sockets are exempt."""
    assert ADDRESSES.group(host) is None


@pytest.mark.parametrize(
    ("host", "group"),
    [
        ("127.0.0.2", "127.0.0.2"),
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:2:3:4:5:6:7", "2001:db8:2:3::/64"),
        ("2001:db8:2:3::", "2001:db8:2:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_groups(host, group):
    """An IPv4 address stands for itself, however it is written, an IPv6 address for its site."""
    assert ADDRESSES.group(host) == group


def test_mapped_addresses():
    """An IPv4 address that is mapped into IPv6 is shown as IPv4."""
    assert plain_host("::ffff:192.0.2.1") == "192.0.2.1"
    assert plain_host("::ffff:c000:201") == "192.0.2.1"
    assert plain_host("2001:db8::1") == "2001:db8::1"


def test_no_network():
    """A network with bits beyond its mask is refused, since it may be meant otherwise."""
    with pytest.raises(ValueError, match="has host bits set"):
        ClientAddresses.of(("10.0.0.1/8",))
