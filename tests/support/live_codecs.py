"""One recording in every codec that live clients send, as raw bytes or as a file."""

import io

import av
import numpy as np

from paraserve.types import Samples

ALAW, MULAW = "pcm_alaw", "pcm_mulaw"
RAW = {"s16le": "pcm_s16le", "f32le": "pcm_f32le", "alaw": ALAW, "mulaw": MULAW}
"""Names of raw audio in `wav_format` and in `encoding`, and FFmpeg's."""
CONTAINERS = {
    "wav": ("wav", "pcm_s16le", {}),
    "wav-alaw": ("wav", ALAW, {}),
    "wav-mulaw": ("wav", MULAW, {}),
    "ogg-opus": ("ogg", "libopus", {"page_duration": "20000"}),
    "webm": ("webm", "libopus", {"live": "1", "cluster_time_limit": "250"}),
    "mp3": ("mp3", "libmp3lame", {"write_xing": "0", "id3v2_version": "0"}),
    "flac": ("flac", "flac", {}),
    "mp4": ("mp4", "aac", {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "100000"}),
}
"""FFmpeg's container and codec, and the options of a recorder that sends what it has at once."""
LOSSLESS = frozenset(("s16le", "f32le", "wav", "flac"))
TELEPHONE_RATE = 8_000


def raw(samples: Samples, name: str) -> bytes:
    """Raw audio in one of `RAW`; G.711 at 8 kHz."""
    codec = RAW[name]
    if name == "f32le":
        return samples.astype("<f4").tobytes()
    if name == "s16le":
        return np.round(samples * 32_768).clip(-32_768, 32_767).astype("<i2").tobytes()
    return file(samples, codec.removeprefix("pcm_"), (codec.removeprefix("pcm_"), codec, {}))


def file(samples: Samples, name: str, how: tuple[str, str, dict[str, str]] | None = None) -> bytes:
    """The samples (16 kHz, mono) in one of `CONTAINERS`."""
    container, codec, options = how or CONTAINERS[name]
    rate = TELEPHONE_RATE if codec in {ALAW, MULAW} else 16_000
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container, options=options) as out:
        stream = out.add_stream(codec, rate=rate, layout="mono")
        if codec.startswith("lib"):
            stream.bit_rate = 48_000
        stream.codec_context.open()
        frame_size = stream.codec_context.frame_size or 320
        resampler = av.AudioResampler(stream.codec_context.format, "mono", rate, frame_size=frame_size)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
        frame.sample_rate = 16_000
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return buffer.getvalue()
