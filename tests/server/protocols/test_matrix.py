"""One recording in every protocol: the same text, the same times, one end."""

import numpy as np
import pytest
import soundfile

from support.audio_files import pcm_wav
from support.protocols.said import End, Partial, say
from support.protocols.ways import FILES, LIVE

MAX_DIFFERENCE_MS = 10
PAUSE_SAMPLES = 16_000


@pytest.fixture(scope="module")
def spoken(samples):
    """Two segments, one in Chinese and one in English, as PCM. No word of them is written otherwise than spoken."""
    parts = [soundfile.read(samples[name].path, dtype="int16")[0] for name in ("zh_home", "en_weather")]
    return np.concatenate((parts[0], np.zeros(PAUSE_SAMPLES, np.int16), parts[1])).tobytes()


@pytest.fixture(scope="module")
def expected(target, spoken):
    """The transcript of the recording by our own route: text without spaces, times of words."""
    told = FILES[0].send(target, pcm_wav(spoken))
    assert told.text == "声音减少一些。sunnywithachanceofrain."
    assert len(told.times_ms) == 12
    return told


def assert_equal(told, expected, *, has_times):
    """The text to the letter, and the times as near as protocols can round them."""
    assert told.codes == []
    if has_times:
        assert np.abs(np.subtract(told.times_ms, expected.times_ms)).max() <= MAX_DIFFERENCE_MS
    else:
        assert told.times_ms == []
    assert len(told.of(End)) == 1


@pytest.mark.parametrize("way", LIVE, ids=lambda way: way.name)
def test_live(target, spoken, expected, way):
    """Sent while it is spoken, a recording has the text of the file, partial texts before it, and one end."""
    with way.connect(target) as client:
        told = say(client, spoken)
    if way.has_second_pass:
        assert told.text == expected.text
    assert_equal(told, expected, has_times=way.has_times)
    assert bool(told.of(Partial)) == way.has_partials


@pytest.mark.parametrize("way", FILES, ids=lambda way: way.name)
def test_recording(target, spoken, expected, way):
    """Sent as a file, it has that text."""
    told = way.send(target, pcm_wav(spoken))
    assert told.text == expected.text
    assert_equal(told, expected, has_times=way.has_times)
    assert bool(told.of(Partial)) == way.has_partials
