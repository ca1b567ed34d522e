"""How messages to one host are spread, so that a host that is slow or away costs the others nothing."""

import pytest

from paraserve.runtime.jobs.webhooks.receivers import AT_ONCE, MAX_AWAY_S, MAX_TURN_S, Receivers, wait_after

URL = "https://receiver.example/hook"


def busy(took_s: float = 0.1) -> Receivers:
    """A host that is being sent as many messages as it may, after others that took so long."""
    receivers = Receivers(5.0)
    for _ in range(50):
        receivers.begin(URL)
        receivers.end(URL, took_s, is_away=False)
    for _ in range(AT_ONCE):
        assert receivers.wait_s(URL) == 0
        receivers.begin(URL)
    return receivers


def test_messages_that_wait_get_turns_one_after_the_other():
    receivers = busy(took_s=0.4)
    waits = [receivers.wait_s("https://RECEIVER.example/other?x") for _ in range(100)]
    assert waits == sorted(waits)
    assert waits[0] == pytest.approx(0.1, rel=0.2)
    assert waits[-1] == pytest.approx(10, rel=0.2)
    assert receivers.wait_s("https://other.example/hook") == 0


def test_a_turn_is_never_far_away():
    receivers = busy(took_s=15)
    waits = [receivers.wait_s(URL) for _ in range(1000)]
    assert MAX_TURN_S / 2 <= max(waits) <= MAX_TURN_S
    assert len(set(waits[100:])) > 800


def test_a_host_that_ended_a_message_is_sent_the_next():
    receivers = busy()
    assert receivers.wait_s(URL) > 0
    receivers.end(URL, 0.1, is_away=None)
    assert receivers.wait_s(URL) == 0


def test_a_host_that_does_not_answer_is_left_alone_until_it_does():
    receivers = Receivers(5.0)
    for _ in range(AT_ONCE):
        receivers.begin(URL)
    for _ in range(AT_ONCE):
        receivers.end(URL, 15, is_away=True)
    assert 2.4 < receivers.wait_s(URL) <= 6
    receivers.begin(URL)
    receivers.end(URL, 0.1, is_away=False)
    assert receivers.wait_s(URL) == 0


def test_waits_double_up_to_an_hour():
    for failures, longest_s in ((1, 5), (2, 10), (3, 20), (10, 2560), (11, 3600), (10_000, 3600)):
        waits = [wait_after(failures, 5.0) for _ in range(100)]
        assert longest_s / 2 <= min(waits) < max(waits) <= longest_s
    assert MAX_AWAY_S < 3600
