"""The recordings named on the command line."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """A recording as the user named it."""

    name: str

    @property
    def stem(self) -> str:
        """What its output files are called."""
        return "stdin" if self.name == STDIN else Path(self.name).stem

    @property
    def filename(self) -> str:
        """What a server is told."""
        return "stdin" if self.name == STDIN else Path(self.name).name

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The bytes, seekable: standard input and pipes are copied to an unlinked temporary file first.

        Raises:
            OSError: it cannot be read.
        """
        with _opened(self.name) as file:
            if file.seekable():
                yield file
                return
            with tempfile.TemporaryFile() as copy:
                shutil.copyfileobj(file, copy)
                copy.seek(0)
                yield copy


def _opened(name: str) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if name == STDIN else Path(name).open("rb")


def output_paths(sources: Sequence[Source], folder: Path, suffix: str) -> list[Path]:
    """`folder/<stem>.<suffix>` for each source; a stem that is taken gets -2, -3, ..."""
    taken: set[str] = set()
    paths = []
    for source in sources:
        stem, n = source.stem, 1
        while stem in taken:
            n += 1
            stem = f"{source.stem}-{n}"
        taken.add(stem)
        paths.append(folder / f"{stem}.{suffix}")
    return paths


def write_atomically(path: Path, text: str) -> None:
    """Write so that `path` holds either what was there before or all of `text`.

    Raises:
        OSError: the folder cannot be written to.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, "utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
