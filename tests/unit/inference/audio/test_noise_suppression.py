"""Noise suppression: less noise, the same speech at the same place, whatever the blocks."""

import numpy as np
import pytest
import soundfile

from paraserve.inference.audio import noise_suppression
from support.audio_files import voice

pytestmark = pytest.mark.skipif(not noise_suppression.is_installed(), reason="webrtc-noise-gain is not installed")
SECONDS = 6


def suppressed(samples, block=None):
    suppressor, block = noise_suppression.NoiseSuppressor(), block or max(1, len(samples))
    pieces = [suppressor.push(samples[at : at + block]) for at in range(0, len(samples), block)]
    return np.concatenate([*pieces, suppressor.flush()])


@pytest.mark.parametrize("n_samples", [0, 1, 95, 96, 159, 160, 161, 16_000, 16_001])
def test_as_many_samples_come_out_as_go_in(n_samples):
    """No sample is lost or added, even of audio shorter than a frame."""
    assert len(suppressed(voice(2)[:n_samples])) == n_samples


@pytest.mark.parametrize("block", [7, 160, 999, 16_000])
def test_blocks_change_nothing(block):
    """The samples are the same however the audio was cut."""
    samples = voice(2)
    assert np.array_equal(suppressed(samples, block), suppressed(samples))


def test_speech_stays_where_it_is(data_dir):
    """Clean speech is not moved, to a millisecond, and keeps its level, to 2 dB."""
    speech = soundfile.read(data_dir / "zh_phone.wav", dtype="float32")[0]
    found = suppressed(speech)
    lags = range(-200, 201, 4)
    moved = [float(np.dot(speech[400:-400], found[400 + lag : len(found) - 400 + lag])) for lag in lags]
    assert abs(list(lags)[int(np.argmax(moved))]) <= 16
    assert abs(20 * np.log10(np.std(found) / np.std(speech))) < 2


def test_steady_noise_becomes_quieter():
    """After two seconds noise alone is at least 5 dB quieter."""
    noise = np.random.default_rng(0).normal(0, 0.02, SECONDS * 16_000).astype(np.float32)
    found = suppressed(noise)
    assert 20 * np.log10(np.std(found[32_000:]) / np.std(noise[32_000:])) < -5
