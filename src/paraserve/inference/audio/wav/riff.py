"""Stretches of audio in a wav file, by the file's real content where its header lies.

Writers that stream leave sizes of 0 or 2^32-1, crashed ones any size, and people join files by `cat`. The rule is:
all the audio. What follows the stated end of the audio is a chain of chunks, another wav, or more audio.

Formats: RIFF (Microsoft's Multimedia Programming Interface 1.0), RIFX (big-endian), RF64 and BW64 (EBU
Tech 3306, ITU-R BS.2088).
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Literal

from paraserve.errors import AudioError

RIFF_BYTES = 12
CHUNK_HEADER_BYTES = 8
MAX_CHUNKS = 10_000
"""Chunks of one file and wavs in it, together. Real files have fewer than 100."""
MAX_FORMAT_BYTES = 4096
UNKNOWN_BYTES = 0x7FFF_F000
"""Writers that do not know the size state 0, or a number from here on."""
SEARCH_BYTES = 1 << 20
TAIL_BYTES = 1 << 16
"""Chunks at the end are searched in this much, where the header does not tell the end of the audio."""
MAGIC = (b"RIFF", b"RIFX", b"RF64", b"BW64")
OTHER_CHUNKS = (
    *(b"LIST", b"list", b"INFO", b"id3 ", b"ID3 ", b"bext", b"iXML", b"axml", b"chna", b"cue ", b"smpl", b"inst"),
    *(b"PEAK", b"fact", b"JUNK", b"junk", b"PAD ", b"FLLR", b"afsp", b"_PMX", b"acid", b"DISP", b"cart", b"plst"),
)
"""Names of chunks that are not audio, which count as chunks even where the file is cut off inside them."""


@dataclass(frozen=True, slots=True)
class WavSpan:
    """Audio from byte `at`, `n_bytes` long, with the content of its format chunk."""

    format: bytes
    at: int
    n_bytes: int
    is_big_endian: bool = False


@dataclass(slots=True)
class WavAudio:
    """All audio of a file in order. `warnings` are codes and sentences about what its header got wrong.

    `is_exact` says that there is one span, whose size the header states rightly.
    """

    spans: list[WavSpan] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)
    is_exact: bool = True


def is_wav(file: BinaryIO) -> bool:
    """Return whether a file begins like a wav; rewind it."""
    head = file.read(RIFF_BYTES)
    file.seek(0)
    return _begins_wav(head)


def find_audio(file: BinaryIO, size_bytes: int, *, may_search: bool = True) -> WavAudio:
    """Return the audio of a wav file of this size; no spans where the header is damaged or states no format.

    Raises:
        AudioError: it has more than 10,000 chunks, or all bytes would have to be searched and `may_search` is False.
    """
    walk = _Walk(file, size_bytes, may_search=may_search)
    at = 0
    while at < size_bytes:
        at = walk.read_wav(at)
    return walk.audio


class _Walk:
    """Reader of one file's chunks."""

    def __init__(self, file: BinaryIO, size_bytes: int, *, may_search: bool) -> None:
        self.audio = WavAudio()
        self._may_search = may_search
        self._file = file
        self._size = size_bytes
        self._n_chunks = 0
        self._is_big_endian = False

    def read_wav(self, start: int) -> int:
        """Read the wav that begins at `start`; return where the next one begins, or the file's end."""
        self._count()
        head = self._read(start, RIFF_BYTES)
        self._is_big_endian = head[:4] == b"RIFX"
        form, long_bytes = b"", 0
        at = start + RIFF_BYTES
        while at + CHUNK_HEADER_BYTES <= self._size:
            if _begins_wav(self._read(at, RIFF_BYTES)):
                return at
            name, n_bytes = self._chunk(at)
            at += CHUNK_HEADER_BYTES
            if name == b"data":
                at = self._take(form, at, long_bytes if n_bytes == 0xFFFF_FFFF and long_bytes else n_bytes)
                continue
            if name == b"fmt ":
                form = self._read(at, min(n_bytes, MAX_FORMAT_BYTES))
            elif name == b"ds64":
                long_bytes = int.from_bytes(self._read(at + 8, 8), "little")
            at += n_bytes + n_bytes % 2
        return self._size

    def _take(self, form: bytes, at: int, stated: int) -> int:
        """Note the audio at `at`; return where the next chunk begins."""
        end = self._end_of_audio(at, stated)
        if form and end > at:
            self.audio.is_exact &= end - at == stated and not self.audio.spans
            self.audio.spans.append(WavSpan(form, at, end - at, self._is_big_endian))
        is_padded = (end - at) % 2 == 1 and not self._is_chain(end)
        return end + is_padded

    def _end_of_audio(self, at: int, stated: int) -> int:
        stated_end = at + stated
        if stated_end == self._size:
            return stated_end
        if stated_end < self._size and (self._is_chain(stated_end + stated % 2) or self._is_chain(stated_end)):
            return stated_end
        end = self._next_wav(min(stated_end, self._size) if stated_end < self._size else at)
        end = self._before_last_chunks(at, end)
        self._warn(stated, end - at)
        return end

    def _warn(self, stated: int, found: int) -> None:
        if 0 < stated < UNKNOWN_BYTES and abs(stated - found) >= CHUNK_HEADER_BYTES:
            verb = "are taken" if found > stated else "are there, the rest is missing"
            message = f"the wav header states {stated} bytes of audio, {found} {verb}"
            self.audio.warnings.append(("wav_size_wrong", message))

    def _is_chain(self, at: int) -> bool:
        """Return whether chunks, another wav or a tag begin at `at` and go on to the end of the file."""
        while self._size - at >= CHUNK_HEADER_BYTES:
            head = self._read(at, RIFF_BYTES)
            if _begins_wav(head) or _is_tag(head, self._size - at):
                return True
            name, n_bytes = self._chunk(at)
            at += CHUNK_HEADER_BYTES + n_bytes + n_bytes % 2
            if at > self._size + 1:
                return name in OTHER_CHUNKS
            if not (name.isascii() and name.decode().isprintable()):
                return False
        return True

    def _before_last_chunks(self, at: int, end: int) -> int:
        """Return where a chain of known chunks at the end of the file begins, or `end`."""
        if end != self._size:
            return end
        tail_at = max(at, end - TAIL_BYTES)
        tail = self._read(tail_at, end - tail_at)
        found = (tail_at + place for name in OTHER_CHUNKS for place in _places(tail, name))
        return min((place for place in found if self._is_chain(place)), default=end)

    def _next_wav(self, at: int) -> int:
        """Return where the next wav begins at or after `at`, or the file's end."""
        if not self._may_search:
            raise AudioError("the header of the wav does not tell where its audio ends", param="file")
        while at < self._size:
            block = self._read(at, SEARCH_BYTES + RIFF_BYTES)
            for place in _places(block, b"WAVE"):
                if place >= 8 and _begins_wav(block[place - 8 : place + 4]):
                    return at + place - 8
            at += SEARCH_BYTES
        return self._size

    def _count(self) -> None:
        """Count a chunk or a wav: empty wavs one after the other have no chunks, and take as long."""
        self._n_chunks += 1
        if self._n_chunks > MAX_CHUNKS:
            raise AudioError(f"damaged wav: it has more than {MAX_CHUNKS} chunks", param="file")

    def _chunk(self, at: int) -> tuple[bytes, int]:
        self._count()
        head = self._read(at, CHUNK_HEADER_BYTES)
        return head[:4], int.from_bytes(head[4:], "big" if self._is_big_endian else "little")

    def _read(self, at: int, n_bytes: int) -> bytes:
        self._file.seek(at)
        return self._file.read(n_bytes)


def _begins_wav(head: bytes) -> bool:
    return head[:4] in MAGIC and head[8:12] == b"WAVE"


def _is_tag(head: bytes, n_rest: int) -> bool:
    """Return whether an ID3 or APE tag, which players append to any file, begins here."""
    return head.startswith((b"ID3\x02", b"ID3\x03", b"ID3\x04", b"APETAGEX")) or (
        head[:3] == b"TAG" and n_rest == 128
    )


def _places(data: bytes, name: bytes) -> Iterator[int]:
    place = data.find(name)
    while place >= 0:
        yield place
        place = data.find(name, place + 1)


class SpanFile(io.RawIOBase):
    """Well-formed wav with the audio of one span, read from the original file, for libraries that trust headers."""

    def __init__(self, file: BinaryIO, span: WavSpan) -> None:
        super().__init__()
        order: Literal["big", "little"] = "big" if span.is_big_endian else "little"
        form = b"fmt " + len(span.format).to_bytes(4, order) + span.format + b"\0" * (len(span.format) % 2)
        body = b"WAVE" + form + b"data" + min(span.n_bytes, 0xFFFF_FFFF).to_bytes(4, order)
        riff_bytes = min(len(body) + span.n_bytes, 0xFFFF_FFFF)
        self._head = (b"RIFX" if span.is_big_endian else b"RIFF") + riff_bytes.to_bytes(4, order) + body
        self._file = file
        self._span = span
        self._position = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move as in any file."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}.get(whence, len(self._head) + self._span.n_bytes)
        if start + offset < 0:
            raise ValueError("before the beginning")
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as the head, or the audio behind it, goes."""
        if self._position < len(self._head):
            data = self._head[self._position : self._position + len(buffer)]
        else:
            done = self._position - len(self._head)
            self._file.seek(self._span.at + done)
            data = self._file.read(max(0, min(len(buffer), self._span.n_bytes - done)))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
