"""Capacity measurement: it makes the engine do the work of real clients and files."""

import numpy as np
import pytest

from paraserve.errors import InferenceError, ProtocolError
from paraserve.inference.audio.synthetic_speech import synthetic_speech
from paraserve.options import StreamConfig
from paraserve.runtime.capacity import LIVE_SHARE, Capacity, measure_capacity, measure_file_capacity
from support.fakes import FakeEngine


async def test_every_talker_gets_a_second_pass():
    """Each talker says one segment a round; streams are closed, and the speed counts the audio of all."""
    engine = FakeEngine()
    capacity = await measure_capacity(engine, 3, for_s=0.02)
    assert engine.finished > 1
    assert (engine.finished - 1) % 3 == 0  # one alone to warm up
    assert engine.open_streams == 0
    audio_s = (engine.finished - 1) * 2.4
    assert capacity.callers == 3
    assert audio_s / capacity.took_s <= capacity.speed <= audio_s / 0.02


async def test_one_pass_without_a_second():
    """Mode online has partial texts only."""
    engine = FakeEngine()
    await measure_capacity(engine, 2, StreamConfig(mode="online"), for_s=0)
    assert engine.finished == 0


async def test_mode_that_cannot_be_served():
    """Without a streaming model there is nothing to measure in mode online."""
    with pytest.raises(ProtocolError, match="no streaming model"):
        await measure_capacity(FakeEngine(has_partials=False), 2, StreamConfig(mode="online"))


async def test_segments_of_files():
    """A file of 20 s is two segments, or more where the recogniser takes less."""
    engine, short = FakeEngine(), FakeEngine(max_segment_ms=5_000)
    await measure_file_capacity(engine, 2, for_s=0)
    await measure_file_capacity(short, 1, for_s=0)
    assert (engine.finished - 2) % 4 == 0
    assert short.finished % 4 == 0


async def test_failure():
    """The error of a model comes out unchanged, and no stream stays open."""
    engine = FakeEngine(error=InferenceError("broken"))
    with pytest.raises(InferenceError, match="broken"):
        await measure_capacity(engine, 4)
    assert engine.open_streams == 0


@pytest.mark.parametrize(("speed", "streams"), [(100 / LIVE_SHARE, 100), (10.4 / LIVE_SHARE, 10), (0.2, 1)])
def test_live_streams(speed, streams):
    """A share is kept free, and at least one client is let in."""
    assert Capacity(speed, 8, 1.0).live_streams == streams


def test_synthetic_speech():
    """It has the length asked for and no pause, and depends on the seed alone."""
    audio = synthetic_speech(1000)
    assert (audio.dtype, audio.shape) == (np.float32, (16_000,))
    assert np.abs(audio).max() < 0.5
    assert np.abs(audio.reshape(-1, 800)).max(axis=1).min() > 0.05
    assert np.array_equal(synthetic_speech(1000), audio)
    assert not np.array_equal(synthetic_speech(1000, seed=1), audio)
