"""Digital silence is not run through the network again and again, and nothing else comes of that."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from paraserve.inference.features.fbank import SILENCE, fbank
from paraserve.inference.models.vad.fsmn_vad import FsmnVad, load_fsmn_vad

TESTS = Path(__file__).resolve().parents[4]
MODELS = [TESTS / "golden" / "data" / "vad_tiny", TESTS.parent / "models" / "demo" / "vad"]
RATE = 16_000
NEVER = property(lambda _: 10**9)
"""Rows of silence after which the network rests, for a detector that always runs it."""


@pytest.fixture(params=MODELS, ids=["tiny", "demo"], scope="module")
def vad(request):
    return load_fsmn_vad(request.param)


def zeros(seconds):
    return np.zeros(round(seconds * RATE), np.float32)


def recording(seed):
    """Speech between pauses of zeros of 0 to 40 s, some after one sample that is not 0."""
    speech, _ = soundfile.read(MODELS[0] / "recording.flac", dtype="float32")
    rng = np.random.default_rng(seed)
    parts = [zeros(rng.uniform(0, 20))]
    for _ in range(4):
        start = int(rng.integers(len(speech) - RATE))
        parts += [speech[start : start + int(rng.integers(RATE // 2, 4 * RATE))], zeros(rng.uniform(0, 40))]
        parts += [np.full(1, 1e-4, np.float32)] if rng.random() < 0.5 else []
    return np.concatenate(parts)


def steps(vad, samples, step):
    """Events, features and times of quiet of all steps."""
    state, results = vad.new_state(), []
    for start in range(0, len(samples), step):
        state, result = vad.step(state, samples[start : start + step], is_last=start + step >= len(samples))
        results.append(result)
    return [(result.events, result.quiet_until_ms) for result in results], np.concatenate(
        [result.features for result in results]
    )


@pytest.mark.parametrize("step_s", [0.6, 10.0, 700.0])
@pytest.mark.parametrize("seed", range(3))
def test_boundaries_and_features_are_those_of_running_it(vad, step_s, seed, monkeypatch):
    """With and without the network on zeros: the same events at the same steps, bit by bit the same features."""
    samples = recording(seed)
    events, features = steps(vad, samples, round(step_s * RATE))
    monkeypatch.setattr(FsmnVad, "_reach", NEVER)
    expected, expected_features = steps(vad, samples, round(step_s * RATE))
    assert any(of_step for of_step, _ in expected)
    assert events == expected
    assert np.array_equal(features, expected_features)


def test_an_hour_of_zeros_runs_the_network_twice(vad):
    """Once its memory is full of silence it rests, until there is something to hear."""
    state = vad.new_state()
    runs = set()
    for _ in range(360):
        state, step = vad.step(state, zeros(10), is_last=False)
        runs.add(state.silence.n_rows)
        assert not step.events
    assert len(runs) <= 2
    before = state.silence
    state, _ = vad.step(state, np.full(RATE, 0.01, np.float32), is_last=False)
    assert state.silence.n_rows == 0 != before.n_rows


def test_the_features_of_zeros_are_known():
    """They are what the extractor gives for a frame of zeros beside sound."""
    mixed = np.concatenate((zeros(1), np.full(1600, 0.5, np.float32)))
    features = fbank(mixed)
    assert (features[:90] == np.float32(SILENCE)).all()
    assert np.array_equal(fbank(zeros(1)), features[: len(fbank(zeros(1)))])
