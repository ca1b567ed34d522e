"""`paraserve models lm`: a language model from an ARPA file or from texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from paraserve.catalog.store import bundle_root, models_folder
from paraserve.cli.config import read_settings
from paraserve.cli.progress import Bars
from paraserve.errors import ParaserveError
from paraserve.inference.language_model.graph import missing_packages
from paraserve.inference.models.load import recognizer_spelling
from paraserve.inference.spelling import Spelling
from paraserve.ngrams.arpa import is_arpa, read_arpa, write_arpa
from paraserve.ngrams.building import check_folder, train, write_folder
from paraserve.ngrams.tables import NgramModel
from paraserve.ngrams.texts import text_files


@dataclass(frozen=True, slots=True)
class LanguageModelFlags:
    """What is asked for beside the texts. Each None leaves the choice to the settings or to the texts."""

    bundle: str | None
    order: int
    max_ngrams: int | None
    weight: float | None
    arpa: Path | None


def make_language_model(paths: Sequence[Path], flags: LanguageModelFlags) -> None:
    """Make a language model of all paths but the last in the last, and print what it is like.

    Raises:
        ParaserveError: a path cannot be used, or a package is missing.
    """
    if len(paths) < 2:
        raise ParaserveError("name an ARPA file or texts, and then the folder to make", code="invalid_option")
    if missing := missing_packages():
        raise ParaserveError(f"{' and '.join(missing)} is missing: pip install kaldi-decoder kaldifst")
    *sources, folder = paths
    settings = read_settings({})
    root = bundle_root(
        flags.bundle or next(iter(settings.model_entries.values())).bundle, models_folder(settings.models_dir)
    )
    spelling = recognizer_spelling(root / "asr" if (root / "asr").is_dir() else root)
    check_folder(folder)
    model = _model(sources, spelling, flags.order, flags.max_ngrams)
    if flags.arpa is not None:
        write_arpa(model, spelling.vocabulary, flags.arpa)
    write_folder(model, spelling.vocabulary, folder, flags.weight)
    megabytes = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    print(f"{folder}\t{model.order}-gram model of {model.n_ngrams} n-grams, {megabytes:.1f} MB")


def _model(sources: list[Path], spelling: Spelling, order: int, max_ngrams: int | None) -> NgramModel:
    files = text_files(sources)
    with Bars() as bars:
        if any(is_arpa(file) for file in files):
            if len(files) > 1:
                raise ParaserveError("an ARPA file makes a language model alone", code="invalid_option")
            with bars.bar(files[0].name) as on_progress:
                read = read_arpa(files[0], spelling.vocabulary, on_progress)
            if read.n_left_out:
                _say(f"{read.n_left_out} n-grams are left out: too long, or with words that are no units")
            return read.model
        with bars.bar("texts") as on_progress:
            trained = train(files, spelling, order, max_ngrams, on_progress)
    _say(f"{len(files)} texts, {trained.n_sentences} sentences, {trained.n_units} units")
    if trained.n_unknown:
        _say(f"{trained.n_unknown} words have no units: {trained.unknown_examples}")
    if trained.n_forgotten:
        _say(f"{trained.n_forgotten} rare n-grams are left out, to keep the memory bounded")
    return trained.model


def _say(line: str) -> None:
    typer.echo(f"paraserve: {line}", err=True)
