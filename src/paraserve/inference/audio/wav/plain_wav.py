"""Uncompressed wav files, read without a library."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from paraserve.errors import AudioError
from paraserve.inference.audio.source_chunks import SourceChunk, chunk_frames, in_range
from paraserve.inference.audio.wav.riff import WavAudio, WavSpan, find_audio, is_wav
from paraserve.types import RecordingInfo

MAX_PLAIN_CHANNELS = 1024
"""libsndfile's limit. A header with more is damaged."""
MAX_PLAIN_SPANS = 16
"""A wav made of more wavs than these costs time for each, and is left to a child."""
MAX_PLAIN_RATE = 0x7FFF_FFFF
PLAIN = {(1, 8): "u1", (1, 16): "i2", (1, 24): "i3", (1, 32): "i4", (3, 32): "f4", (3, 64): "f8"}
"""numpy's type of a sample for each format tag and number of bits. numpy has no `i3`."""
NAMES = {"u1": "pcm_u8", "i2": "pcm_16", "i3": "pcm_24", "i4": "pcm_32", "f4": "float", "f8": "double"}
EXTENSIBLE = 0xFFFE
SUBFORMAT_AT = 24


@dataclass(frozen=True, slots=True)
class PlainLayout:
    """Layout of uncompressed samples, channels interleaved. `type` is a key of `NAMES`."""

    type: str
    channels: int
    sample_rate: int
    is_big_endian: bool

    @property
    def frame_bytes(self) -> int:
        """Bytes of a sample of each channel."""
        return int(self.type[1]) * self.channels


def plain_layout(span: WavSpan) -> PlainLayout | None:
    """Return the layout of a span; None where it is compressed, or a number in its format chunk makes no sense."""
    order: Literal["big", "little"] = "big" if span.is_big_endian else "little"
    tag, channels, rate, block_bytes, bits = (
        int.from_bytes(span.format[a:b], order) for a, b in ((0, 2), (2, 4), (4, 8), (12, 14), (14, 16))
    )
    if tag == EXTENSIBLE:
        tag = int.from_bytes(span.format[SUBFORMAT_AT : SUBFORMAT_AT + 2], order)
    if (tag, bits) not in PLAIN or not 1 <= channels <= MAX_PLAIN_CHANNELS or not 1 <= rate <= MAX_PLAIN_RATE:
        return None
    layout = PlainLayout(PLAIN[tag, bits], channels, rate, span.is_big_endian)
    return layout if block_bytes == layout.frame_bytes else None


class PlainWavSource:
    """Reader of all spans of a wav whose audio is not compressed. They may differ in rate and channels."""

    def __init__(self, file: BinaryIO, audio: WavAudio, layouts: list[PlainLayout]) -> None:
        self._file = file
        self._spans = list(zip(audio.spans, layouts, strict=True))
        self.damaged_packets = 0
        self.warnings = audio.warnings
        self.info = RecordingInfo(
            container="wav",
            codec=NAMES[layouts[0].type],
            sample_rate=layouts[0].sample_rate,
            channels=layouts[0].channels,
            duration_ms=sum(_frames(s, layout) * 1000 // layout.sample_rate for s, layout in self._spans),
        )

    @classmethod
    def open(cls, file: BinaryIO, audio: WavAudio) -> "PlainWavSource | None":
        """Open a wav; return None where there is no audio, or compressed audio."""
        layouts = [layout for span in audio.spans if (layout := plain_layout(span)) is not None]
        return cls(file, audio, layouts) if layouts and len(layouts) == len(audio.spans) else None

    def chunks(self) -> Iterator[SourceChunk]:
        """Yield the audio, without an incomplete frame at the end of a span."""
        for span, layout in self._spans:
            step = chunk_frames(layout.sample_rate, layout.channels) * layout.frame_bytes
            end = span.at + _frames(span, layout) * layout.frame_bytes
            for at in range(span.at, end, step):
                self._file.seek(at)
                data = self._file.read(min(step, end - at))
                data = data[: len(data) // layout.frame_bytes * layout.frame_bytes]
                yield SourceChunk(_floats(data, layout).reshape(-1, layout.channels), layout.sample_rate)

    def close(self) -> None:
        """Leave the file open, as its owner wants it."""


def is_plain_wav(file: BinaryIO, size_bytes: int, *, may_search: bool = True) -> bool:
    """Return whether a wav has uncompressed audio only, in a few spans at most.

    Without `may_search` it is False for a file whose header does not tell where its audio ends.
    """
    if not is_wav(file):
        return False
    try:
        audio = find_audio(file, size_bytes, may_search=may_search)
    except AudioError:
        return False
    return len(audio.spans) <= MAX_PLAIN_SPANS and PlainWavSource.open(file, audio) is not None


def _frames(span: WavSpan, layout: PlainLayout) -> int:
    return span.n_bytes // layout.frame_bytes


def _floats(data: bytes, layout: PlainLayout) -> npt.NDArray[np.float32]:
    """Return samples in [-1, 1], channels interleaved. NaN becomes 0, what is louder is clipped."""
    order = ">" if layout.is_big_endian else "<"
    if layout.type == "u1":
        return (np.frombuffer(data, np.uint8).astype(np.float32) - np.float32(128)) / np.float32(128)
    if layout.type.startswith("f"):
        return in_range(np.frombuffer(data, np.dtype(order + layout.type)))
    integers: npt.NDArray[Any]
    integers = _widened(data, layout) if layout.type == "i3" else np.frombuffer(data, order + layout.type)
    return integers.astype(np.float32) / np.float32(1 << (31 if layout.type != "i2" else 15))


def _widened(data: bytes, layout: PlainLayout) -> npt.NDArray[Any]:
    """Return 24-bit samples as 32-bit ones: the lowest byte is 0."""
    wide = np.zeros((len(data) // 3, 4), np.uint8)
    if layout.is_big_endian:
        wide[:, :3] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.view(">i4").ravel()
    wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return wide.view("<i4").ravel()
