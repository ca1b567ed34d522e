"""Header of a wav stream, read while its bytes arrive."""

import struct
from dataclasses import dataclass
from typing import Literal, TypeAlias

from paraserve.errors import AudioError, UnsupportedFormatError
from paraserve.options import AudioFormat

MIN_SOURCE_RATE = 1_000
MAX_SOURCE_RATE = 1_000_000
"""Hz. Other rates come from damaged or hostile headers: one sample at 1 Hz would become a second of audio."""
RIFF_BYTES = 12
"""`RIFF`, four bytes of size, `WAVE`."""
MAX_HEADER_BYTES = 1 << 20
"""Bytes kept while waiting for the audio. Pictures and texts may stand before it."""
MAX_CHUNKS = 64
MAX_CHANNELS = 64
INTEGER, FLOAT, A_LAW, MU_LAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
"""Format tags. An extensible header has the real tag in the first bytes of its subformat."""
SUBFORMAT_AT = 24
UNKNOWN_SIZE = b"\xff" * 4
"""Size that writers of streams give."""


PcmKind: TypeAlias = Literal["int", "float", "alaw", "mulaw"]


@dataclass(frozen=True, slots=True)
class PcmLayout:
    """Layout of raw samples: little-endian, channels interleaved. "alaw" and "mulaw" have one byte a sample.

    Raises:
        AudioError: the number of channels or the sample rate is unusable.
    """

    kind: PcmKind
    width_bytes: int
    channels: int
    sample_rate: int

    def __post_init__(self) -> None:
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise AudioError(f"{self.channels} channels are not usable: 1 to {MAX_CHANNELS} are")
        if not MIN_SOURCE_RATE <= self.sample_rate <= MAX_SOURCE_RATE:
            raise AudioError(f"sample rate {self.sample_rate} Hz is not usable", code="unsupported_sample_rate")

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame: a sample of each channel."""
        return self.width_bytes * self.channels


@dataclass(frozen=True, slots=True)
class WavHeader:
    """Position, length and layout of a wav's audio. `data_bytes` None: it goes on to the end of the stream."""

    layout: PcmLayout
    data_at: int
    data_bytes: int | None


def may_be_wav(head: bytes | bytearray) -> bool:
    """Return whether a stream with these first bytes, perhaps fewer than 12, can still be a wav."""
    return head[:4] == b"RIFF"[: len(head)] and head[8:RIFF_BYTES] == b"WAVE"[: max(0, len(head) - 8)]


def read_wav_header(head: bytes | bytearray) -> WavHeader | None:
    """Return the header in a wav's first bytes; None while it is incomplete.

    Raises:
        AudioError: the format is missing, too short or unusable, or the header has no end.
        UnsupportedFormatError: the samples are neither 8 to 32 bit integers, 32 bit floats nor G.711.
    """
    at, layout = RIFF_BYTES, None
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(head):
            return None
        name, size, at = head[at : at + 4], _number(head[at + 4 : at + 8]), at + 8
        if name == b"data" and layout is not None:
            return WavHeader(layout, at, size or None)  # 0: the writer of a streamed wav did not know the size
        if name == b"data":
            raise AudioError("damaged wav: its audio comes before its format")
        content = head[at : at + size] if name == b"fmt " else b""
        at += size + size % 2  # chunks begin on even bytes
        if at > MAX_HEADER_BYTES:
            break
        if name == b"fmt " and len(content) < size:
            return None
        layout = _layout(content) if name == b"fmt " else layout
    raise AudioError("damaged wav: no audio after its first MiB or 64 chunks of other things")


def streamed_wav_header(audio: AudioFormat) -> bytes:
    """Return the header of a wav of unknown length for raw audio."""
    tag, width = {"int16": (INTEGER, 2), "float32": (FLOAT, 4), "alaw": (A_LAW, 1), "mulaw": (MU_LAW, 1)}[
        audio.encoding
    ]
    frame = width * audio.channels
    layout = (tag, audio.channels, audio.sample_rate, audio.sample_rate * frame, frame, 8 * width)
    return b"RIFF" + UNKNOWN_SIZE + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, *layout) + b"data" + UNKNOWN_SIZE


def _layout(fmt: bytes | bytearray) -> PcmLayout:
    if len(fmt) < 16:
        raise AudioError(f"damaged wav: its format takes {len(fmt)} bytes")
    tag, channels, sample_rate, bits = (_number(fmt[a:b]) for a, b in ((0, 2), (2, 4), (4, 8), (14, 16)))
    if tag == EXTENSIBLE:
        tag = _number(fmt[SUBFORMAT_AT : SUBFORMAT_AT + 2])
    if tag == INTEGER and bits in (8, 16, 24, 32):
        return PcmLayout("int", bits // 8, channels, sample_rate)
    if tag == FLOAT and bits == 32:
        return PcmLayout("float", 4, channels, sample_rate)
    if tag in (A_LAW, MU_LAW) and bits == 8:
        return PcmLayout("alaw" if tag == A_LAW else "mulaw", 1, channels, sample_rate)
    raise UnsupportedFormatError(f"WAV of format {tag} with {bits} bits", code="unsupported_codec")


def _number(data: bytes | bytearray) -> int:
    return int.from_bytes(data, "little")
