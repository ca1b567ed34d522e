"""Honest clients while the server is attacked from another address: they are let in, answered and not delayed."""

import json

import pytest

from support.attacks.all_attacks import ATTACKS, FAMILIES
from support.attacks.measured import MAX_RSS_GROWTH_MB, measure
from support.attacks.served import served

QUICK_FAMILIES = {"frames"}
QUICK_S, QUICK_QUIET_S = 0.5, 3.0
FULL_S, FULL_QUIET_S = 60.0, 10.0
MAX_LIVEZ_MS = 5000
"""Of the quick tier, where other work may be on the machine: an attack that stops the server takes longer."""
REFUSED = {"429", "503", "1008", "1013", "address_limit", "overloaded"}


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.parametrize(
    "family", [pytest.param(one, marks=[] if one in QUICK_FAMILIES else [pytest.mark.full]) for one in FAMILIES]
)
def test_each_family(attacked, family):
    """Newcomers are served, no result is lost, memory is bounded and `/livez` answers, whatever the attack."""
    names = [attack.name for attack in FAMILIES[family]]
    figures = measure(attacked, *names, seconds=QUICK_S * len(names), quiet_s=QUICK_QUIET_S)
    print(json.dumps(figures.plain()))
    assert set(figures.newcomers_live) == {"ok"}
    assert set(figures.newcomers_uploads) == {"ok"}
    assert (figures.finals_lost, figures.livez_failed) == (0, 0)
    assert figures.livez_ms.max < MAX_LIVEZ_MS
    before_mb, peak_mb, _ = figures.rss_mb
    assert peak_mb - before_mb <= MAX_RSS_GROWTH_MB


@pytest.mark.alone
@pytest.mark.slow
def test_places(attacked):
    """One address does not get every place: it is refused with a code, and others are served."""
    figures = measure(attacked, "every place held, 12 bytes a second", seconds=6, quiet_s=QUICK_QUIET_S)
    assert set(figures.newcomers_live) == {"ok"}
    assert set(figures.newcomers_uploads) == {"ok"}
    assert REFUSED & set(figures.attacker.answers()), figures.attacker


@pytest.mark.full
@pytest.mark.alone
@pytest.mark.timeout(400)
@pytest.mark.parametrize("keys", [False, True], ids=["open", "keys"])
@pytest.mark.parametrize("name", ATTACKS)
def test_bars(tmp_path, name, keys):
    """For a minute: `/livez` p99 100 ms, finals as in quiet, 64 MB at most, newcomers let in."""
    with served(tmp_path, keys=keys) as server:
        figures = measure(server, name, seconds=FULL_S, quiet_s=FULL_QUIET_S)
    print(json.dumps(figures.plain()))
    assert figures.shortfalls() == []
