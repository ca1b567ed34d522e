"""ARPA files, the text form of n-gram models that SRILM, KenLM and others write, over the units of a recognizer.

Source of the format: SRILM's manual page ngram-format(5).
"""

import gzip
import math
import re
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import TextIOWrapper
from itertools import count
from pathlib import Path
from typing import TextIO

import numpy as np

from paraserve.errors import ParaserveError
from paraserve.inference.language_model.language_model import MAX_ORDER
from paraserve.inference.text.units import EOS_ID, SOS_ID, UNKNOWN, Vocabulary
from paraserve.ngrams.tables import MAX_UNITS, NEVER, UNIT_BITS, NgramModel, Table, histories, model_of, unpack

LN_10 = math.log(10)
BEGIN, END = "<s>", "</s>"
_COUNT = re.compile(r"ngram (\d+)\s*=\s*(\d+)")
_SECTION = re.compile(r"\\(\d+)-grams:")
GZIP = b"\x1f\x8b"

OnBytes = Callable[[int, int], None]
"""Called with the bytes that are read and the size of the file."""


class ArpaError(ParaserveError, ValueError):
    """The file is no ARPA file, or not one over the units of the recognizer. The message names the line."""

    code = "invalid_language_model"


@dataclass(frozen=True, slots=True)
class ReadModel:
    """A model, and how many n-grams of the file are not in it since one of their words is no unit."""

    model: NgramModel
    n_left_out: int


@dataclass(slots=True)
class _Column:
    """N-grams of one length as they come."""

    keys: "array[int]" = field(default_factory=lambda: array("Q"))
    log_probs: "array[float]" = field(default_factory=lambda: array("d"))
    backoffs: "array[float]" = field(default_factory=lambda: array("d"))


def is_arpa(path: Path) -> bool:
    """Return whether a file is an ARPA file: by its name, or by the line that it begins with."""
    if path.name.removesuffix(".gz").endswith((".arpa", ".lm")):
        return True
    with path.open("rb") as file:
        return file.read(64).lstrip().startswith(b"\\data\\")


def read_arpa(path: Path, vocabulary: Vocabulary, on_bytes: OnBytes = lambda _done, _total: None) -> ReadModel:
    """Read a model whose words are units. `.gz` files too. N-grams of more than four units are left out.

    The memory is 24 bytes for each n-gram, and as much again at the end.

    Raises:
        ArpaError: the file cannot be used.
        OSError: it cannot be read.
    """
    if len(vocabulary) > MAX_UNITS:
        raise ArpaError(f"a vocabulary of {len(vocabulary)} units: at most {MAX_UNITS} are supported")
    ids: dict[str, int] = {unit: i for i, unit in enumerate(vocabulary.units)} | {BEGIN: SOS_ID, END: EOS_ID}
    if UNKNOWN in vocabulary:
        ids |= dict.fromkeys((UNKNOWN, UNKNOWN.upper()), vocabulary.unknown_id)
    try:
        with _open(path, on_bytes) as lines:
            return _read(path, lines, ids)
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
        raise ArpaError(f"cannot read {path}: {error}") from error


def write_arpa(model: NgramModel, vocabulary: Vocabulary, path: Path) -> None:
    """Write a model as text, with ten digits a number.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("w", encoding="utf-8") as file:
        file.write("\\data\\\n")
        for length, table in enumerate(model.tables, 1):
            file.write(f"ngram {length}={len(table.keys)}\n")
        for length, table in enumerate(model.tables, 1):
            file.write(f"\n\\{length}-grams:\n")
            for ids, log_prob, backoff in zip(
                unpack(table.keys, length).tolist(), table.log_probs.tolist(), table.backoffs.tolist(), strict=True
            ):
                words = " ".join(vocabulary.texts(ids))
                behind = "" if length == model.order else f"\t{backoff / LN_10:.10g}"
                file.write(f"{log_prob / LN_10:.10g}\t{words}{behind}\n")
        file.write("\n\\end\\\n")


@contextmanager
def _open(path: Path, on_bytes: OnBytes) -> Iterator[Iterator[str]]:
    n_bytes = path.stat().st_size
    with path.open("rb") as raw:
        content = gzip.GzipFile(fileobj=raw) if raw.peek(len(GZIP)).startswith(GZIP) else raw
        with TextIOWrapper(content, "utf-8-sig") as text:
            yield _lines(text, raw.tell, n_bytes, on_bytes)


def _lines(text: TextIO, tell: Callable[[], int], n_bytes: int, on_bytes: OnBytes) -> Iterator[str]:
    for i, line in enumerate(text):
        if i % 10_000 == 0:
            on_bytes(tell(), n_bytes)
        yield line.rstrip("\r\n")


def _read(path: Path, lines: Iterator[str], ids: Mapping[str, int]) -> ReadModel:
    columns: list[_Column] = []
    length, has_begun, has_ended, n_left_out, stated = 0, False, False, 0, {}
    numbers = count(1)
    for number, line in zip(numbers, lines, strict=False):
        if not line.strip():
            continue
        if line.startswith("\\"):
            if line.startswith("\\end\\"):
                has_ended = True
                break
            has_begun = has_begun or line.startswith("\\data\\")
            if section := _SECTION.match(line):
                length = int(section[1])
                if length != len(columns) + 1 and length <= MAX_ORDER:
                    raise ArpaError(f"{path}, line {number}: {length}-grams come before {len(columns) + 1}-grams")
                columns += [_Column()] if length <= MAX_ORDER else []
        elif length == 0:
            if has_begun and (found := _COUNT.match(line)):
                stated[int(found[1])] = int(found[2])
        elif length <= MAX_ORDER:
            n_left_out += not _add(columns[-1], line, length, ids, f"{path}, line {number}")
        else:
            n_left_out += 1
    _check_whole(path, columns, stated, has_ended=has_ended, n_left_out=n_left_out)
    return ReadModel(_model(path, columns, is_cut=max(stated) > MAX_ORDER), n_left_out)


def _add(column: _Column, line: str, length: int, ids: Mapping[str, int], place: str) -> bool:
    """Add the n-gram of a line; False if one of its words is no unit."""
    parts = line.split()
    if len(parts) not in (length + 1, length + 2):
        raise ArpaError(f"{place}: {len(parts)} fields in a line of {length}-grams")
    try:
        log_prob, backoff = float(parts[0]), float(parts[length + 1]) if len(parts) > length + 1 else 0.0
    except ValueError:
        raise ArpaError(f"{place}: a probability is no number") from None
    if not log_prob <= 0 or not math.isfinite(backoff):
        raise ArpaError(f"{place}: a probability is above 1 or no number")
    key = 0
    for word in parts[1 : length + 1]:
        if (unit := ids.get(word)) is None:
            return False
        key = key << UNIT_BITS | unit
    column.keys.append(key)
    column.log_probs.append(max(log_prob * LN_10, NEVER))
    column.backoffs.append(max(backoff * LN_10, NEVER))
    return True


def _check_whole(
    path: Path, columns: list[_Column], stated: dict[int, int], *, has_ended: bool, n_left_out: int
) -> None:
    if not stated or not columns:
        raise ArpaError(f"{path} is no ARPA file: it has no \\data\\ and no \\1-grams:")
    n_read = sum(len(column.keys) for column in columns) + n_left_out
    if not has_ended or n_read != sum(stated.values()):
        raise ArpaError(f"{path} is cut off: {n_read} of {sum(stated.values())} n-grams are there")
    if not {*columns[0].keys} - {SOS_ID, EOS_ID}:
        raise ArpaError(f"{path}: none of its words is a unit of the recognizer, so it is made for another one")
    if EOS_ID not in columns[0].keys:
        raise ArpaError(f"{path}: {END} is not among its 1-grams, so no text can end")


def _model(path: Path, columns: list[_Column], *, is_cut: bool) -> NgramModel:
    tables: list[Table] = []
    for length, column in enumerate(columns, 1):
        keys, rows = np.unique(np.array(column.keys, np.uint64), return_index=True)
        if len(keys) != len(column.keys):
            raise ArpaError(f"{path}: {len(column.keys) - len(keys)} {length}-grams come twice")
        tables.append(Table(keys, np.array(column.log_probs)[rows], np.array(column.backoffs)[rows]))
        if length > 1 and not np.isin(histories(keys), tables[-2].keys).all():
            raise ArpaError(f"{path}: a {length}-gram begins with units that are no {length - 1}-gram")
    if is_cut:  # the back-off weights of the last length lead to nothing now
        return model_of([(table.keys, table.log_probs) for table in tables])
    return NgramModel(tuple(tables))
