"""Raw audio and wav headers by the thousand, damaged at random: samples or the typed error, in bounded time."""

import struct
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from paraserve.errors import AudioError
from paraserve.inference.audio.pcm import PcmReader
from paraserve.options import AudioFormat
from paraserve.types import SAMPLE_RATE

MAX_SECONDS = 30
"""Of processor time, for a header that takes milliseconds: something quadratic takes minutes."""
MIN_RATE, MAX_RATE = 4_000, 192_000
PER_RUN = 5 * settings().max_examples
u16, u32 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
usual_u16 = st.sampled_from([0, 1, 2, 3, 6, 7, 8, 16, 17, 24, 32, 64, 0xFFFE, 0xFFFF]) | u16
usual_u32 = st.sampled_from([0, 1, 8_000, 16_000, 44_100, 0x7FFFFFFF, 0xFFFFFFFF]) | u32


@st.composite
def chunks(draw) -> bytes:
    """A chunk of a wav, whose size may lie."""
    name = draw(st.sampled_from([b"fmt ", b"data", b"LIST", b"JUNK", b"fact"]) | st.binary(min_size=4, max_size=4))
    body = draw(st.binary(max_size=60))
    if name == b"fmt ":
        fields = (draw(usual_u16), draw(usual_u16), draw(usual_u32), draw(u32), draw(u16), draw(usual_u16))
        body = struct.pack("<HHIIHH", *fields) + draw(st.sampled_from([b"", bytes(2), bytes(24)]))
    size = draw(st.one_of(st.just(len(body)), st.just(len(body)), usual_u32))
    return name + struct.pack("<I", size) + body


@st.composite
def recordings(draw) -> bytes:
    """Bytes that begin like a wav, some of them changed, some of them cut off."""
    parts = draw(st.lists(chunks(), max_size=5))
    data = bytearray(b"RIFF" + struct.pack("<I", draw(usual_u32)) + b"WAVE" + b"".join(parts))
    for at, value in draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=4)):
        data[at] = value
    return bytes(data[: draw(st.integers(0, len(data)))]) + draw(st.binary(max_size=200))


def heard(audio: AudioFormat, data: bytes, sizes: list[int]) -> int:
    """Number of samples of an utterance in pieces of these sizes; each piece gives samples or `AudioError`."""
    reader, n_samples, at = PcmReader(audio), 0, 0
    for size in [*sizes, len(data)]:
        try:
            samples = reader.push(data[at : at + size])
        except AudioError as error:
            str(error).encode()
            samples = np.zeros(0, np.float32)
        assert samples.dtype == np.float32
        assert np.isfinite(samples).all()
        assert np.abs(samples).max(initial=0.0) <= 1
        n_samples, at = n_samples + len(samples), at + size
    try:
        return n_samples + len(reader.flush())
    except AudioError:
        return n_samples


sizes = st.lists(st.integers(0, 40), max_size=12)


@pytest.mark.slow
@settings(max_examples=PER_RUN)
@given(recordings(), sizes)
@example(b"RIFF", [1, 1, 1, 1])
@example(b"RIFF\0\0\0\0WAVE", [])
def test_wav_headers(data, sizes):
    """A header of any kind gives samples or an error, and no more samples than its bytes can be."""
    lowest_rate = 1000
    assert heard(AudioFormat(), data, sizes) <= len(data) * SAMPLE_RATE // lowest_rate + SAMPLE_RATE


@pytest.mark.slow
@settings(max_examples=PER_RUN)
@given(st.binary(max_size=2000), sizes, st.integers(MIN_RATE, MAX_RATE), st.integers(1, 2))
def test_raw_audio(data, sizes, rate, channels):
    """Any bytes at any rate give the samples that their duration asks for."""
    if data[:4] == b"RIFF":
        return
    audio = AudioFormat(sample_rate=rate, channels=channels)
    expected = len(data) // (2 * channels) * SAMPLE_RATE / rate
    assert abs(heard(audio, data, sizes) - expected) <= 1


def test_headers_that_go_on():
    """A wav that has chunks without end, byte by byte or all at once, is bounded in time."""
    started = time.process_time()
    for chunk in (b"JUNK\0\0\0\0", b"JUNK\1\0\0\0x\0", b"fmt \0\0\0\0"):
        data = b"RIFF\0\0\0\0WAVE" + chunk * 50_000
        heard(AudioFormat(), data, [])
        heard(AudioFormat(), data, [1] * 50_000)
    assert time.process_time() - started < MAX_SECONDS
