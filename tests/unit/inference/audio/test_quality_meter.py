"""Level, noise, clipping and bandwidth of audio, and the hints about them."""

import numpy as np
import pytest
import soxr

from paraserve.inference.audio.quality_meter import QualityMeter
from paraserve.types import SAMPLE_RATE
from support.audio_files import voice

SECONDS = 6


def quality_of(samples, block=None):
    meter = QualityMeter()
    for start in range(0, len(samples), block or max(1, len(samples))):
        meter.add(samples[start : start + (block or len(samples))].astype(np.float32))
    return meter.quality()


def noise(level_db, seconds=SECONDS, seed=0):
    return np.random.default_rng(seed).normal(0, 10 ** (level_db / 20), seconds * SAMPLE_RATE)


def bursts(level_db, noise_db=-70.0):
    """White noise of a level for the first 0.7 s of each second, over a background."""
    is_loud = np.arange(SECONDS * SAMPLE_RATE) % SAMPLE_RATE < 0.7 * SAMPLE_RATE
    return noise(level_db) * is_loud + noise(noise_db, seed=1)


@pytest.mark.parametrize("level_db", [-60, -50, -40, -30, -20, -12])
@pytest.mark.parametrize("snr_db", [10, 20, 35])
def test_speech_and_background_have_their_levels(level_db, snr_db):
    """The level is that of the speech, not of its pauses, and the background's is that of the pauses, to 1.5 dB."""
    quality = quality_of(bursts(level_db, level_db - snr_db))
    speech_db = 10 * np.log10(10 ** (level_db / 10) + 10 ** ((level_db - snr_db) / 10))
    # A background as near as 10 dB counts as speech, as in ITU-T P.56.
    assert quality.level_dbfs == pytest.approx(speech_db, abs=1.5 if snr_db > 10 else 2)
    assert quality.noise_dbfs == pytest.approx(level_db - snr_db, abs=1.5)
    assert ("too_quiet" in quality.hints) == (level_db < -45)
    assert ("noisy" in quality.hints) == (snr_db == 10)


@pytest.mark.parametrize("block", [1, 159, 512, 1000, 16_000])
def test_blocks_change_nothing(block):
    """The figures are the same however the audio was cut."""
    samples = bursts(-25)[: SAMPLE_RATE * (1 if block == 1 else SECONDS)]
    assert quality_of(samples, block) == quality_of(samples)


@pytest.mark.parametrize(("gain_db", "is_clipped"), [(0, False), (1, False), (6, True), (30, True)])
def test_clipping_is_found(gain_db, is_clipped):
    """Speech that was recorded too loud has a share of samples at the limit; one loud sample is no clipping."""
    speech = voice(SECONDS)
    loud = np.clip(speech / np.abs(speech).max() * 10 ** (gain_db / 20), -1, 1)
    quality = quality_of(loud)
    assert ("clipped" in quality.hints) == is_clipped
    assert (quality.clipped_share >= 0.001) == is_clipped


@pytest.mark.parametrize(("rate", "bandwidth_hz"), [(8_000, 4_000), (12_000, 6_000), (16_000, 8_000)])
def test_bandwidth_is_that_of_the_recording(rate, bandwidth_hz):
    """Audio that was recorded at a lower rate has nothing above half of it."""
    narrow = soxr.resample(bursts(-20, -45), SAMPLE_RATE, rate)
    quality = quality_of(soxr.resample(narrow, rate, SAMPLE_RATE))
    assert abs(quality.bandwidth_hz - bandwidth_hz) <= 250
    assert ("narrow_band" in quality.hints) == (rate == 8_000)


def test_silence_and_too_little():
    """Digital silence has no level and is said to be silent; less than a second of anything gives no hints."""
    silent = quality_of(np.zeros(2 * SAMPLE_RATE))
    assert (silent.level_dbfs, silent.noise_dbfs, silent.bandwidth_hz) == (None, None, None)
    assert silent.hints == ("silent",)
    for samples in (np.zeros(0), np.zeros(100), np.zeros(8000), noise(-60, 1)[:8000]):
        assert quality_of(samples).hints == ()


def test_figures_are_finite_whatever_comes():
    """Full scale, offsets, single steps and values over full scale give figures in their ranges."""
    square = np.sign(np.sin(np.arange(32_000)))
    for samples in (square, np.ones(32_000), 100 * square, np.eye(1, 32_000)[0], np.full(32_000, 1 / 32_768)):
        quality = quality_of(samples)
        assert 0 <= quality.clipped_share <= 1
        for value in (quality.level_dbfs, quality.noise_dbfs, quality.bandwidth_hz):
            assert value is None or np.isfinite(value)
