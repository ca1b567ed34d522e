"""Without a detector a recording is one stretch of speech."""

import numpy as np
import pytest

from paraserve.inference.base import Vad
from paraserve.inference.models.vad.whole_recording_vad import WholeRecordingVad
from paraserve.options import VadOverrides


@pytest.mark.parametrize("step_samples", [1, 160, 5000])
def test_one_segment(step_samples: int) -> None:
    """It starts with the first sample and ends with the last whole frame, whatever the steps."""
    vad: Vad = WholeRecordingVad()
    samples = np.zeros(5005, np.float32)
    state, events = vad.new_state(VadOverrides(max_end_silence_ms=5)), []
    for at in range(0, len(samples), step_samples):
        state, step = vad.step(state, samples[at : at + step_samples], is_last=at + step_samples >= len(samples))
        events += [(event.kind, event.at_ms, event.decided_ms) for event in step.events]
    assert events == [("start", 0, 0), ("end", 310, 312)]
    assert vad.lookback_with(VadOverrides()) == vad.lookback_ms == 0


def test_nothing_heard() -> None:
    """A stream without a sample has no speech."""
    _, step = WholeRecordingVad().step(WholeRecordingVad().new_state(), np.zeros(0, np.float32), is_last=True)
    assert step.events == ()
