"""Audio decoded while it arrives: the file's samples, none held back, whatever the sizes of the pieces."""

import numpy as np
import pytest

from paraserve.errors import AudioError
from paraserve.inference.audio.live.live_recording import ArrivingBytes, LiveRecording
from paraserve.inference.audio.recording import open_recording
from support import audio_files, live_codecs

FORMATS = {"ogg-opus": "ogg", "webm": "matroska", "mp3": "mp3", "flac": "flac", "mp4": "mov"}
MAX_LATE_MS = {"mp3": 150}
"""100 for others. Of MP3 the decoder holds frames of 36 ms back, until it has seen the next header."""


def pieces_of(data, n_bytes):
    """Give the next bytes at each call, and note how many were given."""
    given = [0]

    def ask():
        piece = data[given[0] : given[0] + n_bytes]
        given[0] += len(piece)
        return piece

    return ask, given


def decoded(data, container, n_bytes=1000):
    ask, _ = pieces_of(data, n_bytes)
    return np.concatenate([np.zeros(0, np.float32), *LiveRecording(ArrivingBytes(ask), container, None)])


@pytest.mark.parametrize("n_bytes", [7, 1000, 65_536])
@pytest.mark.parametrize("name", FORMATS)
def test_samples_are_those_of_the_file(name, n_bytes):
    """The pieces matter nothing: the samples are those of the whole file, but for what its end says to leave out."""
    data = live_codecs.file(audio_files.voice(2), name)
    whole = np.concatenate(list(open_recording(data)))
    samples = decoded(data, FORMATS[name], n_bytes)
    n_both = min(len(samples), len(whole))
    assert abs(len(samples) - len(whole)) < 800
    np.testing.assert_allclose(samples[: n_both - 400], whole[: n_both - 400], atol=1e-4)


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_waits_for_more(name):
    """All but about 100 ms of what a beginning of the file holds has come once that beginning is there."""
    data = live_codecs.file(audio_files.voice(3), name)
    ask, given = pieces_of(data, 500)
    n_heard, late_ms = 0, []
    for samples in LiveRecording(ArrivingBytes(ask), FORMATS[name], None):
        n_heard += len(samples)
        marks = given[0]
        late_ms.append((marks, n_heard))
    for n_bytes in range(len(data) // 2, len(data), len(data) // 8):
        heard = max((n for at, n in late_ms if at <= n_bytes), default=0)
        in_prefix = len(decoded(data[:n_bytes], FORMATS[name], 65_536))
        assert in_prefix - heard <= MAX_LATE_MS.get(name, 100) * 16 + 500 * 16 * 3000 // len(data)


@pytest.mark.parametrize("damage", range(20))
def test_damaged_flac(damage):
    """Damage costs frames and no more, wherever it is; damage of the beginning is a typed error."""
    rng = np.random.default_rng(damage)
    data = bytearray(live_codecs.file(audio_files.voice(3), "flac"))
    at = int(rng.integers(60 if damage else 0, len(data) - 40))
    data[at : at + 30] = rng.integers(0, 256, 30, np.uint8).tobytes()
    try:
        samples = decoded(bytes(data), "flac")
    except AudioError:
        assert at < 100
        return
    assert len(samples) > 16_000


def test_flac_that_is_cut_off():
    """A stream that ends inside of a frame gives the frames before, one that ends before its audio is an error."""
    data = live_codecs.file(audio_files.voice(3), "flac")
    assert len(decoded(data[: len(data) // 2], "flac")) > 10_000
    with pytest.raises(AudioError):
        decoded(data[:20], "flac")
