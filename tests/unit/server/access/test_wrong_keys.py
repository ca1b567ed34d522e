"""Wrong keys are counted by address, in a minute and in bounded memory."""

import pytest

from paraserve.errors import WrongKeysError
from paraserve.server.access import wrong_keys
from paraserve.server.access.client_addresses import address_group
from paraserve.server.access.wrong_keys import MAX_ADDRESSES, WINDOW_S, WrongKeys


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when a test says so."""
    now = [1000.0]
    monkeypatch.setattr(wrong_keys.time, "monotonic", lambda: now[0])
    return now


def is_refused(counted, address):
    try:
        counted.add(address)
    except WrongKeysError:
        return True
    return False


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_groups(address, group):
    """One customer of IPv6 has a /64; a mapped address is the IPv4 one."""
    assert address_group(address) == group


def test_a_minute(clock):
    """So many in a minute, then none until it has passed, then as many again."""
    counted = WrongKeys(3)
    for _ in range(2):
        assert [is_refused(counted, "192.0.2.1") for _ in range(5)] == [False] * 3 + [True] * 2
        clock[0] += WINDOW_S
    assert not is_refused(counted, "192.0.2.1")


def test_time_to_wait(clock):
    """The error says how long, and the time is never 0."""
    counted = WrongKeys(1)
    counted.add("192.0.2.1")
    clock[0] += WINDOW_S - 0.5
    with pytest.raises(WrongKeysError) as caught:
        counted.add("192.0.2.1")
    assert caught.value.retry_after_s == 1


def test_addresses_are_apart(clock):
    """One address does not count for another, two of one /64 count together."""
    counted = WrongKeys(1)
    assert not is_refused(counted, "2001:db8::1")
    assert is_refused(counted, "2001:db8::2")
    assert not is_refused(counted, "2001:db8:0:1::2")
    assert not is_refused(counted, "192.0.2.2")


def test_memory_is_bounded(clock):
    """Many addresses push out the oldest ones, and the newest is counted still."""
    counted = WrongKeys(1)
    for number in range(2 * MAX_ADDRESSES):
        assert not is_refused(counted, f"10.0.{number // 256}.{number % 256}")
    assert len(counted._counts) == MAX_ADDRESSES
    assert is_refused(counted, f"10.0.{(2 * MAX_ADDRESSES - 1) // 256}.{(2 * MAX_ADDRESSES - 1) % 256}")


def test_no_limit():
    """0 counts nothing."""
    counted = WrongKeys(0)
    assert not any(is_refused(counted, "192.0.2.1") for _ in range(1000))
