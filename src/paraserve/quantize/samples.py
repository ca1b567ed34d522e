"""Samples that models are measured on: the files of a folder, and what each kind of model takes of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from paraserve.errors import ParaserveError
from paraserve.inference.audio.synthetic_speech import synthetic_speech
from paraserve.text_files import read_text_file
from paraserve.types import Samples, SegmentAudio, ms_to_samples, samples_to_ms

AUDIO_SUFFIXES = frozenset(
    (
        ".3gp", ".aac", ".ac3", ".aif", ".aiff", ".amr", ".au", ".caf", ".flac", ".m4a", ".mka", ".mkv", ".mov",
        ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".spx", ".w64", ".wav", ".webm", ".wma",
    )
)  # fmt: skip
TEXT_SUFFIX = ".txt"
SYNTHETIC_MS = 10_000
SYNTHETIC_WORDS = ("one",) * 100
TIMED_MS = 20_000
TIMED_RECORDING_MS = 60_000
TIMED_TEXTS = 5

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class SampleSet:
    """Inputs for each kind of model.

    Args:
        recordings: samples of whole recordings, for detectors.
        segments: the speech in them, for recognizers.
        texts: the words of texts without marks, for punctuation.
    """

    recordings: tuple[Samples, ...] = ()
    segments: tuple[SegmentAudio, ...] = ()
    texts: tuple[tuple[str, ...], ...] = ()

    def beginning(self) -> "SampleSet":
        """Return the first samples, enough to measure speed: about 20 s of speech."""
        recordings = [recording[: ms_to_samples(TIMED_RECORDING_MS)] for recording in self.recordings]
        return SampleSet(
            tuple(_first(recordings, len)),
            tuple(_first(self.segments, lambda segment: len(segment.samples))),
            self.texts[:TIMED_TEXTS],
        )


def synthetic_samples() -> SampleSet:
    """Return invented syllables and words, to measure speed without a recording."""
    speech = synthetic_speech(SYNTHETIC_MS)
    return SampleSet((speech,), (SegmentAudio(speech),), (SYNTHETIC_WORDS,))


def sample_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the recordings and the text files below a folder, in order of their names. Hidden ones do not count.

    Raises:
        ParaserveError: the folder is not there, or has neither.
    """
    if not folder.is_dir():
        raise ParaserveError(f"folder of samples not found: {folder}")
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and not _is_hidden(path, folder)]
    audio = [path for path in found if path.suffix.lower() in AUDIO_SUFFIXES]
    texts = [path for path in found if path.suffix.lower() == TEXT_SUFFIX]
    if not audio and not texts:
        raise ParaserveError(f"{folder} has no samples: expected recordings (.wav, .mp3, ...) or texts (.txt)")
    return audio, texts


def read_texts(paths: Sequence[Path], report: Callable[[str], None]) -> Iterator[tuple[str, ...]]:
    """Yield the words of each line of text files: marks are left out, a Chinese character is a word.

    A file that cannot be read is named to `report`.
    """
    for path in paths:
        try:
            lines = read_text_file(path).splitlines()
        except (OSError, UnicodeDecodeError) as error:
            report(f"{path}: {error}")
            continue
        yield from filter(None, map(words_of_line, lines))


def words_of_line(line: str) -> tuple[str, ...]:
    """Return the words of a line without marks: runs of Latin letters and digits, and other characters alone."""
    words: list[str] = []
    is_open = False
    for character in line:
        is_latin = character.isascii() and (character.isalnum() or character == "'")
        if is_latin and is_open:
            words[-1] += character
        elif is_latin or character.isalnum():
            words.append(character)
        is_open = is_latin
    return tuple(words)


def _first(items: Sequence[Item], n_samples: Callable[[Item], int]) -> Iterator[Item]:
    """Yield the first items, until they have `TIMED_MS`."""
    total_ms = 0
    for item in items:
        if total_ms >= TIMED_MS:
            return
        total_ms += samples_to_ms(n_samples(item))
        yield item


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)
