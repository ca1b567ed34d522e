"""Hotwords of contextual Paraformers (SeACo, CLAS): words that the recognizer should expect, as vectors.

A hotword becomes units of the vocabulary. A small graph (`model_eb.onnx`) reads them one by one, and its state after
the last unit is the vector of the hotword. One more vector, of `<s>` alone, stands for "none of them".

Source: FunASR's `ContextualParaformer` (funasr_onnx), and its C++ runtime for units of Latin words (`seg_dict`).
Model: Shi et al., "SeACo-Paraformer: A Non-Autoregressive ASR System with Flexible and Effective Hotword
Customization", ICASSP 2024.
"""

import logging
import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from paraserve.errors import ModelLoadError
from paraserve.hotword_types import Hotword
from paraserve.inference.graphs.session import OnnxModel, Tensor
from paraserve.inference.text.units import SOS_ID, Vocabulary
from paraserve.text_files import read_text_file

log = logging.getLogger(__name__)

MAX_UNITS = 10
"""Length of the graph's input. FunASR's C++ runtime cuts longer hotwords, too."""
MAX_SHARED = 50
"""With more hotwords a SeACo graph takes those that fit the first segment of a batch, so each segment runs alone."""
CACHED_LISTS = 64
"""Lists of hotwords whose vectors are kept, since a client sends its list with every recording."""

_LATIN_WORD_OR_CHARACTER = re.compile(r"[a-z']+|[^a-z'\s]")


class Hotwords:
    """Encoder of hotwords to vectors. Several threads may use it."""

    def __init__(self, encoder: OnnxModel, vocabulary: Vocabulary, segments: Mapping[str, Sequence[str]]) -> None:
        self._vocabulary = vocabulary
        self._segments = segments
        # A method of this object in its own cache would keep the model until the next garbage collection.
        self.vectors = lru_cache(CACHED_LISTS)(partial(_vectors, encoder, vocabulary, segments))
        """`vectors(words)`: float32 (1, n + 1, dim), for the words that the vocabulary can spell and for "none"."""

    def units(self, hotword: str) -> list[str] | None:
        """Return the units of a hotword; None if the vocabulary cannot spell it.

        A Chinese character or a digit is a unit. The units of a Latin word stand in `seg_dict`, else it is one
        itself.
        """
        return _units(self._vocabulary, self._segments, hotword)


def _units(vocabulary: Vocabulary, segments: Mapping[str, Sequence[str]], hotword: str) -> list[str] | None:
    parts = _LATIN_WORD_OR_CHARACTER.findall(hotword.lower())
    units = [unit for part in parts for unit in segments.get(part, (part,))]
    return units if units and all(unit in vocabulary for unit in units) else None


def _vectors(
    encoder: OnnxModel, vocabulary: Vocabulary, segments: Mapping[str, Sequence[str]], words: tuple[Hotword, ...]
) -> Tensor:
    wanted = (word.text for word in words if word.weight > 0)
    spelled = [units[:MAX_UNITS] for word in wanted if (units := _units(vocabulary, segments, word)) is not None]
    ids = [vocabulary.ids(units) for units in spelled] + [[SOS_ID]]
    hotword = np.zeros((len(ids), MAX_UNITS), dtype=np.int32)
    for row, values in zip(hotword, ids, strict=True):
        row[: len(values)] = values
    (states,) = encoder.run({"hotword": hotword}).values()  # (units, hotwords, dim)
    last = [len(values) - 1 for values in ids]
    vectors: Tensor = states[last, np.arange(len(ids))][None]
    return vectors


def read_hotword_file(path: Path) -> tuple[Hotword, ...]:
    """Read FunASR's hotword file: `words weight` on each line, with spaces or tabs, in UTF-8 or UTF-16.

    Lines without a weight do not count, as in FunASR, and are logged. A word that comes twice has its larger weight.

    Raises:
        ModelLoadError: the file cannot be read.
    """
    try:
        lines = read_text_file(path).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelLoadError(f"cannot read the hotword file {path}: {error}") from error
    entries = [line.strip().rsplit(maxsplit=1) for line in lines if line.strip()]
    words = [Hotword(entry[0], weight) for entry in entries if (weight := _weight(entry)) is not None]
    if len(words) < len(entries):
        log.warning("%s: %d lines have no weight behind the words and do not count", path, len(entries) - len(words))
    largest: dict[str, float] = {}
    for word in words:
        largest[word.text] = max(word.weight, largest.get(word.text, word.weight))
    return tuple(Hotword(*entry) for entry in largest.items())


def _weight(entry: Sequence[str]) -> float | None:
    """Return the weight of a line's words, None without one."""
    try:
        weight = float(entry[1]) if len(entry) == 2 else math.nan
    except ValueError:
        return None
    return weight if math.isfinite(weight) else None


def read_segments(path: Path) -> dict[str, tuple[str, ...]]:
    """Read `seg_dict`, with a word and its units on each line. A missing file is an empty one.

    Raises:
        ModelLoadError: the file cannot be read.
    """
    try:
        lines = read_text_file(path).splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ModelLoadError(f"cannot read {path}: {error}") from error
    entries = (line.split() for line in lines)
    return {word: tuple(units) for word, *units in filter(None, entries) if units}
