"""The recordings named on the command line."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from paraserve.errors import ParaserveError

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """A recording as the user named it. `copy` holds the bytes of one that can be read only once."""

    name: str
    copy: BinaryIO | None = None

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
        """The bytes, seekable.

        Raises:
            OSError: they cannot be read.
        """
        if self.copy is not None:
            self.copy.seek(0)
            yield self.copy
            return
        with Path(self.name).open("rb") as file:
            yield file


@contextmanager
def open_sources(names: Sequence[str]) -> Iterator[list[Source]]:
    """The recordings; standard input and pipes are read to their end into unlinked temporary files first.

    Raises:
        ParaserveError: a pipe cannot be read.
    """
    with ExitStack() as stack:
        yield [Source(name, stack.enter_context(_copied(name)) if _is_pipe(name) else None) for name in names]


def _is_pipe(name: str) -> bool:
    return name == STDIN or Path(name).is_fifo()


@contextmanager
def _copied(name: str) -> Iterator[BinaryIO]:
    path = Path("/dev/stdin" if name == STDIN else name)
    with tempfile.TemporaryFile() as copy:
        try:
            with path.open("rb") as pipe:
                shutil.copyfileobj(pipe, copy)
        except OSError as error:
            raise ParaserveError(f"cannot read {path}: {error.strerror}") from None
        yield copy


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
