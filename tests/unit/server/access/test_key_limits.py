"""Limits of a key's name: of each kind, of all, and of a minute."""

import contextlib
from dataclasses import replace

import pytest

from paraserve.errors import KeyLimitError
from paraserve.server.access import key_limits
from paraserve.server.access.api_keys import hashed
from paraserve.server.access.key_fields import KeyLimits
from paraserve.server.access.key_limits import KeysInUse

KINDS = ("uploads", "live sessions")


def key(name="ann", **limits):
    return replace(hashed(name, "secret"), limits=KeyLimits(**limits))


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when a test says so."""
    now = [1000.0]
    monkeypatch.setattr(key_limits.time, "monotonic", lambda: now[0])
    return now


def n_admitted(in_use, one, kinds):
    """How many of these are let in at once."""
    with contextlib.ExitStack() as stack:
        for number, kind in enumerate(kinds):
            try:
                stack.enter_context(in_use.admit(one, kind))
            except KeyLimitError:
                return number
        return len(kinds)


@pytest.mark.parametrize(
    ("setting", "limits", "kinds", "admitted"),
    [
        (0, {}, KINDS * 9, 18),
        (3, {}, KINDS * 9, 3),
        (3, {"max": 5}, KINDS * 9, 5),
        (3, {"max": 0}, KINDS * 9, 18),
        (0, {"max_live": 2}, KINDS * 9, 5),
        (0, {"max_uploads": 2}, KINDS * 9, 4),
        (0, {"max_uploads": 2, "max": 3}, KINDS * 9, 3),
        (3, {"max_live": 5}, ("live sessions",) * 9, 3),
        (0, {"max_live": 1}, ("uploads",) * 9, 9),
    ],
)
def test_at_once(setting, limits, kinds, admitted):
    """A field counts in place of the setting, 0 is no limit, and the narrowest one decides."""
    in_use = KeysInUse(setting)
    for _ in range(2):
        assert n_admitted(in_use, key(**limits), kinds) == admitted


def test_names():
    """Two keys of one name count together, others do not."""
    in_use = KeysInUse(1)
    with in_use.admit(key(), "uploads"):
        assert n_admitted(in_use, key(max_live=9), ["live sessions"]) == 0
        assert n_admitted(in_use, key("bob"), ["uploads"]) == 1
        assert n_admitted(in_use, None, ["uploads"] * 9) == 9


def test_a_minute(clock):
    """A minute's worth at once, then one after the other as time passes; what is refused takes nothing."""
    in_use, one = KeysInUse(0), key(per_minute=6)
    assert n_admitted(in_use, one, ["uploads"] * 9) == 6
    for _ in range(3):
        with pytest.raises(KeyLimitError) as caught, in_use.admit(one, "uploads"):
            pass
        assert caught.value.retry_after_s == 10
    clock[0] += 10
    assert n_admitted(in_use, one, ["uploads"] * 9) == 1
    clock[0] += 3600
    assert n_admitted(in_use, one, ["live sessions"] * 9) == 6


def test_audio_of_a_minute(clock):
    """Audio counts when it is known, and whoever used more than there was waits until it is made up for."""
    in_use, one = KeysInUse(0, audio_s_per_minute=60), key()
    for _ in range(2):
        assert n_admitted(in_use, one, KINDS) == 2
        in_use.charge_audio(one, 59_000)
    with pytest.raises(KeyLimitError, match="60 s of audio a minute") as caught, in_use.admit(one, "uploads"):
        pass
    assert caught.value.retry_after_s == 58
    assert n_admitted(in_use, one, ["jobs"]) == 1
    assert n_admitted(in_use, key(audio_per_minute=0), ["uploads"]) == 1
    clock[0] += 57
    assert n_admitted(in_use, one, ["uploads"]) == 0
    clock[0] += 1.5
    assert n_admitted(in_use, one, ["uploads"]) == 1


def test_the_setting_of_a_minute(clock):
    """Keys without a field of their own have that of the settings."""
    in_use = KeysInUse(0, requests_per_minute=3)
    assert n_admitted(in_use, key(), ["uploads", "jobs"] * 3) == 3
    assert n_admitted(in_use, key("bob", per_minute=0), ["uploads"] * 9) == 9


def test_what_is_full_costs_nothing(clock):
    """A request that finds no room is not counted as begun."""
    in_use, one = KeysInUse(0), key(max=1, per_minute=2)
    with in_use.admit(one, "uploads"):
        assert n_admitted(in_use, one, ["uploads"]) == 0
    assert n_admitted(in_use, one, ["uploads"]) == 1
