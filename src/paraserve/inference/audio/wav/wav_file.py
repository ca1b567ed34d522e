"""Wav files, wherever their audio is: uncompressed, by libsndfile, or by FFmpeg where libsndfile gives up."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO, Protocol

import soundfile

from paraserve.inference.audio.source_chunks import SourceChunk, chunk_frames, in_range
from paraserve.inference.audio.wav.plain_wav import PlainWavSource
from paraserve.inference.audio.wav.riff import SpanFile, WavAudio, WavSpan, find_audio
from paraserve.types import RecordingInfo


class Source(Protocol):
    """Reader of a recording's audio. `warnings` are codes and sentences about what the file got wrong."""

    @property
    def info(self) -> RecordingInfo:
        """What the container states."""
        ...

    @property
    def damaged_packets(self) -> int:
        """Number of packets so far that were missing or could not be decoded."""
        ...

    @property
    def warnings(self) -> Sequence[tuple[str, str]]:
        """See above."""
        ...

    def chunks(self) -> Iterator[SourceChunk]:
        """Yield the audio."""
        ...

    def close(self) -> None:
        """Release the reader."""
        ...


def open_wav(file: BinaryIO, size_bytes: int) -> Source:
    """Open a wav file.

    Raises:
        AudioError: it is damaged beyond use, or its codec is not supported.
    """
    audio = find_audio(file, size_bytes)
    plain = PlainWavSource.open(file, audio)
    if plain is not None:
        return plain
    file.seek(0)
    if audio.is_exact or not audio.spans:
        return _library_source(file)
    return JoinedSource(file, audio)


def _library_source(file: BinaryIO) -> Source:
    source = SndfileSource.open(file)
    if source is not None:
        return source
    file.seek(0)
    from paraserve.inference.audio.demux import ContainerSource, open_container  # noqa: PLC0415 - large libraries

    return ContainerSource(open_container(file))


class JoinedSource:
    """Reader of several spans, or of one whose header lies, one after the other."""

    def __init__(self, file: BinaryIO, audio: WavAudio) -> None:
        self.warnings = audio.warnings
        self._file = file
        self._rest = audio.spans[1:]
        self._source = self._open(audio.spans[0])
        self._earlier_damage = 0
        is_whole = not self._rest
        self.info = self._source.info if is_whole else _without_duration(self._source.info)

    @property
    def damaged_packets(self) -> int:
        """Of all spans so far."""
        return self._earlier_damage + self._source.damaged_packets

    def chunks(self) -> Iterator[SourceChunk]:
        """Yield the audio of all spans."""
        yield from self._source.chunks()
        for span in self._rest:
            self._earlier_damage += self._source.damaged_packets
            self._source.close()
            self._source = self._open(span)
            yield from self._source.chunks()

    def close(self) -> None:
        """Release the present reader."""
        self._source.close()

    def _open(self, span: WavSpan) -> Source:
        plain = PlainWavSource.open(self._file, WavAudio([span]))
        return plain or _library_source(io.BufferedReader(SpanFile(self._file, span), 1 << 16))


class SndfileSource:
    """Reader of one span by libsndfile, which trusts the file's real length more than its header."""

    warnings: tuple[tuple[str, str], ...] = ()

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
    def open(cls, file: BinaryIO) -> "SndfileSource | None":
        """Open a wav; return None for a file that FFmpeg reads better.

        Those are files whose header libsndfile refuses, and MPEG streams in a wav, where it would stop at the first
        damaged packet.
        """
        try:
            reader = soundfile.SoundFile(file)
        except soundfile.LibsndfileError:
            return None
        if reader.subtype.startswith("MPEG"):
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


def _without_duration(info: RecordingInfo) -> RecordingInfo:
    return replace(info, duration_ms=None)
