"""Wav files, read by libsndfile."""

from collections.abc import Iterator
from typing import BinaryIO

import soundfile

from paraserve.inference.audio.source_chunks import SourceChunk, chunk_frames, in_range
from paraserve.types import RecordingInfo

STREAMED_WAV_BYTES = 4096
"""A longer wav whose header states no samples was streamed, and its header never completed."""


def is_wav(file: BinaryIO) -> bool:
    """Return whether a file begins like a RIFF, RIFX (big-endian) or RF64 (over 4 GiB) wav; rewind it."""
    head = file.read(12)
    file.seek(0)
    return head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:] == b"WAVE"


class WavSource:
    """Reader of a wav by libsndfile, which trusts the file's real length more than its header."""

    def __init__(self, reader: soundfile.SoundFile) -> None:
        self._reader = reader
        self.damaged_packets = 0
        self.info = RecordingInfo(
            container="wav",
            codec=str(reader.subtype).lower(),
            sample_rate=reader.samplerate,
            channels=reader.channels,
            duration_ms=reader.frames * 1000 // reader.samplerate,
        )

    @classmethod
    def open(cls, file: BinaryIO, size_bytes: int) -> "WavSource | None":
        """Open a wav; return None for a file that FFmpeg reads better.

        Those are files whose header libsndfile refuses or takes for empty, and MPEG streams in a wav, where it would
        stop at the first damaged packet.
        """
        try:
            reader = soundfile.SoundFile(file)
        except soundfile.LibsndfileError:
            return None
        has_no_samples = reader.frames == 0 and size_bytes > STREAMED_WAV_BYTES
        if has_no_samples or reader.subtype.startswith("MPEG"):
            reader.close()
            return None
        return cls(reader)

    def chunks(self) -> Iterator[SourceChunk]:
        """Yield the audio; a block that cannot be decoded (ADPCM) counts as damaged and ends the recording."""
        n_frames = chunk_frames(self.info.sample_rate, self.info.channels)
        while True:
            try:
                frames = self._reader.read(n_frames, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError:
                self.damaged_packets += 1
                return
            if not len(frames):
                return
            yield SourceChunk(in_range(frames), self.info.sample_rate)

    def close(self) -> None:
        """Release the reader."""
        self._reader.close()
