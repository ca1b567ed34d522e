"""The progress of an attempt, its expected end, and what follows its failure."""

import pytest

from paraserve import errors, job_errors, remote_errors
from paraserve.runtime.jobs.working.kept_segments import KeptSegments
from paraserve.runtime.jobs.working.progress import SPEED_WINDOW_S, AttemptProgress
from paraserve.runtime.jobs.working.retries import MAX_RETRY_S, job_error, may_pass, retry_in_s


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


def test_the_end_is_expected_by_the_measured_speed():
    """What is in flight is not done. The first minute, which an earlier attempt had done, is soon forgotten."""
    clock, segments = Clock(), KeptSegments()
    progress = AttemptProgress(segments, clock)
    assert (progress.now().done_ms, progress.now().eta_s) == (0, None)
    progress.detected(1_000_000, 4_000_000)
    clock.now_s += 1
    first = progress.now()
    assert (first.done_ms, first.duration_ms, first.eta_s) == (1_000_000, 4_000_000, 3.0)
    for second in range(200):
        clock.now_s += 1
        progress.detected(1_010_000 + second * 10_000, 4_000_000)
        with segments.in_flight(10_000):
            now = progress.now()
    assert now.done_ms == 2_990_000
    assert now.eta_s == pytest.approx(101)
    assert len(progress._looks) <= SPEED_WINDOW_S + 2


def test_progress_never_goes_back():
    """A segment in flight makes less done, but not less than before."""
    segments = KeptSegments()
    progress = AttemptProgress(segments, Clock())
    progress.detected(50_000, None)
    assert progress.now().done_ms == 50_000
    with segments.in_flight(30_000):
        assert (progress.now().done_ms, progress.now().eta_s) == (50_000, None)


@pytest.mark.parametrize(
    "error",
    [
        errors.InferenceError("x"),
        errors.InferenceTimeoutError("x"),
        errors.OverloadedError("x"),
        errors.DecoderUnavailableError("x"),
        errors.ModelUnavailableError("x"),
        errors.StorageFullError("x"),
        job_errors.JobTimeoutError("x"),
        remote_errors.RemoteAwayError("x"),
        KeyError("x"),
    ],
)
def test_what_may_pass(error):
    """The server, its machine, another host, and defects."""
    assert may_pass(error)


@pytest.mark.parametrize(
    "error",
    [
        errors.AudioError("x"),
        errors.DecoderError("x"),
        errors.ProtocolError("x"),
        errors.ModelNotFoundError("x"),
        job_errors.AttemptsUsedError("x"),
        remote_errors.RemoteRecordingError("x"),
        remote_errors.UrlNotAllowedError("x"),
    ],
)
def test_what_does_not_pass(error):
    """The recording, and the request."""
    assert not may_pass(error)
    assert job_error(error).code == error.code


def test_waits_double_up_to_ten_minutes():
    """Each within a quarter, and not all alike."""
    for attempts, expected_s in ((1, 2), (2, 4), (3, 8), (9, 512), (10, MAX_RETRY_S), (5000, MAX_RETRY_S)):
        waits = {retry_in_s(attempts, 2.0) for _ in range(50)}
        assert len(waits) > 10
        assert all(0.75 * expected_s <= wait <= 1.25 * expected_s for wait in waits)
