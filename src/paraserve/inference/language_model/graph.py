"""Graphs of language models and the best path through one: the only importer of kaldifst and kaldi_decoder.

Both packages come with the extra `lm`. Source of the search: Kaldi's `FasterDecoder`, a beam search over a weighted
automaton (Mohri, Pereira and Riley, "Weighted Finite-State Transducers in Speech Recognition", 2002).
"""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from paraserve.errors import ModelLoadError
from paraserve.inference.language_model.graph_file import GraphFile

PACKAGES = {"kaldifst": "kaldifst", "kaldi_decoder": "kaldi-decoder"}
"""Modules, and the packages that pip installs for them."""
BEAM = 15.0
"""In nats of the scaled scores. FunASR's 3 is far too narrow without its 200 active states at least, which cost 50
times as much."""
MAX_ACTIVE = 2000
"""States in one row at most. Without a bound a row of equal scores takes minutes."""


class Arc(NamedTuple):
    """An arc of an acceptor. `label` is a unit id plus 1, or 0 for none. `cost` in nats."""

    source: int
    label: int
    cost: float
    target: int


def missing_packages() -> list[str]:
    """Return the packages that a language model needs and that are not installed."""
    return [package for module, package in PACKAGES.items() if find_spec(module) is None]


class Graph:
    """A graph that several threads may search at once.

    The end of a text is an arc with a label of its own, `n_units + 1`. The library would take the cost of an end into
    account behind every last row, also where the text goes on.
    """

    def __init__(self, fst: Any, n_units: int) -> None:
        self.end_label = n_units + 1
        self._fst = fst

    def best_labels(self, scores: npt.NDArray[np.float32]) -> list[int] | None:
        """Return the input labels on the best path, without 0; None if no path goes through all rows.

        `scores` are (n_rows, n_units + 1), in nats. Column i is for label i + 1.
        """
        import kaldi_decoder  # noqa: PLC0415 -- optional, and 30 ms
        import kaldifst  # noqa: PLC0415

        options = kaldi_decoder.FasterDecoderOptions(beam=BEAM, max_active=MAX_ACTIVE, min_active=0)
        decoder = kaldi_decoder.FasterDecoder(self._fst, options)
        decoder.decode(kaldi_decoder.DecodableCtc(np.ascontiguousarray(scores, np.float32)))
        found, path = decoder.get_best_path()
        if not found:
            return None
        found, labels, _words, _weight = kaldifst.get_linear_symbol_sequence(path)
        return [label for label in labels if label] if found else None


def read_graph(file: GraphFile, n_units: int) -> Graph:
    """Read a graph that was checked, for so many units.

    Raises:
        ModelLoadError: the library cannot read it.
    """
    import kaldifst  # noqa: PLC0415

    reader = kaldifst.StdVectorFst if file.kind == "vector" else kaldifst.StdConstFst
    fst = reader.read(str(file.path))
    if fst is None:
        raise ModelLoadError(f"cannot read {file.path}: no graph of OpenFST", code="model_file_damaged")
    if file.kind == "const":
        fst = kaldifst.StdVectorFst(fst)
    end = fst.add_state()
    for state in np.flatnonzero(np.isfinite(file.finals)).tolist():
        fst.add_arc(state, kaldifst.StdArc(n_units + 1, 0, float(file.finals[state]), end))
        fst.set_final(state, float("inf"))
    return Graph(fst, n_units)


def write_acceptor(path: Path, n_states: int, start: int, arcs: Iterable[Arc], finals: dict[int, float]) -> None:
    """Write a graph whose output labels are its input labels.

    Args:
        path: of the file.
        n_states: number of states.
        start: the state to start in.
        arcs: of all states.
        finals: cost in nats of ending in each state that may be the last.

    Raises:
        OSError: it cannot be written.
    """
    import kaldifst  # noqa: PLC0415

    fst = kaldifst.StdVectorFst()
    for _ in range(n_states):
        fst.add_state()
    fst.start = start
    for arc in arcs:
        fst.add_arc(arc.source, kaldifst.StdArc(arc.label, arc.label, arc.cost, arc.target))
    for state, cost in finals.items():
        fst.set_final(state, cost)
    if not fst.write(str(path)):
        raise OSError(f"cannot write {path}")
