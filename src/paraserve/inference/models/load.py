"""From model folders to a ModelBundle: the only file that names the model families."""

from dataclasses import dataclass, replace
from pathlib import Path

from paraserve.errors import ModelLoadError
from paraserve.inference.base import ModelBundle, Recognizer
from paraserve.inference.graphs.session import CPU, Placement
from paraserve.inference.models.model_files import read_config
from paraserve.inference.models.punctuation.ct_punc import CtPunc
from paraserve.inference.models.punctuation.ct_punc_online import (
    CtPuncOnline,
    load_ct_punc_online,
    load_either_ct_punc,
)
from paraserve.inference.models.recognizers.paraformer import Paraformer, load_paraformer
from paraserve.inference.models.recognizers.paraformer_online import ParaformerOnline, load_paraformer_online
from paraserve.inference.models.recognizers.sensevoice import load_sensevoice
from paraserve.inference.models.recognizers.whisper import load_whisper
from paraserve.inference.models.vad.fsmn_vad import load_fsmn_vad
from paraserve.inference.text.itn import load_itn

FOLDERS = ("asr", "vad", "punc", "asr-online", "punc-online")


@dataclass(frozen=True, slots=True)
class BundleParts:
    """Where the models of one pipeline are; None goes without that part.

    The `*_quantize` switches choose model_quant.onnx (True) or model.onnx (False); None takes what is there. They
    hold for the streaming part of their kind too. `has_partials` lets a recogniser that cannot stream decode open
    speech again and again, where there is no streaming one.
    """

    name: str
    asr: Path
    vad: Path | None
    punc: Path | None
    has_itn: bool = True
    asr_quantize: bool | None = None
    vad_quantize: bool | None = None
    punc_quantize: bool | None = None
    asr_online: Path | None = None
    punc_online: Path | None = None
    has_partials: bool = True


def bundle_parts(root: Path) -> BundleParts:
    """The parts that a bundle folder holds.

    Raises:
        ModelLoadError: there is no asr/ in it.
    """
    there = {name: root / name for name in FOLDERS if (root / name).is_dir()}
    if "asr" not in there:
        raise ModelLoadError(f"{root} is not a bundle: it has no folder asr/")
    return BundleParts(
        root.name,
        there["asr"],
        there.get("vad"),
        there.get("punc"),
        asr_online=there.get("asr-online"),
        punc_online=there.get("punc-online"),
    )


def load_parts(parts: BundleParts, placement: Placement = CPU, workers: int = 1) -> ModelBundle:
    """Load every part. Detector and punctuation stay on the CPU: too small to pay for a GPU's round trip.

    `workers` runs may go on side by side.

    Raises:
        ModelLoadError: names the file that is missing, damaged or of an unknown kind.
    """
    on_cpu = replace(placement, device=CPU.device)
    punctuator, punctuator_online = _punctuators(parts, on_cpu)
    recognizer = _recognizer(parts, placement, workers)
    streaming = _streaming(parts, placement)
    return ModelBundle(
        name=parts.name,
        vad=load_fsmn_vad(parts.vad, on_cpu, parts.vad_quantize) if parts.vad else None,
        recognizer=recognizer,
        streaming=streaming,
        punctuator=punctuator,
        punctuator_online=punctuator_online,
        itn=load_itn() if parts.has_itn else None,
        has_drafts=streaming is None and parts.has_partials and not isinstance(recognizer, Paraformer),
    )


def load_bundle(root: Path, placement: Placement = CPU) -> ModelBundle:
    """Load a bundle folder as it is."""
    return load_parts(bundle_parts(root), placement)


def _recognizer(parts: BundleParts, placement: Placement, workers: int) -> Recognizer:
    """The family is read from the folder's files, never from its name."""
    folder = parts.asr
    if (folder / "model.bin").is_file():
        return load_whisper(folder, placement, parts.asr_quantize, workers=workers)
    if not (folder / "config.yaml").is_file():
        found = ", ".join(sorted(path.name for path in folder.iterdir())) if folder.is_dir() else "no such folder"
        raise ModelLoadError(
            f"model file not found: {folder / 'config.yaml'} (FunASR) or model.bin (Whisper, CTranslate2), "
            f"only: {found or 'nothing'}"
        )
    kind = str(read_config(folder).get("model", "Paraformer"))
    if kind == "SenseVoiceSmall":
        return load_sensevoice(folder, placement, parts.asr_quantize)
    if "Paraformer" in kind:
        return load_paraformer(folder, placement, parts.asr_quantize)
    raise ModelLoadError(f"{folder} holds a {kind}: expected a Paraformer, a SenseVoiceSmall or a Whisper model")


def _streaming(parts: BundleParts, placement: Placement) -> ParaformerOnline | None:
    if parts.asr_online is None:
        return None
    return load_paraformer_online(parts.asr_online, placement, parts.asr_quantize)


def _punctuators(
    parts: BundleParts, placement: Placement
) -> tuple[CtPunc | CtPuncOnline | None, CtPuncOnline | None]:
    """For whole texts and for texts that go on; a realtime model can do both where there is no other."""
    whole, online = None, None
    if parts.punc is not None:
        whole = load_either_ct_punc(parts.punc, placement, parts.punc_quantize)
    if parts.punc_online is not None:
        online = load_ct_punc_online(parts.punc_online, placement, parts.punc_quantize)
    elif isinstance(whole, CtPuncOnline):
        online = whole
    return online if whole is None else whole, online
