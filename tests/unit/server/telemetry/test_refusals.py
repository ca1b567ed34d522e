"""Refusals are all counted, and logged once a minute for each kind and address."""

import structlog

from paraserve.server.telemetry import refusals
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.refusals import Refusals


def test_each_is_counted_and_one_a_minute_is_logged(monkeypatch):
    """A second refusal within a minute is counted; the next line says how many there were."""
    now = [1000.0]
    monkeypatch.setattr(refusals.time, "monotonic", lambda: now[0])
    metrics = Metrics()
    turned_away = Refusals(metrics.refusals)
    with structlog.testing.capture_logs() as lines:
        for seconds in (0, 1, 2, 61):
            now[0] = 1000.0 + seconds
            turned_away.note("head_too_large", "192.0.2.1")
        turned_away.note("head_too_large", "192.0.2.2")
        turned_away.note("too_many_pings", "192.0.2.1")
    assert [(line["kind"], line["address"], line["times"]) for line in lines] == [
        ("head_too_large", "192.0.2.1", 1),
        ("head_too_large", "192.0.2.1", 3),
        ("head_too_large", "192.0.2.2", 1),
        ("too_many_pings", "192.0.2.1", 1),
    ]
    text = metrics.text().decode()
    assert 'paraserve_refusals_total{kind="head_too_large"} 5.0' in text
    assert 'paraserve_refusals_total{kind="too_many_pings"} 1.0' in text


def test_many_addresses_take_no_more_memory_and_lines(monkeypatch):
    """Beyond the remembered addresses all others share one line; a minute later there is room again."""
    now = [1000.0]
    monkeypatch.setattr(refusals.time, "monotonic", lambda: now[0])
    turned_away = Refusals(Metrics().refusals)
    with structlog.testing.capture_logs() as lines:
        for number in range(3 * refusals.MAX_ADDRESSES):
            turned_away.note("connections", f"address {number}")
    assert len(lines) == refusals.MAX_ADDRESSES + 1
    assert lines[-1]["address"] == "others"
    now[0] += refusals.LOG_INTERVAL_S + 1
    with structlog.testing.capture_logs() as lines:
        turned_away.note("connections", "a new address")
    assert lines[0]["address"] == "a new address"
