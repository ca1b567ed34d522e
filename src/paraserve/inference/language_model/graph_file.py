"""Check of a graph file in OpenFST's binary form, before its library reads it.

The library trusts a file: bytes that changed on the disk end in any way, also in memory that is not there. A label
beyond the vocabulary would be read from memory behind the matrix of scores. So every number of the file is looked at
here once.

Source: OpenFST 1.8, `FstHeader`, `VectorFst::Write` and `ConstFst::Write`; arcs of type "standard".
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from paraserve.errors import ModelLoadError

MAGIC, SYMBOLS_MAGIC = 2125659606, 2125658996
HAS_INPUT_SYMBOLS, HAS_OUTPUT_SYMBOLS, IS_ALIGNED = 1, 2, 4
ALIGNMENT_BYTES = 16
ARC_WORDS = 4
"""Input label, output label, weight, next state: four bytes each."""
VECTOR_STATE_WORDS = 3
"""Final weight, number of arcs (8 bytes)."""
CONST_STATE_WORDS = 5
"""Final weight, first arc, number of arcs, and of those without an input or an output label."""


class DamagedGraphError(ValueError):
    """The bytes are no graph, or not one for this vocabulary. The message says what is wrong."""


@dataclass(frozen=True, slots=True)
class GraphFile:
    """A graph file that was checked.

    Args:
        path: of the file.
        kind: form of the file.
        has_label: bool (n_units + 1,), whether each input label is on any arc.
        finals: costs in nats of ending in each state, infinite where no text ends.
    """

    path: Path
    kind: Literal["vector", "const"]
    has_label: npt.NDArray[np.bool_]
    finals: npt.NDArray[np.float32]


def check_graph_file(path: Path, n_units: int) -> GraphFile:
    """Return the facts of a graph whose input labels are unit ids plus 1.

    Raises:
        ModelLoadError: the file is missing, cut, damaged, or made for more units.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelLoadError(f"cannot read {path}: {error.strerror}") from error
    try:
        return _check(path, content, n_units)
    except struct.error:
        raise ModelLoadError(f"damaged language model: {path}: cut off", code="model_file_damaged") from None
    except (DamagedGraphError, UnicodeDecodeError) as error:
        raise ModelLoadError(f"damaged language model: {path}: {error}", code="model_file_damaged") from error


class _Reader:
    """Numbers and texts of a file, one after the other."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.position = 0

    def number(self, code: str) -> int:
        (value,) = struct.unpack_from("<" + code, self.content, self.position)
        self.position += struct.calcsize(code)
        return int(value)

    def text(self) -> str:
        length = self.number("i")
        if not 0 <= length <= len(self.content) - self.position:
            raise DamagedGraphError("cut off")
        self.position += length
        return self.content[self.position - length : self.position].decode()

    def words(self) -> npt.NDArray[np.int32]:
        rest = len(self.content) - self.position
        if rest % 4:
            raise DamagedGraphError("cut off")
        return np.frombuffer(self.content, "<i4", offset=self.position)


def _check(path: Path, content: bytes, n_units: int) -> GraphFile:
    reader = _Reader(content)
    if reader.number("i") != MAGIC:
        raise DamagedGraphError("no graph of OpenFST")
    kind, arc_kind = reader.text(), reader.text()
    if kind not in ("vector", "const") or arc_kind != "standard":
        raise DamagedGraphError(f"a graph of the kind {kind}, {arc_kind}: expected vector or const, standard")
    _version, flags, _properties = reader.number("i"), reader.number("i"), reader.number("Q")
    start, n_states, n_arcs = (reader.number("q") for _ in range(3))
    for flag in (HAS_INPUT_SYMBOLS, HAS_OUTPUT_SYMBOLS):
        if flags & flag:
            _skip_symbols(reader)
    if kind == "vector":
        finals, arcs = _vector_parts(reader.words(), n_states)
    else:
        finals, arcs = _const_parts(reader, n_states, n_arcs, is_aligned=bool(flags & IS_ALIGNED))
    _check_parts(start, finals, arcs, n_units)
    has_label = np.bincount(arcs[:, 0], minlength=n_units + 1) > 0
    return GraphFile(path, "vector" if kind == "vector" else "const", has_label, finals.view(np.float32))


def _skip_symbols(reader: _Reader) -> None:
    if reader.number("i") != SYMBOLS_MAGIC:
        raise DamagedGraphError("its table of symbols has no beginning")
    reader.text()
    reader.number("q")
    for _ in range(reader.number("q")):
        reader.text()
        reader.number("q")


Words = npt.NDArray[np.int32]


def _vector_parts(words: Words, n_states: int) -> tuple[Words, Words]:
    """Return the final weights (n_states,) as bits, and the arcs (n_arcs, 4)."""
    positions, position = [], 0
    while position < len(words):
        if position + VECTOR_STATE_WORDS > len(words):
            raise DamagedGraphError("cut off")
        positions.append(position)
        n_arcs = int(words[position + 1])
        if n_arcs < 0 or words[position + 2]:
            raise DamagedGraphError("a number of arcs is beyond all bounds")
        position += VECTOR_STATE_WORDS + ARC_WORDS * n_arcs
    if position != len(words) or n_states not in (-1, len(positions)):
        raise DamagedGraphError("it ends where it should not")
    heads = np.array(positions, np.int64)
    is_arc = np.ones(len(words), bool)
    is_arc[heads[:, None] + np.arange(VECTOR_STATE_WORDS)] = False
    return words[heads].copy(), words[is_arc].reshape(-1, ARC_WORDS)


def _const_parts(reader: _Reader, n_states: int, n_arcs: int, *, is_aligned: bool) -> tuple[Words, Words]:
    """Return the final weights (n_states,) as bits, and the arcs (n_arcs, 4)."""
    if min(n_states, n_arcs) < 0:
        raise DamagedGraphError("a number of states or arcs is below 0")

    def block(n_items: int, n_words: int) -> Words:
        if is_aligned:
            reader.position = -(-reader.position // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
        end = reader.position + 4 * n_items * n_words
        if end > len(reader.content):
            raise DamagedGraphError("cut off")
        found = np.frombuffer(reader.content[reader.position : end], "<i4").reshape(n_items, n_words)
        reader.position = end
        return found

    states, arcs = block(n_states, CONST_STATE_WORDS), block(n_arcs, ARC_WORDS)
    firsts, counts = states[:, 1].astype(np.int64), states[:, 2].astype(np.int64)
    if (firsts < 0).any() or (counts < 0).any() or (firsts + counts > n_arcs).any():
        raise DamagedGraphError("a state has arcs that are not there")
    return states[:, 0].copy(), arcs


def _check_parts(start: int, finals: Words, arcs: Words, n_units: int) -> None:
    if not 0 <= start < len(finals):
        raise DamagedGraphError("it has no state to start in")
    if not np.isfinite(finals.view(np.float32)).any():
        raise DamagedGraphError("it has no state that a text ends in")
    if np.isnan(finals.view(np.float32)).any() or np.isnan(arcs[:, 2].copy().view(np.float32)).any():
        raise DamagedGraphError("a weight is no number")
    if len(arcs) and not (arcs[:, 3].min() >= 0 and arcs[:, 3].max() < len(finals)):
        raise DamagedGraphError("an arc leads to a state that is not there")
    if len(arcs) and (arcs[:, :2] < 0).any():
        raise DamagedGraphError("a label is below 0")
    if len(arcs) and arcs[:, 0].max() > n_units:
        raise DamagedGraphError(
            f"it has labels up to {arcs[:, 0].max()}, the recognizer {n_units} units: it is made for another model"
        )
