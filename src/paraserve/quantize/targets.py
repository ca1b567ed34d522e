"""The graphs of a model folder or a bundle that can be quantized, and the reasons why others cannot."""

from dataclasses import dataclass
from pathlib import Path

from paraserve.catalog.manifest import MANIFEST, verify_bundle, verify_part
from paraserve.catalog.store import EMBEDDED, bundle_root
from paraserve.errors import ModelLoadError, ParaserveError
from paraserve.inference.graphs.quantizer import GraphSummary, read_summary
from paraserve.inference.graphs.session import QUANTIZED
from paraserve.inference.models.load import FOLDERS, PartKind
from paraserve.inference.models.recognizers.whisper import is_whisper

STEMS: dict[PartKind, tuple[str, ...]] = {
    "asr": ("model", "model_eb"),
    "asr-online": ("model", "decoder"),
    "vad": ("model",),
    "punc": ("model",),
}
"""Names of the graphs of each kind of model. Only contextual recognizers have `model_eb`."""
OPTIONAL_STEM = "model_eb"


@dataclass(frozen=True, slots=True)
class Target:
    """One model to quantize.

    Args:
        folder: of the model.
        kind: of the model, as its graph tells.
        name: the folder's name in a bundle, else the kind.
        stems: names of its float32 graphs, without `.onnx`.
    """

    folder: Path
    kind: PartKind
    name: str
    stems: tuple[str, ...]

    @property
    def graphs(self) -> list[Path]:
        """Files of the float32 graphs."""
        return [self.folder / f"{stem}.onnx" for stem in self.stems]

    @property
    def results(self) -> list[Path]:
        """Files of the int8 graphs."""
        return [self.folder / f"{stem}{QUANTIZED}.onnx" for stem in self.stems]


@dataclass(frozen=True, slots=True)
class Plan:
    """The models of a folder to quantize.

    Args:
        root: the bundle, or the folder of one model.
        targets: at least one.
        left_out: one sentence for each part of a bundle that cannot be quantized.
        manifest_root: the folder whose manifest names the files of this one; None if there is no manifest.
    """

    root: Path
    targets: tuple[Target, ...]
    left_out: tuple[str, ...]
    manifest_root: Path | None


def make_plan(root: Path, *, force: bool) -> Plan:
    """Find the models to quantize in a model folder or a bundle.

    Args:
        root: the folder.
        force: int8 graphs that are there may be replaced.

    Raises:
        ModelLoadError: a file is damaged, or the manifest is not true.
        ParaserveError: there is nothing to quantize, an int8 graph is there already, or the folder is the embedded
            bundle.
    """
    _refuse_embedded(root)
    manifest_root = _check_manifest(root)
    folders = [root / name for name in FOLDERS if (root / name).is_dir()]
    targets, left_out = [], []
    for folder in folders or [root]:
        try:
            targets.append(_target(folder, in_bundle=bool(folders)))
        except ParaserveError as error:
            if not folders:
                raise
            left_out.append(f"{folder.name}: {error.message}")
    if not targets:
        raise ParaserveError(f"{root} has nothing to quantize. {'; '.join(left_out)}")
    there = [path for target in targets for path in target.results if path.is_file()]
    if there and not force:
        raise ParaserveError(f"{there[0]} is there already: --force replaces it")
    return Plan(root, tuple(targets), tuple(left_out), manifest_root)


def _refuse_embedded(root: Path) -> None:
    for name in EMBEDDED:
        embedded = bundle_root(name, root).resolve()
        if embedded in (root.resolve(), *root.resolve().parents):
            raise ParaserveError(
                f"{name} is part of the installation and cannot be changed: copy {root} and quantize the copy"
            )


def _check_manifest(root: Path) -> Path | None:
    """Return the folder of the manifest that has the files of `root`. Each file is compared with it."""
    if (root / MANIFEST).exists():
        verify_bundle(root)
        return root
    if root.name in FOLDERS and (root.parent / MANIFEST).exists():
        verify_part(root)
        return root.parent
    return None


def _target(folder: Path, *, in_bundle: bool) -> Target:
    if is_whisper(folder):
        raise ParaserveError(f"{folder} holds a model in CTranslate2's format, which runs as int8 on a CPU anyway")
    plain, quantized = folder / "model.onnx", folder / f"model{QUANTIZED}.onnx"
    if not plain.is_file():
        raise ModelLoadError(_no_graph(folder, has_quantized=quantized.is_file()))
    summary = read_summary(plain)
    if summary.problem is not None:
        raise ParaserveError(f"{plain} cannot be quantized: {summary.problem}")
    kind = _kind(plain, summary)
    stems = [stem for stem in STEMS[kind] if stem != OPTIONAL_STEM or (folder / f"{stem}.onnx").is_file()]
    for path in (folder / f"{stem}.onnx" for stem in stems[1:]):
        if not path.is_file():
            raise ModelLoadError(f"model file not found: {path}")
        if (problem := read_summary(path).problem) is not None:
            raise ParaserveError(f"{path} cannot be quantized: {problem}")
    return Target(folder, kind, folder.name if in_bundle else kind, tuple(stems))


def _no_graph(folder: Path, *, has_quantized: bool) -> str:
    if has_quantized:
        return f"{folder} has no float32 graph to start from, only model{QUANTIZED}.onnx, which is quantized already"
    if any(folder.glob("*.pt")):
        return f"{folder} holds a PyTorch checkpoint, and quantization starts from model.onnx: export it first"
    return f"model file not found: {folder / 'model.onnx'}"


def _kind(path: Path, summary: GraphSummary) -> PartKind:
    """Return the kind of a model by the inputs and outputs of its graph, never by the folder's name.

    Raises:
        ModelLoadError: it is of no kind that is known here.
    """
    inputs, outputs = summary.inputs, summary.outputs
    if inputs >= {"inputs", "text_lengths"}:
        return "punc"
    if "speech" in inputs and any(name.startswith("in_cache") for name in inputs):
        return "vad"
    if inputs >= {"speech", "speech_lengths"}:
        return "asr-online" if outputs >= {"enc", "alphas"} else "asr"
    names = f"inputs {', '.join(sorted(inputs))}; outputs {', '.join(sorted(outputs))}"
    raise ModelLoadError(f"{path} is of no kind that paraserve runs: {names}")
