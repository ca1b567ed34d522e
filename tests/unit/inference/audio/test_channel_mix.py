"""Channels are mixed by their mean, unless that would cancel what was said."""

import numpy as np
import pytest

import support.audio_files as files
from paraserve.inference.audio.channel_mix import ChannelMixer, mixed
from paraserve.inference.audio.recording import open_recording
from paraserve.inference.audio.source_chunks import SourceChunk

RATE = 16_000
VOICE = files.voice(4.0)
OTHER = files.voice(4.0, pitch_hz=170.0)


def mix(channels, chunk=1_600, rate=RATE):
    frames = np.stack(channels, axis=1)
    chunks = (SourceChunk(frames[at : at + chunk], rate) for at in range(0, len(frames), chunk))
    return np.concatenate([samples for samples, _ in mixed(chunks, None)])


@pytest.mark.parametrize(
    "channels",
    [
        (VOICE, -VOICE),
        (VOICE, -0.9 * VOICE),
        (0.8 * VOICE, -VOICE),
        (VOICE, -VOICE, np.zeros_like(VOICE)),
        (VOICE, VOICE, -VOICE, -VOICE),
        (np.zeros_like(VOICE), VOICE, -VOICE, np.zeros_like(VOICE), 0.1 * OTHER, np.zeros_like(VOICE)),
        (VOICE, -VOICE, VOICE, -VOICE, VOICE, -VOICE, VOICE, -VOICE),
        (VOICE, *(np.zeros_like(VOICE),) * 15),
    ],
    ids=["inverted", "softer", "left softer", "three", "two pairs", "six", "eight", "one of sixteen"],
)
def test_channels_that_cancel_give_the_loudest(channels):
    """What is heard is one of the channels, from the first sample on, at its own level."""
    samples = mix(channels)
    loudest = max(channels, key=lambda one: float(np.sum(one**2)))
    assert min(np.abs(samples - loudest).max(), np.abs(samples + loudest).max()) < 1e-6


@pytest.mark.parametrize(
    "channels",
    [
        (VOICE, OTHER),
        (VOICE, VOICE),
        (VOICE, np.zeros_like(VOICE)),
        (VOICE, 0.5 * VOICE),
        (VOICE, -0.5 * VOICE),
        (VOICE, np.roll(VOICE, 40)),
        (VOICE, OTHER, 0.3 * VOICE, np.zeros_like(VOICE), OTHER, VOICE),
        (np.zeros_like(VOICE),) * 2,
    ],
    ids=["two voices", "equal", "one side", "softer", "partly inverted", "delayed", "six", "silence"],
)
def test_ordinary_channels_are_their_mean_bit_by_bit(channels):
    """Nothing changes for what does not cancel."""
    assert np.array_equal(mix(channels), np.stack(channels, axis=1).mean(axis=1))


def test_the_size_of_chunks_changes_nothing():
    """Frames of 7 samples, of packets, and the whole file give the same."""
    left = np.concatenate((VOICE, VOICE, OTHER))
    right = np.concatenate((OTHER, -VOICE, OTHER))
    expected = mix((left, right), len(left))
    for chunk in (7, 1024, 160_000):
        assert np.array_equal(mix((left, right), chunk), expected)


def test_a_change_in_the_middle_is_followed_without_a_click():
    """The choice follows within half a second, and no step is larger than those of the voices."""
    left, right = np.concatenate((VOICE, VOICE, VOICE)), np.concatenate((VOICE, -VOICE, VOICE))
    samples = mix((left, right))
    n = len(VOICE)
    late = slice(n + RATE // 2, 2 * n)
    assert min(np.abs(samples[late] - left[late]).max(), np.abs(samples[late] + left[late]).max()) < 1e-6
    assert np.abs(samples[2 * n + RATE // 2 :] - left[2 * n + RATE // 2 :]).max() < 1e-6
    assert np.abs(np.diff(samples)).max() <= 1.2 * np.abs(np.diff(left)).max()


def test_a_file_of_opposite_channels_is_heard():
    """By wav and flac, at another rate, and a chosen channel stays that channel."""
    for name in ("wav-24bit-stereo", "flac-24bit-stereo"):
        encoding = files.encoding(name)
        voice = files.voice(2.0, encoding.sample_rate)
        data = files.encode(encoding, np.stack([voice, -voice], axis=1))
        both, left, right = (np.concatenate(list(open_recording(data, channel=channel))) for channel in (None, 0, 1))
        assert np.abs(both - left).max() < 1e-6
        assert np.abs(left + right).max() < 1e-5


def test_the_end_of_a_recording_is_not_lost():
    """The last window is shorter than the others."""
    mixer = ChannelMixer(2, RATE)
    frames = np.stack([VOICE, OTHER], axis=1)[: RATE // 10 + 3]
    assert len(mixer.push(frames)) == RATE // 10
    assert len(mixer.flush()) == 3
    assert len(mixer.flush()) == 0
