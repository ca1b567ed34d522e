"""Folder of a language model, made from an ARPA file or from texts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from paraserve.catalog.manifest import MANIFEST, write_manifest
from paraserve.errors import ParaserveError
from paraserve.inference.language_model.language_model import CONFIG, GRAPH, units_digest
from paraserve.inference.spelling import Spelling
from paraserve.inference.text.units import EOS_ID, SPECIAL_IDS, Vocabulary
from paraserve.ngrams.acceptor import write_graph
from paraserve.ngrams.counting import MAX_KINDS, NgramCounter
from paraserve.ngrams.kneser_ney import kneser_ney
from paraserve.ngrams.pruning import pruned
from paraserve.ngrams.tables import MAX_UNITS, NgramModel
from paraserve.ngrams.texts import TextError, TextReader, read_lines

OUR_FILES = frozenset((GRAPH, CONFIG, MANIFEST))

OnProgress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, and what it was made of. `n_forgotten` counts kinds of n-grams that had no room."""

    model: NgramModel
    n_sentences: int
    n_units: int
    n_unknown: int
    unknown_examples: str
    n_forgotten: int


def train(
    files: Sequence[Path],
    spelling: Spelling,
    order: int,
    max_ngrams: int | None,
    on_progress: OnProgress,
    *,
    max_kinds: int = MAX_KINDS,
) -> Trained:
    """Return the modified Kneser-Ney model of texts.

    Args:
        files: the texts.
        spelling: of the recognizer's units.
        order: units of the longest n-grams, 2 to 4.
        max_ngrams: about the most n-grams of two units and more. None = all.
        on_progress: called with the bytes that are read, and their sum.
        max_kinds: kinds of longest n-grams that are counted at once, which bounds the memory.

    Raises:
        TextError: a text cannot be read, or there are no words in any.
    """
    vocabulary = spelling.vocabulary
    if len(vocabulary) > MAX_UNITS:
        raise TextError(f"a vocabulary of {len(vocabulary)} units: at most {MAX_UNITS} are supported")
    reader, counter = TextReader(spelling), NgramCounter(order, max_kinds)
    n_before, n_bytes = 0, sum(file.stat().st_size for file in files)
    for file in files:
        for line, position in read_lines(file):
            for ids in reader.sentences(line):
                counter.add(ids)
            on_progress(n_before + position, n_bytes)
        n_before += file.stat().st_size
    keys, counts = counter.result()
    if not len(keys):
        raise TextError("there are no words in the texts")
    units = np.array([EOS_ID, *(i for i in range(len(vocabulary)) if i not in SPECIAL_IDS)], np.int64)
    model = kneser_ney(keys, counts, order, units)
    if max_ngrams is not None:
        model = pruned(model, max_ngrams)
    return Trained(model, counter.n_texts, counter.n_units, reader.n_unknown, reader.examples, counter.n_forgotten)


def write_folder(model: NgramModel, vocabulary: Vocabulary, folder: Path, weight: float | None) -> None:
    """Write `G.fst`, `config.yaml` and `manifest.json`. An older language model in the folder is replaced.

    Args:
        model: over the units of the vocabulary.
        vocabulary: of the recognizer.
        folder: may be there.
        weight: that the folder asks for. None = none.

    Raises:
        ParaserveError: the folder holds other files.
        OSError: it cannot be written.
    """
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    part = folder / f".{GRAPH}.part"
    try:
        write_graph(model, part)
        part.replace(folder / GRAPH)
    finally:
        part.unlink(missing_ok=True)
    facts = {"units_sha256": units_digest(vocabulary), "order": model.order, "ngrams": model.n_ngrams}
    (folder / CONFIG).write_text(yaml.safe_dump(facts | ({} if weight is None else {"weight": weight})), "utf-8")
    write_manifest(folder, folder.name, {})


def check_folder(folder: Path) -> None:
    """Refuse a folder for a language model that holds anything else.

    Raises:
        ParaserveError: it does, or it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise ParaserveError(f"{folder} is no folder")
    others = sorted(path.name for path in folder.iterdir() if path.name not in OUR_FILES) if folder.is_dir() else []
    if others:
        raise ParaserveError(f"{folder} holds other files ({', '.join(others[:3])}): name a new folder")
