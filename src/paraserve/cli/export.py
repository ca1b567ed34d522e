"""`paraserve models export`: the ONNX folder of a PyTorch checkpoint."""

from pathlib import Path

import numpy as np
import typer

from paraserve.catalog.store import models_folder, part_folder
from paraserve.cli.config import read_settings
from paraserve.errors import ModelExportError
from paraserve.inference.audio.recording import open_recording
from paraserve.inference.audio.synthetic_speech import synthetic_speech
from paraserve.inference.models.recognizers.pytorch.onnx_export import export_onnx
from paraserve.types import SAMPLE_RATE, Samples
from paraserve.user_folders import expanded

SYNTHETIC_MS = 10_000
MAX_SAMPLE_S = 20
"""A recording is cut to the longest segment of a Paraformer."""


def export_model(source: str, target: Path, sample: Path | None) -> None:
    """Make the ONNX folder of a PyTorch model, and print it.

    Raises:
        ParaserveError: the model or the recording cannot be used, or the graphs differ from PyTorch.
    """
    audio = synthetic_speech(SYNTHETIC_MS) if sample is None else _read(sample)
    made = export_onnx(_checkpoint(source), expanded(target), audio)
    for graph in made.graphs:
        equal = f", {graph.n_units} of {graph.n_units} units equal" if graph.n_units else ""
        typer.echo(
            f"{graph.name}: {graph.megabytes:.1f} MB, max difference from PyTorch {graph.max_difference:.1g}{equal}",
            err=True,
        )
    typer.echo(f"the folder hears PyTorch's units in the sample: {made.text or 'nothing'}", err=True)
    print(target)


def _checkpoint(source: str) -> Path:
    """Return the file of weights, or the folder of a model that is on this machine."""
    path = expanded(source)
    return path if path.exists() else part_folder(source, "asr", models_folder(read_settings({}).models_dir))


def _read(path: Path) -> Samples:
    try:
        with path.open("rb") as file, open_recording(file) as recording:
            blocks = [block.copy() for block in recording]
    except OSError as error:
        raise ModelExportError(f"cannot read {path}: {error.strerror}") from error
    samples: Samples = np.concatenate(blocks)[: MAX_SAMPLE_S * SAMPLE_RATE] if blocks else np.zeros(0, np.float32)
    if not samples.any():
        raise ModelExportError(f"{path} has no sound to compare on")
    return samples
