"""The files of one model directory in FunASR's layout, each read with an error that names the file."""

import json
from pathlib import Path
from typing import Any

import yaml

from paraserve.errors import ModelLoadError


def graph_file(
    directory: Path, stem: str = "model", quantize: bool | None = None, *, plain_first: bool = False
) -> Path:
    """The int8 graph (`<stem>_quant.onnx`) or the fp32 one (`<stem>.onnx`).

    `quantize` None takes whichever is there, the int8 one first unless `plain_first`; True and False insist.

    Raises:
        ModelLoadError: the wanted file is not there.
    """
    quantized, plain = directory / f"{stem}_quant.onnx", directory / f"{stem}.onnx"
    either = [plain, quantized] if plain_first else [quantized, plain]
    wanted = {True: [quantized], False: [plain], None: either}[quantize]
    for path in wanted:
        if path.is_file():
            return path
    raise ModelLoadError(f"model file not found: {directory / ' or '.join(path.name for path in wanted)}")


def read_config(directory: Path) -> dict[str, Any]:
    """`config.yaml` as a dict.

    Raises:
        ModelLoadError: it is missing, not YAML or not a mapping.
    """
    path = directory / "config.yaml"
    try:
        config = yaml.safe_load(_read_text(path))
    except yaml.YAMLError as error:
        raise ModelLoadError(f"cannot read {path}: not valid YAML: {error}") from error
    if not isinstance(config, dict):
        raise ModelLoadError(f"cannot read {path}: expected a mapping of options")
    return config


def read_tokens(directory: Path) -> list[str]:
    """`tokens.json`: the vocabulary, a unit's id being its position.

    Raises:
        ModelLoadError: it is missing, not JSON or not a list of strings.
    """
    path = directory / "tokens.json"
    tokens = _read_json(path)
    if not isinstance(tokens, list) or not tokens or not all(isinstance(token, str) for token in tokens):
        raise ModelLoadError(f"cannot read {path}: expected a JSON list of strings")
    return tokens


def _read_json(path: Path) -> Any:
    try:
        return json.loads(_read_text(path))
    except json.JSONDecodeError as error:
        raise ModelLoadError(f"cannot read {path}: not valid JSON: {error}") from error


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ModelLoadError(f"model file not found: {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelLoadError(f"cannot read {path}: {error}") from error
