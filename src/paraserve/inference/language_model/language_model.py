"""Language model of one recognizer: the units that scores and an n-gram model find best together.

A folder holds FunASR's three files (`TLG.fst`, `config.yaml`, `lexicon.txt`) or `G.fst` with a `config.yaml` of ours,
made by `paraserve models lm`. In both an input label is a unit id plus 1.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from paraserve.errors import ModelLoadError
from paraserve.inference.language_model.graph import Graph, missing_packages, read_graph
from paraserve.inference.language_model.graph_file import check_graph_file
from paraserve.inference.text.units import BLANK_ID, SPECIAL_IDS, UNKNOWN, Vocabulary
from paraserve.types import Int

MAX_ORDER = 4
"""Units of the longest n-grams in a graph of ours."""

log = logging.getLogger(__name__)

GRAPH, FUNASR_GRAPH, LEXICON, CONFIG = "G.fst", "TLG.fst", "lexicon.txt", "config.yaml"
DEFAULT_WEIGHT = 0.1
"""FunASR's: its `am_scale` is 10. It costs little where the language model knows another kind of speech."""
NEVER, GIVEN_ELSE = -1e4, -50.0
"""Scores of a unit that must not be written, and of the others where one was given before: more than the beam."""
UNITS_BEFORE, FUNASR_UNITS_BEFORE = MAX_ORDER - 1, 20
"""Units before a chunk that are read again: as many as an n-gram looks back. FunASR's look back at words."""


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A graph, and the rules for its rows. Several threads may use it.

    Args:
        graph: its labels are unit ids plus 1.
        weight: of a log-probability of the language model beside one of the recognizer.
        is_ctc: the graph begins with FunASR's T, so a row of blank stands behind each row.
        is_left: bool (n_units,): a row in which this unit is best stays as it is.
        is_kept: bool (n_units,): the language model does not replace this unit where it is best.
        n_before: units that were given before and matter.
        on_failure: called where no path goes through the rows of a segment. On any thread.
    """

    graph: Graph
    weight: float
    is_ctc: bool
    is_left: npt.NDArray[np.bool_]
    is_kept: npt.NDArray[np.bool_]
    n_before: int = UNITS_BEFORE
    on_failure: Callable[[], None] = lambda: None

    def best_units(
        self, log_probs: npt.NDArray[np.float32], before: Sequence[int] = (), *, is_last: bool = True
    ) -> Int | None:
        """Return one unit for each row, int64 (n_rows,); None if no path goes through all of them.

        A row in which a unit that is no text is best stays: a language model over such rows would invent text.

        Args:
            log_probs: logarithms of probabilities (n_rows, n_units) before `</s>`, up to a constant of each row.
            before: units that were given already and stay.
            is_last: the utterance ends here.
        """
        found = self._best_units(log_probs, before, is_last=is_last)
        if found is None:
            self.on_failure()
        return found

    def _best_units(self, log_probs: npt.NDArray[np.float32], before: Sequence[int], *, is_last: bool) -> Int | None:
        if np.isnan(log_probs).any():
            return None
        ids: Int = log_probs.argmax(axis=1).astype(np.int64)
        rows = np.flatnonzero(~self.is_left[ids])
        if not len(rows):
            return ids
        given = [unit for unit in before if not self.is_left[unit]][-self.n_before :]
        labels = self.graph.best_labels(self._scores(log_probs[rows], given, is_last=is_last))
        if labels is None:
            return None
        no_units = (BLANK_ID + 1 if self.is_ctc else 0, self.graph.end_label)
        chosen = np.array([label - 1 for label in labels if label not in no_units], np.int64)
        if len(chosen) != len(given) + len(rows):
            return None
        best = ids[rows]
        ids[rows] = np.where(self.is_kept[best], best, chosen[len(given) :])
        return ids

    def _scores(
        self, log_probs: npt.NDArray[np.float32], given: Sequence[int], *, is_last: bool
    ) -> npt.NDArray[np.float32]:
        """Return the rows of the search (n, n_units + 1): given units, the others scaled, and the end of the text."""
        n_given, n_rows, n_units = len(given), *log_probs.shape
        step = 2 if self.is_ctc else 1
        scores = np.full((step * (n_given + n_rows) + is_last, n_units + 1), NEVER, np.float32)
        rows = scores[: step * (n_given + n_rows) : step, :n_units]
        rows[:n_given] = GIVEN_ELSE
        rows[np.arange(n_given), list(given)] = 0
        scaled = (log_probs - log_probs.max(axis=1, keepdims=True)) / np.float32(self.weight)
        rows[n_given:] = np.maximum(scaled, np.float32(NEVER))
        rows[n_given:, self.is_left] = NEVER
        if self.is_ctc:
            # Behind a blank row T is in its first state again. Without it equal units one after the other were one.
            rows[:, BLANK_ID] = NEVER
            scores[1 : step * (n_given + n_rows) : step, BLANK_ID] = 0
        if is_last:
            scores[-1, self.graph.end_label - 1] = 0
        return scores


def load_language_model(
    folder: Path,
    vocabulary: Vocabulary,
    weight: float | None = None,
    on_failure: Callable[[], None] = lambda: None,
) -> LanguageModel:
    """Load the language model of a folder for a recognizer of this vocabulary.

    Args:
        folder: FunASR's, or one of `paraserve models lm`.
        vocabulary: of the recognizer.
        weight: above 0. None = the one that the folder states, or 0.1.
        on_failure: called where no path goes through the rows of a segment. On any thread.

    Raises:
        ModelLoadError: a file is missing, damaged or made for another vocabulary, or a package is not installed.
    """
    if missing := missing_packages():
        raise ModelLoadError(f"{folder} needs {' and '.join(missing)}: pip install paraserve[lm]")
    is_ours = (folder / GRAPH).is_file()
    if not is_ours and not (folder / FUNASR_GRAPH).is_file():
        raise ModelLoadError(f"no language model in {folder}: it has neither {GRAPH} nor {FUNASR_GRAPH}")
    config = _read_config(folder)
    if is_ours:
        _check_units(folder, config, vocabulary)
    else:
        _check_funasr(folder, config)
    file = check_graph_file(folder / (GRAPH if is_ours else FUNASR_GRAPH), len(vocabulary))
    is_left = ~file.has_label[1 : len(vocabulary) + 1]
    is_left[[*SPECIAL_IDS, *([vocabulary.unknown_id] if UNKNOWN in vocabulary else [])]] = True
    is_kept = np.zeros(len(vocabulary), bool)
    if not is_ours:
        # FunASR's graph knows the Latin words of its lexicon only. Any other one could not come out.
        is_kept = np.array([unit.isascii() and unit.strip("@").isalpha() for unit in vocabulary.units])
    weight = weight if weight is not None else _own_weight(folder, config)
    n_before = UNITS_BEFORE if is_ours else FUNASR_UNITS_BEFORE
    is_ctc = bool(file.has_label[BLANK_ID + 1])
    graph = read_graph(file, len(vocabulary))
    return LanguageModel(graph, weight, is_ctc, is_left, is_kept, n_before, on_failure)


def units_digest(vocabulary: Vocabulary) -> str:
    """Return the SHA-256 of a vocabulary, in hex: a language model belongs to one."""
    return hashlib.sha256("\n".join(vocabulary.units).encode()).hexdigest()


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    try:
        config = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ModelLoadError(f"cannot read {path}: {error}") from error
    if not isinstance(config, dict):
        raise ModelLoadError(f"cannot read {path}: expected a mapping of options")
    return config


def _check_units(folder: Path, config: dict[str, Any], vocabulary: Vocabulary) -> None:
    if config.get("units_sha256") != units_digest(vocabulary):
        raise ModelLoadError(f"the language model {folder} is made for another recognizer than that of tokens.json")


def _check_funasr(folder: Path, config: dict[str, Any]) -> None:
    words = config.get("token_list")
    if not isinstance(words, list) or not words:
        raise ModelLoadError(f"cannot use {folder / CONFIG}: token_list is no list of words")
    if not (folder / LEXICON).is_file():
        raise ModelLoadError(f"no {LEXICON} in {folder}: FunASR's language models come with one")


def _own_weight(folder: Path, config: dict[str, Any]) -> float:
    weight = config.get("weight", DEFAULT_WEIGHT)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= 10:
        raise ModelLoadError(f"cannot use {folder / CONFIG}: weight is no number above 0 and up to 10")
    return float(weight)
