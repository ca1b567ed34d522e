"""All the audio of a wav is found, whatever its header says, and nothing that is no audio."""

import io
import struct

import numpy as np
import pytest

import support.audio_files as files
from paraserve.errors import AudioError
from paraserve.inference.audio.recording import open_recording
from paraserve.inference.audio.wav.riff import SpanFile, find_audio

RATE = 16_000
VOICE = files.voice(2.0)
LIST = b"LIST" + struct.pack("<I", 26) + b"INFOISFT" + struct.pack("<I", 14) + b"Lavf60.3.100\0\0"
ODD = b"id3 " + struct.pack("<I", 5) + b"ID3\x04\0" + b"\0"
TAG = b"TAG" + b"a title".ljust(125, b"\0")


def decode(data, **options):
    with open_recording(data, **options) as recording:
        blocks = list(recording)
    return (np.concatenate(blocks) if blocks else np.zeros(0, np.float32)), recording.warnings


def wav(name="wav-16bit", voice=VOICE):
    encoding = files.encoding(name)
    return files.encode(encoding, np.stack([voice] * encoding.channels, axis=1))


def with_size(data, n_bytes):
    """The same wav with another size of its audio."""
    at = data.index(b"data") + 4
    return data[:at] + struct.pack("<I", n_bytes & 0xFFFFFFFF) + data[at + 4 :]


def assert_same(samples, expected):
    assert len(samples) == len(expected)
    assert np.abs(samples - expected).max() < 1e-4


WAVS = ["wav-16bit", "wav-8bit", "wavex-24bit", "wav-alaw", "wav-ulaw", "wav-ima-adpcm", "wav-gsm"]
SIZES = [0, 3200, 3201, 0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF, 0x7FFFF000, 10_000_000]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", WAVS)
def test_a_wrong_size_costs_no_audio(name, size):
    """Too small, too large or unknown: all of it is taken, by each way of reading wavs."""
    encoding = files.encoding(name)
    data = files.encode_voice(encoding, 2.0)
    expected, _ = decode(data)
    samples, _ = decode(with_size(data, size))
    assert abs(len(samples) - len(expected)) <= (0 if "adpcm" not in name and "gsm" not in name else 320)
    n = min(len(samples), len(expected))
    assert np.abs(samples[:n] - expected[:n]).max() < 1e-3


@pytest.mark.parametrize(("size", "is_warned"), [(3200, True), (10_000_000, True), (0, False), (0xFFFFFFFF, False)])
def test_a_wrong_size_is_told(size, is_warned):
    """A header that was wrong is named with both numbers, one that was never completed is no news."""
    _, warnings = decode(with_size(wav(), size))
    assert [code for code, _ in warnings] == (["wav_size_wrong"] if is_warned else [])
    assert not is_warned or ("64000" in warnings[0][1] and str(size) in warnings[0][1])


@pytest.mark.parametrize("name", ["wav-16bit", "wav-24bit-stereo", "wav-alaw", "wav-ima-adpcm", "rf64", "wav-mp3"])
@pytest.mark.parametrize("second", ["wav-16bit-8k", "wav-16bit", "wav-float", "wav-ulaw"])
def test_joined_wavs_give_all_their_audio(name, second):
    """Two files by `cat`: the second may have another rate, codec or number of channels."""
    one, two = (files.encode_voice(files.encoding(which), 2.0) for which in (name, second))
    parts = [decode(part)[0] for part in (one, two)]
    samples, _ = decode(one + two)
    assert abs(len(samples) - sum(map(len, parts))) <= 2400  # mp3 pads
    tail = samples[-len(parts[1]) :]
    assert np.abs(tail[2000:] - parts[1][2000:]).max() < 0.02


def test_joined_wavs_of_unknown_size_are_found():
    """The second begins in the middle of what the first header calls audio."""
    streamed = with_size(wav(), 0xFFFFFFFF)
    assert_same(decode(streamed + streamed + streamed)[0], np.tile(decode(wav())[0], 3))
    short = with_size(wav(), 100)
    assert_same(decode(short + short)[0], np.tile(decode(wav())[0], 2))


@pytest.mark.parametrize(
    "after", [LIST, ODD, TAG, LIST + ODD, ODD + LIST, LIST[:20], b"ID3\x04\0\0\0\0\0\0", b"\0\0"]
)
@pytest.mark.parametrize("size", [None, 0xFFFFFFFF])
def test_chunks_and_tags_behind_the_audio_are_no_audio(after, size):
    """They are left out, also where the header does not tell where the audio ends."""
    data = wav() if size is None else with_size(wav(), size)
    is_unknown_cut = size is not None and after not in (LIST, ODD, LIST + ODD, ODD + LIST, LIST[:20])
    expected = decode(wav())[0]
    samples, _ = decode(data + after)
    assert abs(len(samples) - len(expected)) <= (len(after) // 2 if is_unknown_cut else 0)
    assert_same(samples[: len(expected)], expected)


@pytest.mark.parametrize("is_padded", [True, False])
def test_audio_of_an_odd_size_is_padded_or_not(is_padded):
    """An 8-bit recording of an odd number of samples ends where it does, with and without its padding byte."""
    data = files.pcm_wav(bytes([128, 200] * 500 + [128]), bits=8)
    samples, _ = decode(data + b"\0" * is_padded + LIST)
    assert len(samples) == 1001


def test_an_empty_wav_with_chunks_is_empty():
    """A size of 0 is true where chunks follow at once."""
    assert len(decode(files.pcm_wav(b"") + LIST)[0]) == 0


def test_several_stretches_of_audio_in_one_wav():
    """Each `data` chunk is audio, and what stands between is not."""
    data, body = wav(), (VOICE * 32767).astype("<i2").tobytes()
    again = data + LIST + b"data" + struct.pack("<I", len(body)) + body
    assert_same(decode(again)[0], np.tile(decode(data)[0], 2))


@pytest.mark.parametrize("magic", [b"RF64", b"BW64"])
@pytest.mark.parametrize("lies", [False, True])
def test_long_wavs_state_their_size_elsewhere(magic, lies):
    """RF64 and BW64 have 64-bit sizes in a chunk of their own, which may be wrong as well."""
    body = (VOICE * 32767).astype("<i2").tobytes()
    size = 100 if lies else len(body)
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, len(body) + 80, size, len(body) // 2, 0)
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    data = magic + b"\xff" * 4 + b"WAVE" + ds64 + form + b"data" + b"\xff" * 4 + body + LIST * (not lies)
    assert_same(decode(data)[0], decode(wav())[0])


def test_big_endian_wavs_are_read():
    """RIFX has all numbers and samples the other way round, in 16, 24 and 32 bits."""
    for bits, width in ((16, 2), (24, 3), (32, 4)):
        whole = (VOICE.astype(np.float64) * (2 ** (bits - 1) - 1)).astype(">i4" if width > 2 else ">i2")
        body = whole.tobytes() if width != 3 else whole.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
        form = b"fmt " + struct.pack(">IHHIIHH", 16, 1, 1, RATE, width * RATE, width, bits)
        data = b"RIFX" + struct.pack(">I", 36 + len(body)) + b"WAVE" + form + b"data" + struct.pack(">I", len(body))
        assert_same(decode(data + body)[0], VOICE)


def test_a_wav_of_countless_chunks_is_refused():
    """A million of them in 8 MB cost no time."""
    data = wav()
    at = data.index(b"fmt ")
    with pytest.raises(AudioError) as caught:
        decode(data[:at] + b"junk\0\0\0\0" * 1_000_000 + data[at:])
    assert caught.value.code == "invalid_audio"


def test_countless_empty_wavs_are_refused():
    """Wavs without a chunk, one after the other, count as chunks do: their number is bounded."""
    data = (b"RIFF" + bytes(4) + b"WAVE") * 200_000
    with pytest.raises(AudioError, match="more than 10000 chunks"):
        find_audio(io.BytesIO(data), len(data))


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 3200])
def test_the_end_of_the_audio_is_searched_if_that_is_allowed(size):
    """Where the header does not tell the end, all bytes are looked at, or the file is left to somebody else."""
    data = with_size(wav(), size)
    assert find_audio(io.BytesIO(data), len(data)).spans
    with pytest.raises(AudioError, match="where its audio ends"):
        find_audio(io.BytesIO(data), len(data), may_search=False)
    whole = wav()
    assert find_audio(io.BytesIO(whole), len(whole), may_search=False).is_exact


def test_a_wav_without_format_is_refused():
    """Audio before its format cannot be read."""
    with pytest.raises(AudioError):
        decode(b"RIFF" + struct.pack("<I", 100) + b"WAVEdata" + struct.pack("<I", 1000) + bytes(1000))


@pytest.mark.parametrize("name", ["mp3-16k", "aac-16k", "flac-16bit", "ogg-opus", "amr-nb", "ogg-vorbis"])
def test_other_formats_joined_give_all_their_audio(name):
    """Files by `cat` are one recording in each format whose frames stand for themselves."""
    data = files.encode_voice(files.encoding(name), 3.0)
    assert abs(len(decode(data + data)[0]) / RATE - 6.0) < 0.3


def test_a_view_of_one_stretch_is_a_file():
    """Libraries that seek in it see a head and the audio, and an end."""
    data = wav("wav-alaw", files.voice(2.0, 8000))
    (span,) = find_audio(io.BytesIO(data), len(data)).spans
    view = SpanFile(io.BytesIO(data), span)
    whole = view.read()
    assert whole[-span.n_bytes :] == data[span.at : span.at + span.n_bytes]
    view.seek(-10, io.SEEK_END)
    assert view.read() == whole[-10:]
    with pytest.raises(ValueError, match="beginning"):
        view.seek(-1)


@pytest.mark.parametrize("name", ["wav-16bit", "wav-24bit-stereo", "wav-ima-adpcm", "rf64", "wav-float", "wav-alaw"])
def test_damaged_wavs_give_audio_or_a_typed_error(name, full):
    """Seeded damage to one wav and to two behind one another: nothing else is raised, and no search is endless."""
    data = files.encode_voice(files.encoding(name), 0.5)
    for seed in range(1_000 if full else 100):
        hurt = files.mutate(data * (1 + seed % 2), np.random.default_rng(seed))
        try:
            samples, _ = decode(hurt, max_duration_ms=600_000)
        except AudioError:
            continue
        assert np.abs(samples).max(initial=0.0) <= 1.0
