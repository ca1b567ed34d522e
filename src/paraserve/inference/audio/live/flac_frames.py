"""FLAC read frame by frame, each as soon as its last byte is there (RFC 9639).

FFmpeg's own reader waits for the headers of ten more frames, which are seconds of speech. A frame ends with a
checksum over all of it (CRC-16, polynomial 0x8005), so the running checksum is 0 there. Bytes inside of a frame that
also give 0 by chance are no frame that can be decoded.
"""

from collections.abc import Iterator
from typing import Any

import av

from paraserve.errors import AudioError
from paraserve.inference.audio.demux import ByteStream
from paraserve.types import RecordingInfo

READ_BYTES = 16_384
STREAMINFO_BYTES = 34
MAX_METADATA_BYTES = 1 << 24
"""A picture may stand before the audio: the length of a block has 24 bits."""
MIN_FRAME_BYTES = 10
"""Header, one constant subframe and the checksums."""
FRAME_OVERHEAD_BYTES = 64
"""Headers and checksums of a frame whose samples are not compressed."""
SYNC_CODES = (b"\xff\xf8", b"\xff\xf9")


class FlacStream:
    """Reader of a FLAC stream; matches what `ContainerSource` has for live audio.

    Raises:
        AudioError: its first bytes are damaged.
    """

    def __init__(self, stream: ByteStream) -> None:
        self.damaged_packets = 0
        self._stream = stream
        self._buffer = bytearray()
        stream_info = self._stream_info()
        self._max_frame_bytes = _max_frame_bytes(stream_info)
        self._decoder = _decoder(stream_info)
        codec = self._decoder
        self.info = RecordingInfo("flac", "flac", int(codec.sample_rate), int(codec.channels), None)

    def close(self) -> None:
        """Release nothing: the decoder goes with its last user."""

    def frames(self) -> Iterator[av.AudioFrame]:
        """Yield each frame once its last byte is there. Damage is skipped and counted."""
        checksum = n_checked = 0
        while True:
            if n_checked == len(self._buffer) and not self._read():
                self.damaged_packets += bool(self._buffer)
                return
            checksum = _TABLE[checksum >> 8 ^ self._buffer[n_checked]] ^ (checksum << 8 & 0xFFFF)
            n_checked += 1
            if checksum and n_checked < self._max_frame_bytes:
                continue
            frames = self._decoded(n_checked) if n_checked >= MIN_FRAME_BYTES else None
            if frames is None and n_checked < self._max_frame_bytes:
                continue
            if frames is None:
                self.damaged_packets += 1
                n_checked = _next_sync(self._buffer)
            del self._buffer[:n_checked]
            checksum = n_checked = 0
            yield from frames or ()

    def _decoded(self, n_bytes: int) -> list[av.AudioFrame] | None:
        """Return the frame that these first bytes are, None if they are none."""
        try:
            frames: list[av.AudioFrame] = self._decoder.decode(av.Packet(bytes(self._buffer[:n_bytes])))
        except MemoryError:
            raise
        except av.FFmpegError:
            return None
        return frames or None

    def _read(self) -> bool:
        data = self._stream.read(READ_BYTES)
        self._buffer += data
        return bool(data)

    def _stream_info(self) -> bytes:
        """Take everything before the first frame; return the content of its first block."""
        if self._taken(4) != b"fLaC":
            raise _damaged()
        info, n_bytes, is_last = b"", 0, False
        while not is_last:
            head = self._taken(4)
            is_last, size = bool(head[0] & 0x80), int.from_bytes(head[1:], "big")
            n_bytes += size
            if n_bytes > MAX_METADATA_BYTES:
                raise _damaged()
            content = self._taken(size)
            info = info or content
        if len(info) != STREAMINFO_BYTES:
            raise _damaged()
        return info

    def _taken(self, n_bytes: int) -> bytes:
        while len(self._buffer) < n_bytes:
            if not self._read():
                raise _damaged()
        taken = bytes(self._buffer[:n_bytes])
        del self._buffer[:n_bytes]
        return taken


def _max_frame_bytes(stream_info: bytes) -> int:
    """Return the length of the longest frame: what the stream says, or that of one that is not compressed."""
    stated = int.from_bytes(stream_info[7:10], "big")
    if stated:
        return stated
    n_samples, packed = int.from_bytes(stream_info[2:4], "big"), int.from_bytes(stream_info[10:18], "big")
    n_channels, n_bits = (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1
    return n_samples * n_channels * (n_bits + 1) // 8 + FRAME_OVERHEAD_BYTES


def _decoder(stream_info: bytes) -> Any:
    decoder: Any = av.CodecContext.create("flac", "r")
    decoder.extradata = stream_info
    decoder.thread_count = 1
    try:
        decoder.open()
    except av.FFmpegError as error:
        raise _damaged() from error
    return decoder


def _damaged() -> AudioError:
    return AudioError("the flac is damaged or cut off before its first frame", param="file")


def _next_sync(data: bytearray) -> int:
    """Return the place of the next frame that may begin here, behind the first byte."""
    places = [at for code in SYNC_CODES if (at := data.find(code, 1)) > 0]
    return min(places, default=len(data))


def _checksum_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte << 8
        for _ in range(8):
            value = (value << 1 ^ (0x8005 if value & 0x8000 else 0)) & 0xFFFF
        table.append(value)
    return tuple(table)


_TABLE = _checksum_table()
