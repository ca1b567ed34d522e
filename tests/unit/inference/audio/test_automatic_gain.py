"""Automatic gain: quiet speech becomes louder, everything else stays as it is."""

import numpy as np
import pytest

from paraserve.inference.audio.automatic_gain import MAX_GAIN_DB, AutomaticGain
from support.audio_files import voice

SECONDS = 8


def speech_at(level_db):
    """Synthetic speech whose loudest part has this level."""
    speech = voice(SECONDS)
    loudest = max(np.mean(speech[at : at + 160] ** 2) for at in range(0, len(speech) - 160, 160))
    return (speech * 10 ** (level_db / 20) / np.sqrt(loudest)).astype(np.float32)


def amplified(samples, block=None):
    gain, block = AutomaticGain(), block or len(samples)
    return np.concatenate([gain.push(samples[at : at + block]) for at in range(0, len(samples), block)]), gain


@pytest.mark.parametrize("block", [1, 7, 160, 999, 16_000])
def test_blocks_change_nothing(block):
    """Each sample has the same gain however the audio was cut."""
    samples = speech_at(-45)[: 16_000 if block == 1 else None]
    assert np.array_equal(amplified(samples, block)[0], amplified(samples)[0])


@pytest.mark.parametrize("level_db", [-20, -10, 0])
def test_loud_speech_is_left_as_it_is(level_db):
    """Speech of a usual level has no gain once it has been heard for a second."""
    samples = speech_at(level_db)
    louder, gain = amplified(samples)
    assert gain.gain_db == 0
    assert np.array_equal(louder[16_000:], samples[16_000:])


@pytest.mark.parametrize("level_db", [-60, -50, -40])
def test_quiet_speech_becomes_louder(level_db):
    """Quiet speech has a gain of at most 30 dB that never makes it quieter, and no jump between samples."""
    samples = speech_at(level_db)
    louder, gain = amplified(samples)
    assert 5 < gain.gain_db <= MAX_GAIN_DB
    assert np.all(np.abs(louder) >= np.abs(samples))
    gains_db = 20 * np.log10(np.abs(louder[samples != 0]) / np.abs(samples[samples != 0]))
    assert np.diff(gains_db).max() < 0.02


@pytest.mark.parametrize("level_db", [None, -80, -60, -40, -20])
def test_noise_alone_is_not_amplified(level_db):
    """Silence and a steady background are no speech."""
    rng = np.random.default_rng(0)
    samples = np.zeros(48_000, np.float32)
    if level_db is not None:
        samples += rng.normal(0, 10 ** (level_db / 20), 48_000).astype(np.float32)
    assert np.array_equal(amplified(samples)[0], samples)


def test_a_loud_word_is_not_amplified_long():
    """After quiet speech a loud word has the gain of the quiet one for one frame at most."""
    quiet, loud = speech_at(-55), speech_at(-10)[8_000:]
    gain = AutomaticGain()
    gain.push(quiet)
    assert gain.gain_db > 10
    gain.push(loud[np.argmax(np.abs(loud) > 0.1) :][:640])
    assert gain.gain_db < 3
