"""Export of a PyTorch checkpoint to an ONNX folder, checked against PyTorch and by loading it.

FunASR's exporter runs in a process of its own (`torch_export`). The folder gets its name in the last step, when all
checks have passed.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, takewhile
from pathlib import Path

import numpy as np

from paraserve.errors import ModelExportError, ParaserveError
from paraserve.inference.base import Recognizer
from paraserve.inference.graphs.session import CPU, Tensor, open_session
from paraserve.inference.models.model_files import model_name
from paraserve.inference.models.recognizers.paraformer import load_paraformer
from paraserve.inference.models.recognizers.pytorch.funasr_pytorch import require_funasr, weights_file
from paraserve.inference.models.recognizers.pytorch.torch_child import FAILURES, TorchChild
from paraserve.inference.models.recognizers.pytorch.torch_export import SAMPLE
from paraserve.inference.models.recognizers.sensevoice import load_sensevoice
from paraserve.inference.text.units import BLANK_ID, EOS_ID, SPECIAL_IDS
from paraserve.options import RecognitionOptions
from paraserve.types import Samples, SegmentAudio

PROGRAM = "paraserve.inference.models.recognizers.pytorch.torch_export"
EXPORTABLE = ("Paraformer", "BiCifParaformer", "SeacoParaformer", "ContextualParaformer", "SenseVoiceSmall")
"""FunASR's classes that its exporter and our loaders both know."""
TIMEOUT_S = 1800.0
MAX_DIFFERENCE = 0.01
"""Largest difference of an output. Those of float32 kernels are a hundred times smaller."""


@dataclass(frozen=True, slots=True)
class GraphCheck:
    """One exported graph beside PyTorch.

    Args:
        name: of its file.
        megabytes: its size.
        max_difference: largest difference of any output.
        n_units: rows of units that were compared, all of them equal. 0 for a graph that gives no units.
    """

    name: str
    megabytes: float
    max_difference: float
    n_units: int


@dataclass(frozen=True, slots=True)
class Export:
    """The result of an export: its graphs, and the text that the folder hears in the sample, of PyTorch's units."""

    graphs: tuple[GraphCheck, ...]
    text: str


def export_onnx(source: Path, target: Path, sample: Samples) -> Export:
    """Write the ONNX folder `target` of a folder with a checkpoint, or of a file of weights beside a config.yaml.

    Args:
        source: the folder or the file.
        target: must not exist. It appears when everything is checked.
        sample: speech (float32, mono, 16 kHz) on which both are compared.

    Raises:
        ModelExportError: the model has no ONNX form, the export failed, or a check did. Nothing is left behind.
        ModelLoadError: the extra is not installed, or the config.yaml cannot be read.
    """
    _refuse_what_cannot_be(source, target)
    require_funasr(source)
    making = target.parent / f".{target.name}.export"
    # The rest of an export that was killed.
    shutil.rmtree(making, ignore_errors=True)
    try:
        folder, check = making / target.name, making / "check"
        folder.mkdir(parents=True)
        check.mkdir()
        np.save(check / SAMPLE, sample)
        _run_exporter(source, folder, check)
        export = Export(tuple(_checked_graphs(folder, check)), _checked_text(folder, check, sample))
        folder.rename(target)
    except ParaserveError:
        raise
    except OSError as error:
        raise ModelExportError(f"cannot write {target}: {error.strerror}") from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return export


def _refuse_what_cannot_be(source: Path, target: Path) -> None:
    folder = source if source.is_dir() else source.parent
    name = model_name(folder)
    if name is None or (source.is_dir() and weights_file(source) is None):
        raise ModelExportError(f"{source} is no checkpoint of FunASR: it needs config.yaml and model.pt")
    if name not in EXPORTABLE:
        raise ModelExportError(f"{source} holds a {name}, and only these can be exported: {', '.join(EXPORTABLE)}")
    if target.exists():
        raise ModelExportError(f"{target} exists already")


def _run_exporter(source: Path, folder: Path, check: Path) -> None:
    """Run FunASR's exporter, which leaves PyTorch's outputs in `check`."""
    child = TorchChild(export_command(source, folder, check), len(os.sched_getaffinity(0)))
    try:
        child.await_ready(time.monotonic() + TIMEOUT_S)
    except FAILURES as error:
        raise ModelExportError(f"FunASR cannot export {source}: {child.end(error)}") from error
    finally:
        child.end()


def export_command(source: Path, folder: Path, check: Path) -> list[str]:
    """Return the command line of the process that exports, see `torch_export`."""
    return [sys.executable, "-P", "-m", PROGRAM, str(source), str(folder), str(check)]


def _checked_graphs(folder: Path, check: Path) -> Iterator[GraphCheck]:
    """Compare each graph's outputs with PyTorch's, and its choice of units."""
    for path in sorted(folder.glob("*.onnx")):
        with np.load(check / f"{path.stem}.npz") as arrays:
            graph = open_session(path, CPU)
            feeds = {name: arrays[f"in_{name}"] for name in graph.inputs}
            outputs = list(graph.run(feeds).values())
            expected = [arrays[f"out_{i}"] for i in range(len(outputs))]
        pairs = list(zip(outputs, expected, strict=True))
        if any(ours.shape != theirs.shape for ours, theirs in pairs):
            raise ModelExportError(f"{path.name} gives outputs of other sizes than PyTorch")
        difference = max(float(np.abs(ours - theirs).max(initial=0.0)) for ours, theirs in pairs)
        has_units = "speech" in graph.inputs
        if difference > MAX_DIFFERENCE or (has_units and not _has_equal_units(*pairs[0])):
            raise ModelExportError(f"{path.name} differs from PyTorch by up to {difference:.2g}")
        n_units = outputs[0].shape[1] if has_units else 0
        yield GraphCheck(path.name, path.stat().st_size / 1e6, difference, n_units)


def _has_equal_units(ours: Tensor, theirs: Tensor) -> bool:
    """Compare the best unit of each row of logits (1, n_rows, n_units)."""
    return bool((ours.argmax(axis=-1) == theirs.argmax(axis=-1)).all())


def _checked_text(folder: Path, check: Path, sample: Samples) -> str:
    """Load the folder, and compare the units that it hears in the sample with PyTorch's. Return the text."""
    is_ctc = model_name(folder) == "SenseVoiceSmall"
    recognizer: Recognizer = (load_sensevoice if is_ctc else load_paraformer)(folder, CPU, None)
    (heard,) = recognizer.recognize([SegmentAudio(sample)], RecognitionOptions(itn=False))
    with np.load(check / "model.npz") as arrays:
        best = arrays["out_0"][0][: int(arrays["out_1"][0])].argmax(axis=-1).tolist()
    units = [unit for unit, _ in groupby(best)] if is_ctc else list(takewhile(lambda unit: unit != EOS_ID, best))
    theirs = [unit for unit in units if unit not in ({BLANK_ID} if is_ctc else SPECIAL_IDS)]
    ours = list(heard.token_ids)
    # Without an end of the sentence the last unit of a Paraformer is not its own, see `predictor_bias`.
    if ours not in (theirs, theirs[:-1]):
        raise ModelExportError(f"the folder hears the units {ours} where PyTorch hears {theirs}")
    return heard.text
