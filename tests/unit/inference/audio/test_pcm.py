"""Live bytes to samples: any cuts, wav headers, odd bytes, rates, damaged headers."""

import io
import itertools
import struct

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from paraserve.errors import AudioError, UnsupportedFormatError
from paraserve.inference.audio.pcm import PcmReader
from paraserve.options import AudioFormat
from paraserve.types import Samples

NOISE = np.random.default_rng(8).uniform(-0.9, 0.9, 3000).astype(np.float32)
PCM = (NOISE * 32767).astype("<i2").tobytes()
SUBTYPES = {"PCM_U8": 2**-7, "PCM_16": 2**-15, "PCM_24": 2**-23, "PCM_32": 2**-23, "FLOAT": 0.0}


def heard(pieces: list[bytes], audio: AudioFormat | None = None) -> Samples:
    reader = PcmReader(audio or AudioFormat())
    return np.concatenate([*(reader.push(piece) for piece in pieces), reader.flush()])


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    return [*pieces, data[at:]]


def wav(subtype: str = "PCM_16", rate: int = 16_000, channels: int = 1, **kwargs: str) -> bytes:
    file = io.BytesIO()
    wave = np.stack([NOISE * (1 - channel / 3) for channel in range(channels)], axis=1)
    soundfile.write(file, wave, rate, subtype, format=kwargs.get("format", "WAV"))
    return file.getvalue()


def header(fmt: bytes, *, before: bytes = b"", data_bytes: int = 0) -> bytes:
    chunks = before + b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", data_bytes)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def fmt(tag: int = 1, channels: int = 1, rate: int = 16_000, bits: int = 16) -> bytes:
    return struct.pack("<HHIIHH", tag, channels, rate, 0, 0, bits)


def test_plain_pcm() -> None:
    """16 kHz s16le: value / 32768, nothing added and nothing lost."""
    np.testing.assert_array_equal(heard([PCM]), np.frombuffer(PCM, "<i2") / np.float32(32768))
    assert heard([]).dtype == heard([PCM]).dtype == np.float32


@given(
    sizes=st.lists(st.one_of(st.integers(0, 7), st.integers(0, 2000)), max_size=30),
    kind=st.sampled_from(["pcm", "8000", "44100", "stereo", "wav", "wav 24 bit 48000", "wav list"]),
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_cuts_do_not_matter(sizes: list[int], kind: str) -> None:
    """However the bytes are cut, the samples are the same, bit for bit."""
    audio = {
        "8000": AudioFormat(sample_rate=8000),
        "44100": AudioFormat(sample_rate=44_100),
        "stereo": AudioFormat(channels=2),
    }.get(kind, AudioFormat())
    data = {
        "wav": wav(),
        "wav 24 bit 48000": wav("PCM_24", 48_000, 2),
        "wav list": header(fmt(), before=b"LIST" + struct.pack("<I", 301) + bytes(302), data_bytes=len(PCM)) + PCM,
    }.get(kind, PCM)
    whole = heard([data], audio)
    assert len(whole) > 400
    np.testing.assert_array_equal(heard(cut(data, sizes), audio), whole)


def test_byte_by_byte() -> None:
    """One byte at a time gives what one piece gives, also through the header of a wav."""
    for data in (PCM[:999], wav()[:2001]):
        np.testing.assert_array_equal(heard([data[i : i + 1] for i in range(len(data))]), heard([data]))


@pytest.mark.parametrize("n_bytes", range(1, 13))
def test_a_stream_that_only_begins_like_a_wav(n_bytes: int) -> None:
    """The first bytes of a header are audio where no header follows, at once or at the end."""
    head = b"RIFF\x10\x27\x00\x00WAV"[:n_bytes] + b"E"[: n_bytes - 11]
    expected = np.frombuffer(head[: n_bytes // 2 * 2], "<i2") / np.float32(32768)
    if n_bytes < 12:
        np.testing.assert_array_equal(heard([head]), expected)
    other = head[:-1] + b"\x00" + PCM
    np.testing.assert_array_equal(heard([other]), np.frombuffer(other[: len(other) // 2 * 2], "<i2") / 32768)


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
def test_kinds_of_wav(subtype: str, channels: int, container: str) -> None:
    """8 to 32 bit integers and 32 bit floats, any channels, extensible or not: what libsndfile reads, mixed down."""
    data = wav(subtype, channels=channels, format=container)
    expected, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    np.testing.assert_allclose(heard([data]), expected.mean(axis=1), rtol=0, atol=1e-7)
    np.testing.assert_allclose(heard([data]), NOISE * (1 - (channels - 1) / 6), rtol=0, atol=1e-6 + SUBTYPES[subtype])


def test_the_header_wins() -> None:
    """A wav is read at its own rate and channels, whatever the client said of it; raw bytes as the client says."""
    for audio in (AudioFormat(sample_rate=8000), AudioFormat(channels=2)):
        np.testing.assert_array_equal(heard([wav()], audio), heard([wav()]))
        assert len(heard([PCM], audio)) != len(heard([PCM]))


@pytest.mark.parametrize("rate", [1000, 8000, 11_025, 22_050, 44_100, 48_000, 96_000, 1_000_000])
def test_rates(rate: int) -> None:
    """Any rate becomes 16 kHz, as long as it was, and equal to resampling it in one piece."""
    expected = soxr.resample(np.frombuffer(PCM, "<i2") / np.float32(32768), rate, 16_000)
    found = heard(cut(PCM, [777] * 5), AudioFormat(sample_rate=rate))
    assert abs(len(found) - 3000 * 16_000 / rate) <= 1
    np.testing.assert_allclose(found, np.clip(expected, -1, 1), rtol=0, atol=1e-5)


def test_overshoots_are_clipped() -> None:
    """Resampling a full-scale square wave stays inside [-1, 1]."""
    square = np.repeat(np.array([32767, -32768] * 40, "<i2"), 20).tobytes()
    found = heard([square], AudioFormat(sample_rate=48_000))
    assert found.max() == 1.0
    assert found.min() == -1.0


def test_the_end_of_a_wav() -> None:
    """What follows the audio of a wav is no audio; a streamed one that knows no length goes on to the end."""
    tail = b"LIST" + struct.pack("<I", 8) + b"comments"
    known = header(fmt(), data_bytes=len(PCM)) + PCM + tail
    assert len(heard([known])) == 3000
    for unknown in (0, 0xFFFFFFFF):
        assert len(heard([header(fmt(), data_bytes=unknown) + PCM])) == 3000


@given(stated=st.integers(1, len(PCM) - 8), sizes=st.lists(st.integers(1, 700), min_size=1, max_size=8))
def test_a_wav_that_states_less_than_there_is(stated: int, sizes: list[int]) -> None:
    """All of its audio is read, wherever messages end."""
    wav = header(fmt(), data_bytes=stated) + PCM
    pieces, at = [], 0
    for size in itertools.cycle(sizes):
        pieces.append(wav[at : at + size])
        at += size
        if at >= len(wav):
            break
    assert len(heard(pieces)) == 3000


def test_floats_that_are_no_numbers() -> None:
    """NaN and infinities of a float wav are silence, floats beyond full scale are clipped."""
    data = np.array([0.5, np.nan, np.inf, -np.inf, 7.0, -7.0], "<f4").tobytes()
    assert heard([header(fmt(tag=3, bits=32)) + data]).tolist() == [0.5, 0, 0, 0, 1, -1]


def test_utterance_after_utterance() -> None:
    """After a flush the next bytes are another utterance's: an odd byte is gone, a header is read again."""
    reader = PcmReader(AudioFormat(sample_rate=8000))
    for data in (PCM[:1001], wav(), PCM[:1000], wav("PCM_24", 48_000)):
        first = np.concatenate((reader.push(data), reader.flush()))
        np.testing.assert_array_equal(first, heard([data], AudioFormat(sample_rate=8000)))
    assert len(reader.flush()) == 0


@pytest.mark.parametrize(
    ("data", "error", "code"),
    [
        (header(fmt(channels=0)), AudioError, "invalid_audio"),
        (header(fmt(channels=65_535)), AudioError, "invalid_audio"),
        (header(fmt(rate=0)), AudioError, "unsupported_sample_rate"),
        (header(fmt(rate=999)), AudioError, "unsupported_sample_rate"),
        (header(fmt(rate=2**31)), AudioError, "unsupported_sample_rate"),
        (header(fmt(bits=0)), UnsupportedFormatError, "unsupported_codec"),
        (header(fmt(bits=64, tag=3)), UnsupportedFormatError, "unsupported_codec"),
        (header(fmt(tag=0x55)), UnsupportedFormatError, "unsupported_codec"),
        (header(fmt(tag=0xFFFE)), UnsupportedFormatError, "unsupported_codec"),
        (header(fmt()[:15]), AudioError, "invalid_audio"),
        (header(b"")[:12] + b"data" + bytes(4), AudioError, "invalid_audio"),
        (header(fmt(), before=(b"junk" + bytes(4)) * 64), AudioError, "invalid_audio"),
        (header(fmt(), before=b"junk" + struct.pack("<I", 2**31)), AudioError, "invalid_audio"),
        (b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", 2**32 - 1), AudioError, "invalid_audio"),
    ],
)
def test_damaged_headers(data: bytes, error: type[AudioError], code: str) -> None:
    """A header that makes no sense is an error with a code, once; the rest is ignored, the next utterance is not."""
    reader = PcmReader(AudioFormat())
    with pytest.raises(error) as caught:
        reader.push(data)
    assert caught.value.code == code
    assert len(reader.push(PCM)) == len(reader.flush()) == 0
    assert len(reader.push(PCM)) == 3000


def test_a_header_without_its_end() -> None:
    """A wav that ends before its audio begins is an error, not an empty utterance."""
    reader = PcmReader(AudioFormat())
    assert len(reader.push(wav()[:30])) == 0
    with pytest.raises(AudioError, match="ends inside its header"):
        reader.flush()
    assert len(reader.push(PCM)) == 3000


@pytest.mark.parametrize(
    ("audio", "code"),
    [
        (AudioFormat(sample_rate=999), "unsupported_sample_rate"),
        (AudioFormat(sample_rate=1_000_001), "unsupported_sample_rate"),
        (AudioFormat(channels=0), "invalid_audio"),
    ],
)
def test_absurd_formats(audio: AudioFormat, code: str) -> None:
    """A rate or a number of channels that nobody can mean is refused."""
    with pytest.raises(AudioError) as caught:
        PcmReader(audio)
    assert caught.value.code == code


@given(data=st.binary(max_size=200), rate=st.sampled_from([16_000, 8000]))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_header(data: bytes, rate: int) -> None:
    """Whatever follows RIFF....WAVE gives samples in [-1, 1] or a typed error."""
    reader = PcmReader(AudioFormat(sample_rate=rate))
    try:
        found = np.concatenate((reader.push(b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + data), reader.flush()))
    except AudioError:
        return
    assert np.isfinite(found).all()
    assert len(found) == 0 or np.abs(found).max() <= 1
