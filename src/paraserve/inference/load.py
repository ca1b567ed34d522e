"""From model folders to a ModelBundle: the only file that names the model families."""

from dataclasses import dataclass
from pathlib import Path

from paraserve.errors import ModelLoadError
from paraserve.inference.base import ModelBundle
from paraserve.inference.ct_punc import load_ct_punc
from paraserve.inference.fsmn_vad import load_fsmn_vad
from paraserve.inference.itn import load_itn
from paraserve.inference.paraformer import load_paraformer


@dataclass(frozen=True, slots=True)
class BundleParts:
    """Where the models of one pipeline are; None goes without that part.

    The `*_quantize` switches choose model_quant.onnx (True) or model.onnx (False); None takes what is there.
    """

    name: str
    asr: Path
    vad: Path | None
    punc: Path | None
    has_itn: bool = True
    asr_quantize: bool | None = None
    vad_quantize: bool | None = None
    punc_quantize: bool | None = None


def bundle_parts(root: Path) -> BundleParts:
    """The parts that a bundle folder holds.

    Raises:
        ModelLoadError: there is no asr/ in it.
    """
    asr, vad, punc = root / "asr", root / "vad", root / "punc"
    if not asr.is_dir():
        raise ModelLoadError(f"{root} is not a bundle: it has no folder asr/")
    return BundleParts(root.name, asr, vad if vad.is_dir() else None, punc if punc.is_dir() else None)


def load_parts(parts: BundleParts, device: str = "cpu", threads: int = 1) -> ModelBundle:
    """Load every part. The detector stays on the CPU: its steps are too small to pay for a GPU's round trip.

    Raises:
        ModelLoadError: names the file that is missing, damaged or of an unknown kind.
    """
    return ModelBundle(
        name=parts.name,
        vad=load_fsmn_vad(parts.vad, "cpu", threads, parts.vad_quantize) if parts.vad else None,
        recognizer=load_paraformer(parts.asr, device, threads, parts.asr_quantize),
        punctuator=load_ct_punc(parts.punc, device, threads, parts.punc_quantize) if parts.punc else None,
        itn=load_itn() if parts.has_itn else None,
    )


def load_bundle(root: Path, device: str = "cpu", threads: int = 1) -> ModelBundle:
    """Load a bundle folder as it is."""
    return load_parts(bundle_parts(root), device, threads)
