"""Texts of a folder as unit ids, sentence by sentence."""

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path

from paraserve.errors import ParaserveError
from paraserve.inference.spelling import Spelling, UnknownUnitError, plain
from paraserve.text_files import MARKS

TEXT_SUFFIXES = frozenset((".txt", ".text"))
MAX_LINE_CHARACTERS = 64 * 1024
"""A longer line is read in parts, so a file without line ends takes no more memory."""
CACHED_WORDS = 65_536
N_EXAMPLES = 5

_SENTENCE_END = re.compile(r"[。！？!?;；…]+|\.(?=\s|$)")
_WORD = re.compile(r"[a-z\u00df-\u00f6\u00f8-\u024f]+(?:'[a-z]+)*|[^\W_]")


class TextError(ParaserveError, ValueError):
    """A text cannot be used. The message names the file."""

    code = "invalid_text"


def text_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files among the paths, and the .txt and .text files of the folders among them, sorted.

    Raises:
        TextError: a path is not there, or a folder has no texts.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(
                file for file in path.rglob("*") if file.suffix.lower() in TEXT_SUFFIXES and file.is_file()
            )
            if not found:
                raise TextError(f"no texts (*.txt) in {path}")
            files += found
        elif path.is_file():
            files.append(path)
        else:
            raise TextError(f"no such file or folder: {path}")
    return files


@dataclass(slots=True)
class TextReader:
    """Reads texts in the units of a recognizer, and counts the words that it has no units for."""

    spelling: Spelling
    n_unknown: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    _units: "dict[str, tuple[int, ...] | None]" = field(default_factory=dict)

    def sentences(self, text: str) -> Iterator[list[int]]:
        """Yield the unit ids of each sentence of a text. An unknown word is `<unk>`, marks are nothing."""
        for sentence in _SENTENCE_END.split(text):
            ids = [unit for word in _WORD.findall(plain(sentence)) for unit in self._word(word)]
            if ids:
                yield ids

    @property
    def examples(self) -> str:
        """The words most often unknown."""
        return " ".join(word for word, _ in self.unknown.most_common(N_EXAMPLES))

    def _word(self, word: str) -> tuple[int, ...]:
        units = self._spelled(word)
        if units is not None:
            return units
        self.n_unknown += 1
        if word in self.unknown or len(self.unknown) < CACHED_WORDS:
            self.unknown[word] += 1
        return (self.spelling.vocabulary.unknown_id,)

    def _spelled(self, word: str) -> tuple[int, ...] | None:
        if word not in self._units:
            if len(self._units) >= CACHED_WORDS:
                self._units.clear()
            try:
                self._units[word] = next(iter(self.spelling.spell(word)), None)
            except UnknownUnitError:
                self._units[word] = None
        return self._units[word]


def read_lines(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the lines of a text file and the bytes read so far. UTF-8, or UTF-16 with a byte order mark.

    Raises:
        TextError: it is no text of these encodings, or cannot be read.
    """
    try:
        with path.open("rb") as raw:
            start = raw.peek(len(codecs.BOM_UTF8))
            encoding = next((encoding for mark, encoding in MARKS if start.startswith(mark)), "utf-8")
            with TextIOWrapper(raw, encoding) as file:
                while line := file.readline(MAX_LINE_CHARACTERS):
                    yield line, raw.tell()
    except UnicodeError as error:
        raise TextError(f"{path} is no UTF-8 text: {error}") from error
    except OSError as error:
        raise TextError(f"cannot read {path}: {error.strerror}") from error
