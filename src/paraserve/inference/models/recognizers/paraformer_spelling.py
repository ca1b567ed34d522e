"""Spelling of a Paraformer's folder, without its graphs."""

from pathlib import Path

from paraserve.inference.models.model_files import read_config, read_units
from paraserve.inference.models.recognizers.paraformer_hotwords import read_segments
from paraserve.inference.spelling import Spelling
from paraserve.inference.text.units import Vocabulary


def read_spelling(directory: Path) -> Spelling:
    """Return the spelling of words in the units of a folder, by its `tokens.json`, `seg_dict` and `config.yaml`.

    Raises:
        ModelLoadError: a file is missing or damaged.
    """
    lang = read_config(directory).get("lang")
    return Spelling(Vocabulary(read_units(directory)), read_segments(directory / "seg_dict"), lang)
