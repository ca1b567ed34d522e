"""Files that transcripts are written to: their names, how they are written, and which are done."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from paraserve.cli.inputs import STDIN, Source
from paraserve.errors import ParaserveError


class Numbering:
    """Names of files, each given once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def free(self, name: str) -> str:
        """Return the name; one that is taken gets -2, -3, ..."""
        free, n = name, 1
        while free in self._taken:
            n += 1
            free = f"{name}-{n}"
        self._taken.add(free)
        return free


def output_paths(sources: Sequence[Source], folder: Path, suffix: str) -> list[Path]:
    """Return `folder/<stem>.<suffix>` for each source; a stem that is taken gets -2, -3, ..."""
    numbering = Numbering()
    return [folder / f"{numbering.free(source.stem)}.{suffix}" for source in sources]


def lasting_paths(sources: Sequence[Source], folders: Sequence[Path], suffix: str) -> list[Path]:
    """Return `<folder>/<stem>.<suffix>` for each source and its folder, whatever other recordings come and go.

    Recordings of equal stems get their whole name: `talk.wav.srt` beside `talk.mp3.srt`. So a name never belongs to
    another recording than at the last run, which goes on with what it finds.
    """
    count = Counter((folder, source.stem) for folder, source in zip(folders, sources, strict=True))
    names = [
        folder / (source.stem if count[folder, source.stem] == 1 else source.filename)
        for folder, source in zip(folders, sources, strict=True)
    ]
    numbering = Numbering()
    return [Path(f"{numbering.free(str(name))}.{suffix}") for name in names]


def is_done(source: Source, path: Path | None) -> bool:
    """Return whether a transcript is there and newer than its recording. It was written as a whole or not at all."""
    if source.copy is not None or path is None:
        return False
    try:
        return path.stat().st_mtime_ns > Path(source.name).stat().st_mtime_ns
    except OSError:
        return False


def make_folder(folder: Path) -> None:
    """Make a folder with those above it.

    Raises:
        ParaserveError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ParaserveError(f"cannot create the folder {folder}: {error.strerror}") from None


def write_file(path: Path, text: str) -> None:
    """Write a transcript, and the folder that it is to be in.

    Raises:
        ParaserveError: it cannot be written.
    """
    make_folder(path.parent)
    try:
        write_atomically(path, text)
    except OSError as error:
        raise ParaserveError(f"cannot write {path}: {error.strerror}") from None


def write_atomically(path: Path, text: str) -> None:
    """Write `text` to `path`, which holds the earlier content until all of `text` is on the disk.

    Raises:
        OSError: the folder cannot be written to.
    """
    # Another process may write the same file: both write all of it, and the later one stays.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def beside(source: Source) -> Path:
    """Return the folder of a recording.

    Raises:
        ParaserveError: it comes from standard input.
    """
    if source.name == STDIN:
        raise ParaserveError("standard input has no folder to write to: give --output DIR")
    return Path(source.name).parent
