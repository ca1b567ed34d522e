"""Figures of several processes: read while one starts, and what is forgotten of one that ended."""

import struct

import pytest

from paraserve.server.telemetry import metrics
from paraserve.server.telemetry.shared_figures import MULTIPROCESS_DIR, figures_folder, forget_gauges


@pytest.mark.parametrize("error", [ValueError("cannot mmap an empty file"), struct.error("4 bytes wanted")])
def test_read_while_a_process_starts(monkeypatch, tmp_path, error):
    """A file that another process has made and not yet sized is read again a moment later."""
    outcomes = [error, error, b"figures"]

    def read():
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setenv(MULTIPROCESS_DIR, str(tmp_path))
    monkeypatch.setattr(metrics, "_sum_of_processes", read)
    assert metrics.Metrics().text() == b"figures"


def test_gauges_of_a_process_that_has_ended():
    """Its gauges of the living go, its counts stay, and so do those of others; in the end the folder goes."""
    with figures_folder() as folder:
        for name in ("gauge_livesum_7.db", "gauge_livemax_7.db", "counter_7.db", "gauge_livesum_77.db"):
            (folder / name).touch()
        forget_gauges(folder, 7)
        assert {file.name for file in folder.iterdir()} == {"counter_7.db", "gauge_livesum_77.db"}
    assert not folder.exists()
