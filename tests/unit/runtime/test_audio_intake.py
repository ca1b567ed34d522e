"""Audio on its way to the detector, by what the client asks for."""

import numpy as np
import pytest

from paraserve.inference.abilities import Abilities
from paraserve.inference.audio import noise_suppression
from paraserve.options import RecognitionOptions
from paraserve.runtime.audio_intake import AudioIntake
from paraserve.server.protocols.option_warnings import option_warnings
from paraserve.types import Update

SAMPLES = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)


async def test_who_asks_for_nothing_pays_nothing():
    """The samples and the updates are passed on as they are, not copied and not measured."""
    intake = AudioIntake(RecognitionOptions())
    assert intake.take(SAMPLES) is SAMPLES
    assert await intake.take_block(SAMPLES) is SAMPLES
    assert len(intake.rest()) == 0
    assert intake.quality() is None
    emit = [].append
    assert intake.telling(emit) is emit


@pytest.mark.parametrize("block", [100, 1_000, 32_000])
@pytest.mark.parametrize("auto_gain", [False, True])
def test_as_much_comes_out_as_goes_in(block, auto_gain):
    """Whatever is asked for, no sample is lost, and the quality is that of the audio as it came."""
    intake = AudioIntake(RecognitionOptions(auto_gain=auto_gain, noise_suppression=True, audio_quality=True))
    pieces = [intake.take(SAMPLES[at : at + block]) for at in range(0, len(SAMPLES), block)]
    assert len(np.concatenate([*pieces, intake.rest()])) == len(SAMPLES)
    assert intake.quality().level_dbfs == pytest.approx(-20, abs=0.5)
    assert (intake.quality().gain_db is None) == (not auto_gain)


def test_final_texts_tell_the_quality():
    """Segments' texts and the last update have it, partial texts do not."""
    updates = []
    intake = AudioIntake(RecognitionOptions(audio_quality=True))
    intake.take(SAMPLES)
    emit = intake.telling(updates.append)
    for update in (Update("online", "a"), Update("offline", "b"), Update("online", "c", last=True)):
        emit(update)
    assert [update.quality is not None for update in updates] == [False, True, True]


def test_without_the_package_a_warning_says_so(monkeypatch):
    """Noise suppression that the server cannot do is named, and the audio goes on as it came."""
    monkeypatch.setattr(noise_suppression, "is_installed", lambda: False)
    options = RecognitionOptions(noise_suppression=True)
    (warning,) = option_warnings(options, Abilities(), {"noise_suppression"})
    assert (warning.code, warning.param) == ("not_honoured", "noise_suppression")
    assert "webrtc-noise-gain" in warning.message
    assert AudioIntake(options).take(SAMPLES) is SAMPLES
