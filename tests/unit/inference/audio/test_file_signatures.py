"""Files by their first bytes."""

import numpy as np
import pytest

from paraserve.inference.audio.file_signatures import HEAD_BYTES, file_format
from support import audio_files

RAW = {"wav-8bit", "wav-16bit", "wav-16bit-8k", "wav-24bit-stereo", "wav-32bit-6ch", "wav-float", "wavex-24bit"}
RAW |= {"wav-alaw", "wav-ulaw"}
"""WAV with raw audio behind its header."""


@pytest.mark.parametrize("encoding", audio_files.ENCODINGS, ids=lambda one: one.name)
def test_files(encoding):
    """Every format that uploads may have is known, but for WAV with raw audio."""
    head = audio_files.encode_voice(encoding, 1)[:HEAD_BYTES]
    assert (file_format(head) is None) == (encoding.name in RAW)
    assert file_format(bytearray(head)) == file_format(head)


def test_raw_audio():
    """Noise, tones and silence are no files, whatever their first sample is."""
    rng = np.random.default_rng(0)
    for first in (-1, -1025, -3329, 0x4449, 0x674F, 0x5249, 0, 0x4747):
        for level in (0, 100, 32767):
            samples = rng.integers(-level, level + 1, 2048).astype("<i2")
            samples[0] = first
            assert file_format(samples.tobytes()) is None
    for value in range(-32768, 32768, 257):
        assert file_format(np.full(2048, value, "<i2").tobytes()) is None


def test_first_bytes_alone():
    """Fewer bytes than a signature has are nothing yet."""
    for encoding in audio_files.MUTATED_ENCODINGS:
        data = audio_files.encode_voice(encoding, 1)
        assert file_format(b"") is None
        assert file_format(data[:1]) is None
