"""Containers and codecs other than plain wav, read by FFmpeg's libraries (PyAV)."""

import errno
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, BinaryIO, Protocol

import av
import av.logging

from paraserve.errors import AudioError, UnsupportedFormatError
from paraserve.inference.audio.container_formats import CODECS, TAKEN, refusal
from paraserve.inference.audio.source_chunks import SourceChunk, chunks_of
from paraserve.types import RecordingInfo

TELEPHONE_DECODERS = {"amrnb": "libopencore_amrnb", "amrwb": "libopencore_amrwb"}
"""Decoders in place of FFmpeg's own, which reject the silence frames of phones (discontinuous transmission)."""
TIMED_FORMATS = frozenset({"flac", "ogg", "mov", "matroska", "caf", "w64"})
"""Containers that state their length. FFmpeg guesses that of others from the bit rate."""
MAGIC = (
    *(b"RIFF", b"fLaC", b"OggS", b"ID3", b"\x1aE\xdf\xa3", b"#!AMR", b"caff", b"\x30\x26\xb2\x75", b"riff", b"FORM"),
    *(b".snd", b"MAC ", b"wvpk", b"TTA1", b"tBaK", b"MPCK", b"FLV", b".RMF", b"Creative Voice", b"NIST_1A", b"DSD "),
)
"""First bytes of supported formats. A file that begins with them and does not open is damaged, not unsupported."""
NOT_TAKEN = re.compile(r"Format not on whitelist")
"""FFmpeg's message about a demuxer that it recognized and may not use. The sender is named after the demuxer."""

OPEN_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "format_whitelist": ",".join(TAKEN),
        "codec_whitelist": ",".join(sorted(CODECS)),
        "protocol_whitelist": "none",
    }
)
"""Bounds for FFmpeg. Without them an uploaded playlist could open other files of the server."""

GAP_S = 0.05
"""A longer jump in the timestamps is a lost packet, a shorter one rounding or clock jitter."""
HEAD_BYTES = 16
"""First bytes that tell damage from an unknown format."""
_TEXTS: Any = MappingProxyType({"metadata_errors": "replace"})
MAX_DEMUX_ERRORS = 32
"""Number of errors in a row after which reading ends."""


LIVE_OPTIONS: Mapping[str, str] = MappingProxyType({"probesize": "32", "analyzeduration": "1"})
"""A stream is begun with the first packet that tells what it is: FFmpeg would wait for 5 s of it."""


STREAM_BUFFER_BYTES = 128 * 1024
"""FFmpeg keeps what it has read while a further 32 KiB fit: in an mp4 it goes back by some bytes."""


class ByteStream(Protocol):
    """Bytes that arrive while they are read. `head` has the first ones."""

    head: bytes

    def read(self, n_bytes: int) -> bytes:
        """Return 1 to `n_bytes` bytes, none at the end."""
        ...


class ContainerSource:
    """Reader of one audio track, by FFmpeg, packet by packet.

    Args:
        container: the container, from `open_container` or `open_stream`. It is closed with the source.
        track: 0-based number among its audio tracks; None takes the one that FFmpeg prefers of those that can be
            decoded: the default track, or the one with the most channels.
    """

    def __init__(self, container: Any, track: int | None = None) -> None:
        self.damaged_packets = 0
        self._container = container
        try:
            self.track, self._stream = _audio_stream(self._container, track)
            self.info = _info(self._container, self._stream)
        except AudioError:
            self.close()
            raise
        self._decoder = _decoder(self._stream.codec_context)
        self._expected_start_s: float | None = None

    @property
    def tracks(self) -> list[int]:
        """Numbers of the audio tracks that can be decoded."""
        return [n for n, stream in enumerate(self._container.streams.audio) if _is_decodable(stream)]

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """Nothing is left out here but damaged packets, which are counted."""
        return []

    def chunks(self) -> Iterator[SourceChunk]:
        """Yield the audio that can be decoded. Count damaged packets, and gaps between timestamps."""
        yield from chunks_of(self.frames())

    def frames(self) -> Iterator[av.AudioFrame]:
        """Yield the frames of `chunks` as they are, each as soon as its packet is there."""
        for packet in self._packets():
            yield from self._frames(packet)

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


def open_container(file: BinaryIO) -> Any:
    """Open a file at its beginning.

    Raises:
        AudioError: it is damaged, or of a format that is not taken.
    """

    def head() -> bytes:
        file.seek(0)
        return file.read(HEAD_BYTES)

    return _opened(lambda: av.open(_NamelessFile(file), "r", options=dict(OPEN_OPTIONS), **_TEXTS), head)


def open_stream(stream: ByteStream, container: str | None) -> Any:
    """Open bytes that arrive while they are read, in the container of this name, or None = as they begin.

    Raises:
        AudioError: they are damaged, or of a format that is not taken or cannot be read without its end.
    """
    choices: Any = {"format": container, "buffer_size": STREAM_BUFFER_BYTES, **_TEXTS}
    options = {**OPEN_OPTIONS, **(LIVE_OPTIONS if container else {})}
    source = _Unseekable(stream)
    return _opened(lambda: av.open(source, "r", options=options, **choices), lambda: stream.head)


def _opened(opening: Callable[[], Any], head: Callable[[], bytes]) -> Any:
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    with av.logging.Capture() as messages:
        try:
            return opening()
        except MemoryError:
            raise
        except av.FFmpegError as error:
            raise _refused(head(), error, messages) from error
        finally:
            av.logging.set_level(None)


def _refused(head: bytes, error: av.FFmpegError, messages: list[Any]) -> AudioError:
    """Return the error that says which format was found, or that the file is damaged."""
    for _, sender, text in messages:
        if NOT_TAKEN.search(text):
            return UnsupportedFormatError(f"the file's format is {sender}: {refusal(sender)}", param="file")
    if head.startswith(MAGIC) or head[4:8] == b"ftyp":
        return AudioError(f"the file is damaged or cut off: {error.strerror}", param="file")
    return UnsupportedFormatError("the file is not audio or video of a known format", param="file")


class _Unseekable:
    """A stream without the methods by which FFmpeg would seek in it."""

    def __init__(self, stream: ByteStream) -> None:
        self.read = stream.read


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


def _audio_stream(container: Any, track: int | None) -> tuple[int, Any]:
    """Return the number of a track and its stream."""
    streams = container.streams.audio
    if not streams:
        raise AudioError("the file has no audio track", code="no_audio_stream", param="file")
    if track is not None and track >= len(streams):
        message = f"track {track} does not exist: the file has {len(streams)} audio track(s), counted from 0"
        raise AudioError(message, code="track_out_of_range", param="track")
    best = container.streams.best("audio") if track is None else streams[track]
    if best is None:
        raise AudioError("the audio track has no valid parameters", param="file")
    if track is None and not _is_decodable(best):
        best = next(filter(_is_decodable, streams), best)
    if not _is_decodable(best):
        name = "unknown" if best.codec_context is None else best.codec_context.name
        raise UnsupportedFormatError(f"audio codec {name} is not supported", code="unsupported_codec", param="file")
    return [stream.index for stream in streams].index(best.index), best


def _is_decodable(stream: Any) -> bool:
    return stream.codec_context is not None and stream.codec_context.name in CODECS


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
