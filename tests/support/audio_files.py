"""Test recordings: every format that we read, headers that lie, hostile files, seeded mutations."""

import functools
import io
import struct
from dataclasses import dataclass

import av
import numpy as np
import numpy.typing as npt
import soundfile

Wave = npt.NDArray[np.float32]
"""float32 (n_frames, n_channels)."""


@dataclass(frozen=True)
class Encoding:
    """One way to store a recording. `library` is "av" (container, codec) or "sf" (container, subtype)."""

    name: str
    library: str
    container: str
    codec: str
    sample_rate: int
    channels: int = 1


ENCODINGS = [
    Encoding("wav-8bit", "sf", "WAV", "PCM_U8", 16_000),
    Encoding("wav-16bit", "sf", "WAV", "PCM_16", 16_000),
    Encoding("wav-16bit-8k", "sf", "WAV", "PCM_16", 8_000),
    Encoding("wav-24bit-stereo", "sf", "WAV", "PCM_24", 44_100, 2),
    Encoding("wav-32bit-6ch", "sf", "WAV", "PCM_32", 48_000, 6),
    Encoding("wav-float", "sf", "WAV", "FLOAT", 22_050),
    Encoding("wav-double-stereo", "sf", "WAV", "DOUBLE", 96_000, 2),
    Encoding("wav-alaw", "sf", "WAV", "ALAW", 8_000),
    Encoding("wav-ulaw", "sf", "WAV", "ULAW", 8_000),
    Encoding("wav-ima-adpcm", "sf", "WAV", "IMA_ADPCM", 16_000),
    Encoding("wav-gsm", "sf", "WAV", "GSM610", 8_000),
    Encoding("wavex-24bit", "sf", "WAVEX", "PCM_24", 32_000),
    Encoding("rf64", "sf", "RF64", "PCM_16", 16_000),
    Encoding("wav-mp3", "av", "wav", "libmp3lame", 44_100),
    Encoding("w64", "sf", "W64", "PCM_16", 16_000),
    Encoding("flac-16bit", "sf", "FLAC", "PCM_16", 16_000),
    Encoding("flac-24bit-stereo", "sf", "FLAC", "PCM_24", 44_100, 2),
    Encoding("flac-8bit", "sf", "FLAC", "PCM_S8", 11_025),
    Encoding("ogg-vorbis", "sf", "OGG", "VORBIS", 44_100, 2),
    Encoding("ogg-opus", "av", "ogg", "libopus", 48_000),
    Encoding("ogg-opus-stereo-16k", "av", "ogg", "libopus", 16_000, 2),
    Encoding("mp3", "av", "mp3", "libmp3lame", 44_100),
    Encoding("mp3-stereo-48k", "av", "mp3", "libmp3lame", 48_000, 2),
    Encoding("mp3-16k", "av", "mp3", "libmp3lame", 16_000),
    Encoding("mp3-8k", "av", "mp3", "libmp3lame", 8_000),
    Encoding("aac", "av", "adts", "aac", 44_100, 2),
    Encoding("aac-16k", "av", "adts", "aac", 16_000),
    Encoding("m4a", "av", "ipod", "aac", 44_100),
    Encoding("m4a-alac", "av", "ipod", "alac", 44_100, 2),
    Encoding("mp4", "av", "mp4", "aac", 48_000, 2),
    Encoding("3gp-amr", "av", "3gp", "libopencore_amrnb", 8_000),
    Encoding("mov-pcm", "av", "mov", "pcm_s24le", 48_000, 2),
    Encoding("webm", "av", "webm", "libopus", 48_000),
    Encoding("mkv-pcm", "av", "matroska", "pcm_f32le", 32_000),
    Encoding("amr-nb", "av", "amr", "libopencore_amrnb", 8_000),
    Encoding("caf-alac", "av", "caf", "alac", 44_100),
    Encoding("wma", "av", "asf", "wmav2", 44_100, 2),
]

MUTATED_ENCODINGS = [
    one
    for one in ENCODINGS
    if one.name
    in {"wav-16bit", "wav-ima-adpcm", "w64", "flac-16bit", "ogg-vorbis", "ogg-opus", "mp3", "aac", "m4a", "m4a-alac"}
    | {"mp4", "webm", "amr-nb", "caf-alac", "wma", "mkv-pcm", "wav-mp3"}
]
"""One of each parser and decoder."""


@functools.cache
def voice(seconds: float, sample_rate: int = 16_000, *, pitch_hz: float = 120.0) -> npt.NDArray[np.float32]:
    """A voice-like tone: harmonics below 3 kHz of a gliding pitch, in syllables, so that telephone codecs keep it."""
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    phase = 2 * np.pi * (pitch_hz * times + 3.0 * np.sin(2 * np.pi * 0.7 * times))
    tone = sum(np.cos(k * phase) / np.sqrt(k) for k in range(1, int(3000 / pitch_hz)))
    # The slow second factor makes every stretch different, so that only the right lag correlates.
    syllables = 0.15 + 0.85 * np.sin(2 * np.pi * 1.9 * times) ** 2 * (0.6 + 0.4 * np.sin(2 * np.pi * 0.23 * times))
    return (0.06 * tone * syllables).astype(np.float32)


def speech_wav(samples: npt.NDArray[np.float32]) -> bytes:
    """Mono samples at 16 kHz as a WAV file, with a header of 44 bytes before the raw audio."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 16_000, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def encode(encoding: Encoding, wave: Wave) -> bytes:
    """`wave` (n_frames, encoding.channels), at the encoding's rate, as a file."""
    if encoding.library == "sf":
        return _encode_sf(encoding, wave)
    return _encode_av(encoding, wave)


def encode_voice(encoding: Encoding, seconds: float) -> bytes:
    """`voice` in all channels."""
    return encode(encoding, np.stack([voice(seconds, encoding.sample_rate)] * encoding.channels, axis=1))


def encoding(name: str) -> Encoding:
    """One of ENCODINGS by its name."""
    return next(one for one in ENCODINGS if one.name == name)


def long_mp3(minutes: int) -> bytes:
    """One minute of mp3 without a header, repeated: frames stand for themselves, so this is one valid stream."""
    wave = voice(60, 16_000)[:, None]
    return _encode_av(encoding("mp3-16k"), wave, {"write_xing": "0", "id3v2_version": "0"}) * minutes


def one_packet_matroska(n_bytes: int) -> bytes:
    """PCM in a single packet."""
    buffer = io.BytesIO()
    frame = av.AudioFrame.from_ndarray(np.zeros((1, n_bytes // 4), np.float32), format="flt", layout="mono")
    frame.sample_rate = 16_000
    with av.open(buffer, "w", format="matroska") as container:
        stream = container.add_stream("pcm_f32le", rate=16_000, layout="mono", format="flt")
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return buffer.getvalue()


def silent_amr(hours: float) -> bytes:
    """Silence at one byte for 20 ms: "no data" frames, which no header announces."""
    return b"#!AMR\n" + bytes([0x7C]) * round(hours * 3600 * 50)


def silent_flac(hours: float, sample_rate: int = 8_000) -> bytes:
    """Silence at some bytes a second; the header tells the length."""
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", sample_rate, 1, "PCM_16", format="FLAC") as file:
        minute = np.zeros(60 * sample_rate, np.int16)
        for _ in range(round(hours * 60)):
            file.write(minute)
    return buffer.getvalue()


def _encode_sf(encoding: Encoding, wave: Wave) -> bytes:
    buffer = io.BytesIO()
    rate, format_ = encoding.sample_rate, encoding.container
    with soundfile.SoundFile(buffer, "w", rate, encoding.channels, encoding.codec, format=format_) as file:
        for start in range(0, len(wave), rate):  # the vorbis encoder overflows the stack with long writes
            file.write(wave[start : start + rate])
    return buffer.getvalue()


def _encode_av(encoding: Encoding, wave: Wave, options: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    layout = {1: "mono", 2: "stereo"}[encoding.channels]
    with av.open(buffer, "w", format=encoding.container, options=options or {}) as container:
        stream = container.add_stream(encoding.codec, rate=encoding.sample_rate, layout=layout)
        stream.bit_rate = 12_200 if "amr" in encoding.codec else 64_000 * encoding.channels
        codec = stream.codec_context
        codec.open()
        resampler = av.AudioResampler(codec.format, layout, encoding.sample_rate, frame_size=codec.frame_size or 4096)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave.T), format="fltp", layout=layout)
        frame.sample_rate = encoding.sample_rate
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def video(*, with_audio: bool) -> bytes:
    """Half a second of black mp4 video, with or without an aac track of the same length."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        pictures = container.add_stream("mpeg4", rate=10, width=64, height=64, pix_fmt="yuv420p")
        audio = container.add_stream("aac", rate=16_000, layout="mono") if with_audio else None
        for _ in range(5):
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            container.mux(pictures.encode(picture))
        container.mux(pictures.encode(None))
        if audio is not None:
            frame = av.AudioFrame.from_ndarray(voice(0.5)[None], format="fltp", layout="mono")
            frame.sample_rate = 16_000
            container.mux([*audio.encode(frame), *audio.encode(None)])
    return buffer.getvalue()


def amr_wideband(n_frames: int) -> bytes:
    """20 ms frames "no data": there is no AMR-WB encoder to be had, but a decoder must take these."""
    return b"#!AMR-WB\n" + bytes([0x7C]) * n_frames


def pcm_wav(
    data: bytes,
    *,
    channels: int = 1,
    sample_rate: int = 16_000,
    bits: int = 16,
    block_align: int | None = None,
    data_bytes: int | None = None,
) -> bytes:
    """A wav whose header fields can be made to lie."""
    block_align = channels * bits // 8 if block_align is None else block_align
    data_bytes = len(data) if data_bytes is None else data_bytes
    byte_rate = sample_rate * block_align % 2**32
    format_chunk = struct.pack("<HHIIHH", 1, channels, sample_rate, byte_rate, block_align % 2**16, bits)
    riff_bytes = min(36 + data_bytes, 2**32 - 1)
    header = b"RIFF" + struct.pack("<I", riff_bytes) + b"WAVEfmt " + struct.pack("<I", 16) + format_chunk
    return header + b"data" + struct.pack("<I", data_bytes) + data


def png() -> bytes:
    """A small picture."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="image2pipe") as container:
        stream = container.add_stream("png", rate=1, width=16, height=16, pix_fmt="rgb24")
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def not_audio() -> dict[str, bytes]:
    """Files that are no recordings at all."""
    rng = np.random.default_rng(7)
    return {
        "text": "这不是录音。\nnot a recording\n".encode() * 200,
        "html": b"<!doctype html><html><body><p>404 not found</p></body></html>" * 50,
        "json": b'{"error": {"message": "no"}}',
        "png": png(),
        "random": rng.integers(0, 256, 50_000, np.uint8).tobytes(),
        "zeros": bytes(50_000),
        "one byte": b"\xff",
        "zip": b"PK\x03\x04" + rng.integers(0, 256, 5_000, np.uint8).tobytes(),
        "pdf": b"%PDF-1.7\n" + rng.integers(0, 256, 5_000, np.uint8).tobytes(),
    }


def playlists(target: str) -> dict[str, bytes]:
    """Files that name another file instead of being one."""
    return {
        "ffconcat": f"ffconcat version 1.0\nfile {target}\n".encode(),
        "ffconcat unsafe": f"ffconcat version 1.0\nfile '{target}'\noption safe 0\n".encode(),
        "m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n".encode(),
        "m3u8 url": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{target}\n".encode(),
        "m3u": f"{target}\n".encode(),
        "pls": f"[playlist]\nFile1={target}\nNumberOfEntries=1\n".encode(),
        "xspf": f"<playlist><trackList><track><location>{target}</location></track></trackList></playlist>".encode(),
        "sdp": f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns={target}\nm=audio 49170 RTP/AVP 0\n".encode(),
        "dash": f'<?xml version="1.0"?><MPD><BaseURL>{target}</BaseURL></MPD>'.encode(),
        "asx": f'<asx version="3.0"><entry><ref href="{target}"/></entry></asx>'.encode(),
    }


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """One to four random changes: flipped bits, noise, zeros, cuts, insertions, repetitions, a damaged header."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        if not out:
            break
        _MUTATIONS[int(rng.integers(len(_MUTATIONS)))](out, rng)
    return bytes(out)


def _span(data: bytearray, rng: np.random.Generator) -> slice:
    start = int(rng.integers(len(data)))
    return slice(start, min(len(data), start + int(2 ** rng.uniform(0, 12))))


def _noise(n_bytes: int, rng: np.random.Generator) -> bytes:
    return rng.integers(0, 256, n_bytes, np.uint8).tobytes()


def _flip_bits(data: bytearray, rng: np.random.Generator) -> None:
    for position in rng.integers(len(data), size=int(2 ** rng.uniform(0, 8))):
        data[position] ^= 1 << int(rng.integers(8))


def _damage_header(data: bytearray, rng: np.random.Generator) -> None:
    for position in rng.integers(min(len(data), 200), size=int(rng.integers(1, 8))):
        data[position] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF, int(rng.integers(256))]))


def _overwrite(data: bytearray, rng: np.random.Generator) -> None:
    span = _span(data, rng)
    data[span] = _noise(span.stop - span.start, rng)


def _zero(data: bytearray, rng: np.random.Generator) -> None:
    span = _span(data, rng)
    data[span] = bytes(span.stop - span.start)


def _truncate(data: bytearray, rng: np.random.Generator) -> None:
    del data[int(rng.integers(len(data))) :]


def _delete(data: bytearray, rng: np.random.Generator) -> None:
    del data[_span(data, rng)]


def _insert(data: bytearray, rng: np.random.Generator) -> None:
    span = _span(data, rng)
    data[span.start : span.start] = _noise(span.stop - span.start, rng)


def _repeat(data: bytearray, rng: np.random.Generator) -> None:
    span = _span(data, rng)
    data[span.start : span.start] = data[span] * int(rng.integers(1, 4))


_MUTATIONS = [_flip_bits, _damage_header, _overwrite, _zero, _truncate, _delete, _insert, _repeat]
