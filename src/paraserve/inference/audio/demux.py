"""Containers and codecs other than wav, read by FFmpeg's libraries (PyAV)."""

import errno
from collections.abc import Iterator
from typing import Any, BinaryIO

import av

from paraserve.errors import AudioError, UnsupportedFormatError
from paraserve.inference.audio.source_chunks import SourceChunk, chunks_of
from paraserve.types import RecordingInfo

FORMATS = "aac,amr,asf,caf,flac,matroska,mov,mp3,mp4,ogg,wav,w64,webm"
"""Demuxers that FFmpeg may use. Without this list an uploaded playlist could open other files of the server."""
CODECS = (
    "aac,aac_latm,ac3,adpcm_g722,adpcm_g726,adpcm_g726le,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_yamaha,alac,amrnb,"
    "amrwb,libopencore_amrnb,libopencore_amrwb,eac3,flac,g722,g723_1,g726,g726le,g729,gsm,gsm_ms,mp1,mp1float,mp2,"
    "mp2float,mp3,mp3float,opus,libopus,speex,libspeex,vorbis,wmav1,wmav2,wmapro,wmalossless,wmavoice,pcm_alaw,"
    "pcm_mulaw,pcm_s8,pcm_u8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_s64le,pcm_s64be,"
    "pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be"
)
"""Decoders that FFmpeg may use. Video decoders are not among them, so probing a video file runs none."""
TELEPHONE_DECODERS = {"amrnb": "libopencore_amrnb", "amrwb": "libopencore_amrwb"}
"""Decoders in place of FFmpeg's own, which reject the silence frames of phones (discontinuous transmission)."""
TIMED_FORMATS = frozenset({"flac", "ogg", "mov", "matroska", "caf", "w64"})
"""Containers that state their length. FFmpeg guesses that of others from the bit rate."""
MAGIC = (b"RIFF", b"fLaC", b"OggS", b"ID3", b"\x1aE\xdf\xa3", b"#!AMR", b"caff", b"\x30\x26\xb2\x75", b"riff")
"""First bytes of supported formats. A file that begins with them and does not open is damaged, not unsupported."""

GAP_S = 0.05
"""A longer jump in the timestamps is a lost packet, a shorter one rounding or clock jitter."""
MAX_DEMUX_ERRORS = 32
"""Number of errors in a row after which reading ends."""


class ContainerSource:
    """Reader of the best audio stream of a file, by FFmpeg, packet by packet."""

    def __init__(self, file: BinaryIO) -> None:
        self.damaged_packets = 0
        self._container = _open_container(file)
        try:
            self._stream = _audio_stream(self._container)
            self.info = _info(self._container, self._stream)
        except AudioError:
            self.close()
            raise
        self._decoder = _decoder(self._stream.codec_context)
        self._expected_start_s: float | None = None

    def chunks(self) -> Iterator[SourceChunk]:
        """Yield the audio that can be decoded. Count damaged packets, and gaps between timestamps."""
        for packet in self._packets():
            for frame in self._frames(packet):
                yield from chunks_of(frame)

    def close(self) -> None:
        """Release the container."""
        self._container.close()

    def _packets(self) -> Iterator[Any]:
        """Yield packets; after an error the demuxer may find the next packet."""
        errors_in_a_row = 0
        while errors_in_a_row < MAX_DEMUX_ERRORS:
            try:
                for packet in self._container.demux(self._stream):
                    errors_in_a_row = 0
                    yield packet
            except MemoryError:
                raise
            except av.FFmpegError:
                self.damaged_packets += 1
                errors_in_a_row += 1
            else:
                return

    def _frames(self, packet: Any) -> list[av.AudioFrame]:
        try:
            frames: list[av.AudioFrame] = self._decoder.decode(packet)
        except MemoryError:
            raise
        except EOFError:
            return []  # the decoder had been flushed already
        except av.FFmpegError:
            self.damaged_packets += 1
            self._expected_start_s = None  # the gap that follows belongs to this packet
            return []
        for frame in frames:
            self._count_gap(frame)
        return frames

    def _count_gap(self, frame: av.AudioFrame) -> None:
        """Count a gap before this frame: demuxers skip unreadable data silently. A frame may have no timestamp."""
        start = frame.time if frame.time is not None else self._expected_start_s
        if start is None:
            return
        if self._expected_start_s is not None and start - self._expected_start_s > GAP_S:
            self.damaged_packets += 1
        self._expected_start_s = start + frame.samples / max(frame.sample_rate, 1)


def _open_container(file: BinaryIO) -> Any:
    options = {"format_whitelist": FORMATS, "codec_whitelist": CODECS, "protocol_whitelist": "none"}
    try:
        return av.open(_NamelessFile(file), "r", options=options, metadata_errors="replace")
    except MemoryError:
        raise
    except av.FFmpegError as error:
        file.seek(0)
        head = file.read(12)
        if head.startswith(MAGIC) or head[4:8] == b"ftyp":
            raise AudioError(f"the file is damaged or cut off: {error.strerror}", param="file") from error
        raise UnsupportedFormatError("the file is not audio or video of a known format", param="file") from error


class _NamelessFile:
    """Open file without its name, from whose ending FFmpeg would guess the format instead of reading the content."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read
        self.tell = file.tell
        self._seek = file.seek

    def seek(self, offset: int, whence: int = 0) -> int:
        """Return the new position, or a negative error code: a damaged file may point before its beginning."""
        try:
            return self._seek(offset, whence)
        except (OSError, ValueError):
            return -errno.EINVAL


def _audio_stream(container: Any) -> Any:
    if not container.streams.audio:
        raise AudioError("the file has no audio track", code="no_audio_stream", param="file")
    stream = container.streams.best("audio")
    if stream is None:
        raise AudioError("the audio track has no valid parameters", param="file")
    codec = stream.codec_context
    if codec is None or codec.name not in CODECS.split(","):
        name = "unknown" if codec is None else codec.name
        raise UnsupportedFormatError(f"audio codec {name} is not supported", code="unsupported_codec", param="file")
    return stream


def _decoder(codec: Any) -> Any:
    """Return the decoder for a stream's codec, with one thread, since the pool runs several children."""
    decoder: Any = codec
    better = TELEPHONE_DECODERS.get(codec.name)
    if better in av.codecs_available:
        decoder = av.CodecContext.create(better, "r")
        decoder.sample_rate, decoder.layout = codec.sample_rate, "mono"
    decoder.thread_count = 1
    return decoder


def _info(container: Any, stream: Any) -> RecordingInfo:
    name = str(container.format.name).split(",")[0]
    has_length = name in TIMED_FORMATS and container.duration is not None
    return RecordingInfo(
        container=name,
        codec=str(stream.codec_context.name),
        sample_rate=int(stream.codec_context.sample_rate),
        channels=int(stream.codec_context.channels),
        duration_ms=max(container.duration // 1000, 0) if has_length else None,
    )
