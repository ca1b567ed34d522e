"""A recording of hours: memory, coverage and an event loop that goes on answering."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "bench" / "memory.py"
QUICK_HOURS, FULL_HOURS = 0.25, 3.0
MAX_PEAK_MB = 600
MAX_LIVEZ_P99_MS = 250
MAX_GAP_S = 20
"""The pauses are of 3 s at most, that at the end of a stretch up to a clip longer; two lost clips would be seen."""


@pytest.fixture(scope="module")
def report(demo_dir, data_dir, full):
    """What scripts/bench/memory.py prints."""
    hours = FULL_HOURS if full else QUICK_HOURS
    command = [sys.executable, SCRIPT, "--hours", str(hours), "--bundle", demo_dir, "--samples", data_dir]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    return json.loads(done.stdout) | {"hours": hours}


@pytest.mark.alone
@pytest.mark.timeout(1600)
def test_memory_is_bounded(report):
    """Server and decode children together stay under the limit, at any length."""
    assert report["duration_ms"] >= report["hours"] * 3_600_000
    assert report["children_peak_mb"] > 0
    assert report["peak_mb"] < MAX_PEAK_MB


@pytest.mark.alone
@pytest.mark.timeout(1600)
def test_nothing_is_lost(report):
    """All that was received was processed, and there are sentences from the beginning to the end, in order."""
    assert report["audio_received_ms"] == report["audio_processed_ms"] == report["duration_ms"]
    assert report["damaged_packets"] == 0
    assert report["is_in_order"]
    assert report["longest_gap_s"] < MAX_GAP_S
    fewest, most = report["tokens_per_unit"]
    assert fewest > 0.9 * most > 100


@pytest.mark.alone
@pytest.mark.timeout(1600)
def test_the_event_loop_stays_free(report):
    """`/livez` answers quickly while the models work."""
    assert report["livez_ms"]["p99"] < MAX_LIVEZ_P99_MS
