"""What a batch adds to the figures."""

import pytest

from paraserve.runtime.scheduling.batches import BatchStats, Lane
from paraserve.server.telemetry.metrics import Metrics


@pytest.fixture
def metrics():
    return Metrics()


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(f"paraserve_{name}", labels) or 0.0


def batch(stage="recognize", lane=Lane.BULK, *, is_failed=False):
    """Three items of 1.8 s together, padded to 3 s."""
    return BatchStats(stage, lane, 3, 180, 300, (0.1, 0.2, 0.3), 0.05, is_failed)


def test_audio_and_padding(metrics):
    """Frames are 10 ms; padding is what the model did beyond its items."""
    metrics.batch(batch())
    assert value(metrics, "batch_audio_seconds_total") == pytest.approx(1.8)
    assert value(metrics, "batch_padding_seconds_total") == pytest.approx(1.2)
    assert value(metrics, "batch_size_sum", stage="recognize") == 3
    assert value(metrics, "queue_wait_seconds_sum", lane="bulk") == pytest.approx(0.6)
    assert value(metrics, "stage_seconds_sum", stage="recognize") == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("lane", "live", "file"), [(Lane.BULK, 0, 3), (Lane.JOBS, 0, 3), (Lane.FINAL, 3, 0), (Lane.STEP, 0, 0)]
)
def test_segments(metrics, lane, live, file):
    """Segments of files and of live clients are told apart; readiness checks are none."""
    metrics.batch(batch(lane=lane))
    assert [value(metrics, "speech_segments_total", source=one) for one in ("live", "file")] == [live, file]


def test_failures(metrics):
    """A batch that failed is counted as such, not as audio."""
    metrics.batch(batch(is_failed=True))
    assert value(metrics, "inference_failures_total", stage="recognize") == 1
    assert value(metrics, "batch_audio_seconds_total") == value(metrics, "speech_segments_total", source="file") == 0


def test_other_stages(metrics):
    """Costs of other stages are no seconds of audio."""
    metrics.batch(batch("step", Lane.STEP))
    assert value(metrics, "batch_size_count", stage="step") == 1
    assert value(metrics, "batch_audio_seconds_total") == 0
