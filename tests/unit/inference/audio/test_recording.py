"""Every format comes out as the same samples; whatever is no recording is refused by a typed error."""

import io
from pathlib import Path

import av
import numpy as np
import pytest

import support.audio_files as files
from paraserve.errors import AudioError, AudioTooLongError, DecoderError, UnsupportedFormatError
from paraserve.inference.audio.recording import BLOCK_SAMPLES, open_recording

RATE = 16_000
VOICE_S = 3.0


def decode(data, **options):
    with open_recording(data, **options) as recording:
        blocks = list(recording)
    return (np.concatenate(blocks) if blocks else np.zeros(0, np.float32)), recording


def best_lag(reference, samples):
    """Lag (samples) at which the cross-correlation is largest."""
    size = 1 << (len(reference) + len(samples)).bit_length()
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(reference, size).conj()
    lag = int(np.argmax(np.fft.irfft(spectrum, size)))
    return lag if lag < size // 2 else lag - size


def aligned(reference, samples):
    lag = best_lag(reference, samples)
    reference, samples = reference[max(0, -lag) :], samples[max(0, lag) :]
    n = min(len(reference), len(samples))
    return reference[:n], samples[:n], lag


def correlation(a, b):
    return float(np.corrcoef(a, b)[0, 1])


def loudness(samples, frame=320):
    """Level of each 20 ms: what a codec that models the voice keeps where it does not keep the waveform."""
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    return np.log(1e-3 + np.sqrt((frames**2).mean(axis=1)))


@pytest.mark.parametrize("encoding", files.ENCODINGS, ids=lambda encoding: encoding.name)
def test_every_format_keeps_length_waveform_and_level(encoding):
    """Duration within 0.1 s, correlation over 0.9 at a lag below 0.1 s, level within 1 dB, nothing damaged."""
    samples, recording = decode(files.encode_voice(encoding, VOICE_S))
    reference, samples_aligned, lag = aligned(files.voice(VOICE_S), samples)
    is_amr = "amr" in encoding.codec
    similar = correlation(loudness(reference), loudness(samples_aligned)) if is_amr else None
    assert abs(len(samples) / RATE - VOICE_S) < 0.1
    assert abs(lag) < 0.1 * RATE
    assert (similar or correlation(reference, samples_aligned)) > 0.9
    assert abs(20 * np.log10(np.std(samples_aligned) / np.std(reference))) < 1.0
    assert samples.dtype == np.float32
    assert recording.damaged_packets == 0
    assert recording.received_samples == len(samples)
    assert recording.info.channels == encoding.channels


def test_wide_band_amr_is_decoded():
    """AMR-WB silence frames give 20 ms each."""
    samples, recording = decode(files.amr_wideband(100))
    assert recording.info.codec == "amrwb"
    assert len(samples) == 100 * 320


@pytest.mark.parametrize("rate", [1_000, 6_000, 11_025, 12_000, 24_000, 44_100, 192_000, 768_000])
def test_any_rate_becomes_16_khz(rate):
    """The length is exact to a sample and a low tone keeps its frequency, resampler tail included."""
    tone = np.sin(2 * np.pi * 220 * np.arange(2 * rate) / rate).astype(np.float32) * 0.5
    samples, _ = decode(files.encode(files.Encoding("", "sf", "WAV", "FLOAT", rate), tone[:, None]))
    expected = 0.5 * np.sin(2 * np.pi * 220 * np.arange(2 * RATE) / RATE)
    assert abs(len(samples) - 2 * RATE) <= 1
    assert np.abs(samples[500:-500] - expected[500 : len(samples) - 500]).max() < 0.01


def two_voices(encoding):
    return np.stack([files.voice(VOICE_S, encoding.sample_rate, pitch_hz=pitch) for pitch in (100, 170)], axis=1)


@pytest.mark.parametrize("name", ["wav-24bit-stereo", "flac-24bit-stereo", "mp3-stereo-48k", "mp4", "ogg-vorbis"])
def test_channels_are_selected_or_mixed_by_their_mean(name):
    """`channel` gives that channel alone, None the mean of all."""
    encoding = files.encoding(name)
    data = files.encode(encoding, two_voices(encoding))
    left, right, mix = (decode(data, channel=channel)[0] for channel in (0, 1, None))
    for samples, pitch in ((left, 100), (right, 170)):
        reference, samples_aligned, _ = aligned(files.voice(VOICE_S, pitch_hz=pitch), samples)
        assert correlation(reference, samples_aligned) > 0.9
    assert np.abs(mix - (left + right) / 2).max() < 1e-4


@pytest.mark.parametrize(("name", "channel"), [("wav-16bit", 1), ("mp4", 2), ("mp3", -1)])
def test_a_channel_that_is_not_there_is_refused(name, channel):
    """The error names the request's field."""
    data = files.encode_voice(files.encoding(name), 0.5)
    with pytest.raises(AudioError) as caught:
        open_recording(data, channel=channel)
    assert (caught.value.code, caught.value.param) == ("channel_out_of_range", "channel")


def test_eight_planar_channels():
    """All channels of a planar codec are read, and only they."""
    wave = np.stack([files.voice(2.0, pitch_hz=80 + 15 * i) for i in range(8)], axis=1)
    frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), "flt", "7.1")
    frame.sample_rate = RATE
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=RATE, layout="7.1")
        stream.bit_rate = 512_000
        stream.codec_context.open()
        for piece in av.AudioResampler("fltp", "7.1", RATE, frame_size=1024).resample(frame):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    channels = [decode(buffer.getvalue(), channel=channel)[0] for channel in range(8)]
    for channel in (0, 7):  # the fourth is for low frequencies only
        assert correlation(*aligned(wave[:, channel], channels[channel])[:2]) > 0.9
    assert np.abs(decode(buffer.getvalue())[0] - np.mean(channels, axis=0)).max() < 1e-4


def test_600_channels_are_mixed_down():
    """Chunks are bounded by values, not by frames."""
    wave = np.tile(files.voice(0.2)[:, None], (1, 600))
    samples, _ = decode(files.encode(files.Encoding("", "sf", "WAV", "PCM_16", RATE, 600), wave))
    assert np.abs(samples - files.voice(0.2)).max() < 1e-3


def test_blocks_are_bounded_and_in_range():
    """No block is longer than 10 s, all together are the recording, loud float files are clipped."""
    wave = np.full((25 * RATE, 1), 3.0, np.float32)
    wave[1000], wave[2000], wave[3000] = np.nan, np.inf, -np.inf
    with open_recording(files.encode(files.Encoding("", "sf", "WAV", "FLOAT", RATE), wave)) as recording:
        blocks = list(recording)
    assert [len(block) for block in blocks] == [BLOCK_SAMPLES, BLOCK_SAMPLES, 5 * RATE]
    assert np.isfinite(np.concatenate(blocks)).all()
    assert np.abs(np.concatenate(blocks)).max() == 1.0


def test_one_giant_packet_is_cut_into_blocks():
    """A container may hold two minutes in one packet."""
    with open_recording(files.one_packet_matroska(120 * RATE * 4)) as recording:
        assert [len(block) for block in recording] == [BLOCK_SAMPLES] * 12


def test_a_stream_that_changes_its_rate_goes_on():
    """Two aac streams of different rates behind each other are both decoded to their full length."""
    data = files.encode_voice(files.encoding("aac-16k"), 2.0) + files.encode_voice(files.encoding("aac"), 2.0)
    assert abs(len(decode(data)[0]) / RATE - 4.0) < 0.3


def test_discontinuous_amr_is_not_damage():
    """ "No data" frames, which telephones send in pauses, are silence."""
    samples, recording = decode(files.silent_amr(1 / 360))
    assert len(samples) == 10 * RATE
    assert recording.damaged_packets == 0


PCM = (np.sin(np.arange(8000)) * 9000).astype("<i2").tobytes()


@pytest.mark.parametrize(
    ("fields", "n_samples"),
    [
        ({"data_bytes": 10_000_000}, 8000),
        ({"data_bytes": 2**32 - 1}, 8000),
        ({"data_bytes": 0}, 8000),
        ({"data_bytes": 100}, 8000),
        ({"block_align": 0}, 8000),
        ({"block_align": 3}, 8000),
        ({"block_align": 60_000}, 8000),
        ({"channels": 1000}, 8),
    ],
    ids=str,
)
def test_a_wav_whose_header_lies_gives_what_is_there(fields, n_samples):
    """The file's real length counts, and the sizes that make sense: all the audio is taken."""
    assert len(decode(files.pcm_wav(PCM, **fields))[0]) == n_samples


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"sample_rate": 0}, "invalid_audio"),
        ({"sample_rate": 1}, "unsupported_sample_rate"),
        ({"sample_rate": 2**31 - 1}, "unsupported_sample_rate"),
        ({"sample_rate": 2**32 - 1}, "invalid_audio"),
        ({"channels": 0}, "invalid_audio"),
        ({"channels": 65_535}, "invalid_audio"),
        ({"bits": 0}, "unsupported_codec"),
    ],
    ids=str,
)
def test_an_impossible_wav_header_is_refused(fields, code):
    """Nothing can be decoded with such a header, and the code says so."""
    with pytest.raises(AudioError) as caught:
        decode(files.pcm_wav(PCM, **fields))
    assert caught.value.code == code


@pytest.mark.parametrize("data", [files.pcm_wav(b""), files.pcm_wav(b"", data_bytes=1000), files.pcm_wav(PCM)[:44]])
def test_a_recording_of_length_zero_is_no_error(data):
    """A valid header with nothing behind it gives no blocks."""
    samples, recording = decode(data)
    assert (len(samples), recording.received_samples, recording.damaged_packets) == (0, 0, 0)


def test_an_empty_file_is_refused():
    """Zero bytes have their own code."""
    with pytest.raises(AudioError) as caught:
        open_recording(b"")
    assert caught.value.code == "empty_file"


@pytest.mark.parametrize(("name", "data"), files.not_audio().items(), ids=list(files.not_audio()))
def test_what_is_no_recording_is_an_unsupported_format(name, data):
    """Text, pages, pictures, noise."""
    with pytest.raises(UnsupportedFormatError):
        decode(data)


@pytest.mark.parametrize("name", list(files.playlists("")))
@pytest.mark.parametrize("is_relative", [True, False])
def test_a_file_that_names_another_file_is_refused(name, is_relative, tmp_path, monkeypatch):
    """No playlist opens a file of this machine, by a relative or an absolute path."""
    (tmp_path / "other.wav").write_bytes(files.encode_voice(files.encoding("wav-16bit"), 1.0))
    monkeypatch.chdir(tmp_path)
    target = "other.wav" if is_relative else str(tmp_path / "other.wav")
    with pytest.raises(UnsupportedFormatError):
        decode(files.playlists(target)[name])


def test_the_file_name_does_not_decide_the_format(tmp_path):
    """A playlist called .mp3 is refused, a wav called .m3u8 decoded."""
    playlist, wav = tmp_path / "list.mp3", tmp_path / "speech.m3u8"
    playlist.write_bytes(files.playlists("speech.m3u8")["m3u8"])
    wav.write_bytes(files.encode_voice(files.encoding("wav-16bit"), 1.0))
    with playlist.open("rb") as file, pytest.raises(UnsupportedFormatError):
        decode(file)
    with wav.open("rb") as file:
        assert len(decode(file)[0]) == RATE
        assert not file.closed


def test_video_gives_its_audio_track():
    """The picture is ignored; without an audio track the code says so."""
    assert abs(len(decode(files.video(with_audio=True))[0]) / RATE - 0.5) < 0.1
    with pytest.raises(AudioError) as caught:
        decode(files.video(with_audio=False))
    assert caught.value.code == "no_audio_stream"


def damaged(name, seconds, n_spots, n_bytes=100):
    """A recording with noise in `n_spots` places between its middle and its last tenth."""
    data = bytearray(files.encode_voice(files.encoding(name), seconds))
    rng = np.random.default_rng(3)
    for start in np.linspace(len(data) // 2, len(data) * 9 // 10, n_spots, dtype=int):
        data[start : start + n_bytes] = rng.integers(0, 256, n_bytes, np.uint8).tobytes()
    return bytes(data)


@pytest.mark.parametrize(
    ("name", "kept"),
    [("mp3", 0.95), ("flac-16bit", 0.9), ("ogg-opus", 0.6), ("ogg-vorbis", 0.6), ("aac", 0.6), ("m4a", 0.95)],
)
def test_damaged_packets_are_counted_and_the_rest_is_kept(name, kept):
    """Three damaged places are seen, and cost no more than their format makes inevitable.

    An ogg page is a second; a damaged aac header can hide the 8 KiB behind it. What the damage leaves formally right
    cannot be seen, so the count is not exact.
    """
    samples, recording = decode(damaged(name, 12.0, 3))
    assert recording.damaged_packets >= 1
    assert kept * 12 <= len(samples) / RATE < 12.1
    assert correlation(*aligned(files.voice(12.0)[: 5 * RATE], samples[: 5 * RATE])[:2]) > 0.9


def test_a_damaged_wav_keeps_its_length():
    """Samples that were overwritten are still samples."""
    samples, _ = decode(damaged("wav-16bit", 5.0, 3))
    assert len(samples) == 5 * RATE


@pytest.mark.parametrize("name", ["wav-16bit", "flac-16bit", "mp3", "ogg-opus", "aac", "webm", "amr-nb", "wma"])
def test_a_truncated_recording_gives_what_is_there(name):
    """Half the file is about half the recording."""
    data = files.encode_voice(files.encoding(name), 8.0)
    assert 2.5 < len(decode(data[: len(data) // 2])[0]) / RATE < 5.5


@pytest.mark.parametrize("name", ["m4a", "caf-alac"])
def test_a_truncated_recording_without_its_index_is_refused(name):
    """The index stands at the end of these; it is damage, not an unknown format."""
    data = files.encode_voice(files.encoding(name), 2.0)
    with pytest.raises(AudioError) as caught:
        decode(data[: len(data) // 2])
    assert caught.value.code == "invalid_audio"


def test_nothing_but_damage_is_an_error():
    """Packets without a single good one are not an empty recording."""
    data = bytearray(files.encode_voice(files.encoding("flac-16bit"), 2.0))
    data[200:] = bytes([0xFF, 0xF8]) + bytes(len(data) - 202)
    with pytest.raises(DecoderError):
        decode(bytes(data))


def test_the_duration_limit_counts_decoded_samples():
    """Without a dependable length the limit is met while decoding, within a block of it."""
    with open_recording(files.silent_amr(1.0), max_duration_ms=25_000) as recording:
        with pytest.raises(AudioTooLongError):
            list(recording)
        assert recording.received_samples == 30 * RATE


def test_a_day_of_silence_in_a_tiny_file_is_refused_at_once():
    """The header tells the length, so nothing is decoded."""
    data = files.silent_flac(24.0, sample_rate=1_000)
    assert len(data) < 3_000_000
    with pytest.raises(AudioTooLongError):
        open_recording(data, max_duration_ms=12 * 3_600_000)


def test_the_duration_limit_is_inclusive():
    """A recording of exactly the limit passes, one sample block more does not."""
    data = files.encode_voice(files.encoding("wav-16bit"), 2.0)
    assert len(decode(data, max_duration_ms=2000)[0]) == 2 * RATE
    with pytest.raises(AudioTooLongError):
        decode(data, max_duration_ms=1999)


def test_a_path_and_bytes_give_the_same(tmp_path: Path):
    """An open file is read from its beginning, wherever its position is."""
    data = files.encode_voice(files.encoding("mp3"), 1.0)
    (tmp_path / "a").write_bytes(data)
    with (tmp_path / "a").open("rb") as file:
        file.seek(500)
        from_file, _ = decode(file)
    assert np.array_equal(from_file, decode(data)[0])
