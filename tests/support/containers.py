"""One recording in every container that FFmpeg's libraries can write with sound."""

import io
from dataclasses import dataclass

import av
import numpy as np

from paraserve.types import SAMPLE_RATE, Samples


@dataclass(frozen=True)
class Written:
    """A muxer, a codec that it takes, and the rate and channels that both take."""

    muxer: str
    codec: str = "pcm_s16le"
    sample_rate: int = SAMPLE_RATE
    channels: int = 1


EXACT = (
    *(
        Written(name)
        for name in ("aiff", "asf", "avi", "caf", "ircam", "ismv", "matroska", "mov", "mp4", "nut", "voc")
    ),
    *(Written(name) for name in ("w64", "wav", "wtv")),
    Written("au", "pcm_s16be"),
    Written("flac", "flac"),
    Written("matroska", "alac"),
    Written("ipod", "alac"),
    Written("sox", "pcm_s32le"),
    Written("caf", "pcm_s24be"),
    Written("aiff", "pcm_f32be"),
    Written("wav", "pcm_f64le"),
)
"""Containers that keep the samples as they are."""
LOSSY = (
    *(Written(name, "aac") for name in ("3g2", "3gp", "adts", "f4v", "ipod", "latm", "mpegts", "rm", "mov")),
    *(Written(name, "libopus") for name in ("ogg", "opus", "webm", "mpegts")),
    *(Written(name, "mp2", 48_000) for name in ("mp2", "mpegts", "mpeg", "svcd", "vob", "avi", "dvd", "vcd")),
    *(Written(name, "libmp3lame", 44_100) for name in ("mp3", "avi", "flv", "swf", "nut", "wav")),
    *(Written(name, "ac3", 48_000, 2) for name in ("ac3", "mpegts", "matroska", "spdif", "avi")),
    Written("eac3", "eac3", 48_000, 2),
    Written("mpegts", "eac3", 48_000, 2),
    Written("asf", "wmav2", 44_100),
    Written("wv", "wavpack"),
    Written("tta", "tta"),
    Written("wav", "adpcm_ms"),
    Written("wav", "adpcm_ima_wav"),
    Written("wav", "g722"),
    Written("wav", "pcm_alaw"),
    Written("au", "pcm_mulaw"),
    Written("flv", "adpcm_swf", 44_100),
)
"""Containers with compressed sound at the speech's rate or above, which keep every word."""
TELEPHONE = (
    Written("amr", "libopencore_amrnb", 8_000),
    Written("3gp", "libopencore_amrnb", 8_000),
    Written("wav", "g726", 8_000),
    Written("wav", "g723_1", 8_000),
    Written("rm", "real_144", 8_000),
)
"""Narrow-band codecs, which may cost a word."""
BIT_RATES = {"libopencore_amrnb": 12_200, "g726": 32_000, "g723_1": 6_300, "real_144": None}


def write(how: Written, samples: Samples) -> bytes:
    """`samples` (16 kHz) in all channels of a file."""
    buffer = io.BytesIO()
    layout = {1: "mono", 2: "stereo"}[how.channels]
    with av.open(buffer, "w", format=how.muxer) as container:
        stream = container.add_stream(how.codec, rate=how.sample_rate, layout=layout)
        bit_rate = BIT_RATES.get(how.codec, 128_000)
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        for packet in encoded(stream, samples, how):
            container.mux(packet)
    return buffer.getvalue()


def encoded(stream, samples: Samples, how: Written):
    """Packets of `samples` in all channels of a stream."""
    layout = {1: "mono", 2: "stereo"}[how.channels]
    codec = stream.codec_context
    codec.open()
    resampler = av.AudioResampler(codec.format, layout, how.sample_rate, frame_size=codec.frame_size or 4096)
    frame = av.AudioFrame.from_ndarray(np.stack([samples] * how.channels), format="fltp", layout=layout)
    frame.sample_rate = SAMPLE_RATE
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        yield from stream.encode(piece)
    yield from stream.encode(None)


def with_tracks(muxer: str, codec: str, tracks: list[Samples], *, default: int | None = None) -> bytes:
    """A file with several audio tracks, of which one may be marked as the default."""
    buffer = io.BytesIO()
    how = Written(muxer, codec, 48_000 if codec == "mp2" else SAMPLE_RATE)
    with av.open(buffer, "w", format=muxer) as container:
        streams = [container.add_stream(codec, rate=how.sample_rate, layout="mono") for _ in tracks]
        for number, stream in enumerate(streams):
            if default is not None:
                stream.disposition = av.stream.Disposition.default if number == default else 0
        packets = [list(encoded(stream, samples, how)) for stream, samples in zip(streams, tracks, strict=True)]
        for number in range(max(map(len, packets))):
            for track in packets:
                container.mux(track[number : number + 1])
    return buffer.getvalue()
