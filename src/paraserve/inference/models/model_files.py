"""Files of a model directory in FunASR's layout. Each error names its file."""

import json
from pathlib import Path
from typing import Any

import yaml

from paraserve.errors import ModelLoadError
from paraserve.text_files import read_text_file

YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, where PyYAML was built with it: nine times as fast."""


def graph_file(
    directory: Path, stem: str = "model", quantize: bool | None = None, *, plain_first: bool = False
) -> Path:
    """Return the path of the int8 graph (`<stem>_quant.onnx`) or the float32 one (`<stem>.onnx`).

    Args:
        directory: the model directory.
        stem: name of the graph.
        quantize: True takes the int8 graph, False the float32 one, None the one that is there.
        plain_first: if both are there, None takes the float32 graph instead of the int8 one.

    Raises:
        ModelLoadError: the file is not there.
    """
    quantized, plain = directory / f"{stem}_quant.onnx", directory / f"{stem}.onnx"
    either = [plain, quantized] if plain_first else [quantized, plain]
    wanted = {True: [quantized], False: [plain], None: either}[quantize]
    for path in wanted:
        if path.is_file():
            return path
    raise ModelLoadError(f"model file not found: {directory / ' or '.join(path.name for path in wanted)}")


def read_config(directory: Path) -> dict[str, Any]:
    """Read `config.yaml`.

    Raises:
        ModelLoadError: it is missing, not YAML or not a mapping.
    """
    path = directory / "config.yaml"
    try:
        config = yaml.load(_read_text(path), Loader=YAML_LOADER)  # noqa: S506 - both are safe
    except yaml.YAMLError as error:
        raise ModelLoadError(f"cannot read {path}: not valid YAML: {error}") from error
    if not isinstance(config, dict):
        raise ModelLoadError(f"cannot read {path}: expected a mapping of options")
    return config


def model_name(directory: Path) -> str | None:
    """Return the `model` that `config.yaml` names, "Paraformer" where it names none; None without a `config.yaml`.

    Raises:
        ModelLoadError: the file cannot be read as YAML.
    """
    if not (directory / "config.yaml").is_file():
        return None
    return str(read_config(directory).get("model", "Paraformer"))


def read_units(directory: Path) -> list[str]:
    """Read the vocabulary, `tokens.json`. The id of a unit is its position.

    Raises:
        ModelLoadError: it is missing, not JSON or not a list of strings.
    """
    path = directory / "tokens.json"
    units = _read_json(path)
    if not isinstance(units, list) or not units or not all(isinstance(unit, str) for unit in units):
        raise ModelLoadError(f"cannot read {path}: expected a JSON list of strings")
    return units


def _read_json(path: Path) -> Any:
    try:
        return json.loads(_read_text(path))
    except json.JSONDecodeError as error:
        raise ModelLoadError(f"cannot read {path}: not valid JSON: {error}") from error


def _read_text(path: Path) -> str:
    try:
        return read_text_file(path)
    except FileNotFoundError:
        raise ModelLoadError(f"model file not found: {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelLoadError(f"cannot read {path}: {error}") from error
