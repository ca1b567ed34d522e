"""Model folders to a ModelBundle: the only module that names the model families.

There is one tuple of families for each kind of model. A new family is a module of its own and one line in its tuple.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from paraserve.errors import ModelLoadError
from paraserve.inference.base import (
    ModelBundle,
    Punctuator,
    Recognizer,
    StreamingPunctuator,
    StreamingRecognizer,
    Vad,
)
from paraserve.inference.graphs.session import CPU, Placement
from paraserve.inference.language_model.graph import missing_packages
from paraserve.inference.language_model.language_model import load_language_model
from paraserve.inference.models.model_files import model_name
from paraserve.inference.models.punctuation.ct_punc_online import load_ct_punc_online, load_either_ct_punc
from paraserve.inference.models.recognizers.paraformer import Paraformer, is_paraformer, load_paraformer
from paraserve.inference.models.recognizers.paraformer_online import ParaformerOnline, load_paraformer_online
from paraserve.inference.models.recognizers.paraformer_spelling import read_spelling
from paraserve.inference.models.recognizers.pytorch.funasr_pytorch import is_funasr_pytorch, load_funasr_pytorch
from paraserve.inference.models.recognizers.sensevoice import is_sensevoice, load_sensevoice
from paraserve.inference.models.recognizers.whisper import is_whisper, load_whisper
from paraserve.inference.models.vad.fsmn_vad import load_fsmn_vad
from paraserve.inference.spelling import Spelling
from paraserve.inference.text.itn import load_itn

log = logging.getLogger(__name__)

FOLDERS = ("asr", "vad", "punc", "asr-online", "punc-online")
"""Folders of a bundle with a model each. Beside them may be `lm`, the language model of its recognizers."""

PartKind: TypeAlias = Literal["asr", "asr-online", "vad", "punc"]
"""Kind of a model folder. A `punc-online` folder is a `punc` one."""
AnyModel: TypeAlias = Recognizer | StreamingRecognizer[Any] | Vad[Any] | Punctuator

Model_co = TypeVar("Model_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Family(Generic[Model_co]):
    """A model family: its name in error messages, a test whether a folder holds it, and the loader of a folder.

    The test reads the folder's files, never its name. The loader takes the folder, the placement, and whether to take
    the int8 weights (None: those that are there).
    """

    name: str
    matches: Callable[[Path], bool]
    load: Callable[[Path, Placement, bool | None], Model_co]


def _is_any(_folder: Path) -> bool:
    """Return True: where there is one family only, its loader says best what is wrong with a folder."""
    return True


RECOGNIZERS: tuple[Family[Recognizer], ...] = (
    Family("Whisper", is_whisper, load_whisper),
    Family("FunASR PyTorch", is_funasr_pytorch, load_funasr_pytorch),
    Family("SenseVoiceSmall", is_sensevoice, load_sensevoice),
    Family("Paraformer", is_paraformer, load_paraformer),
)
STREAMING_RECOGNIZERS: tuple[Family[StreamingRecognizer[Any]], ...] = (
    Family("streaming Paraformer", _is_any, load_paraformer_online),
)
VADS: tuple[Family[Vad[Any]], ...] = (Family("FSMN-VAD", _is_any, load_fsmn_vad),)
PUNCTUATORS: tuple[Family[Punctuator], ...] = (Family("CT-punc", _is_any, load_either_ct_punc),)
REALTIME_PUNCTUATORS: tuple[Family[Punctuator], ...] = (Family("realtime CT-punc", _is_any, load_ct_punc_online),)
"""Of each kind, the first family that matches a folder loads it. PyTorch checkpoints stand before the families
that tell a model by its config.yaml alone."""


@dataclass(frozen=True, slots=True)
class BundleParts:
    """Folders of the models of one pipeline; None goes without that part.

    Args:
        asr_quantize: True loads model_quant.onnx, False model.onnx, None what is there. This and the two like it hold
            for the streaming part of their kind too.
        has_partials: where there is no streaming recognizer, a recognizer that is able to may give partial texts.
        knows: see `Abilities`.
        lm: folder of the language model.
        lm_weight: None = the one that the language model asks for.
        needs_lm: whoever named the language model wants an error where its packages are missing.
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
    knows: str = ""
    lm: Path | None = None
    lm_weight: float | None = None
    needs_lm: bool = False


def bundle_parts(root: Path) -> BundleParts:
    """Return the parts that a bundle folder holds.

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
        lm=root / "lm" if (root / "lm").is_dir() else None,
    )


def recognizer_kind(folder: Path) -> str:
    """Return the name of the family of a recognizer's folder in small letters, "" for an unknown one.

    Raises:
        ModelLoadError: a file of the folder cannot be read.
    """
    return next((family.name.lower() for family in RECOGNIZERS if family.matches(folder)), "")


def recognizer_spelling(folder: Path) -> Spelling:
    """Return the spelling of a Paraformer's folder, for texts that a language model is made of.

    Raises:
        ModelLoadError: a file is missing or damaged, or the folder is one of another family.
    """
    if (kind := recognizer_kind(folder)) != "paraformer":
        raise ModelLoadError(f"{folder} holds {kind or 'no recognizer'}: only Paraformers use a language model")
    return read_spelling(folder)


def load_parts(
    parts: BundleParts,
    placement: Placement = CPU,
    recognizers: Sequence[Family[Recognizer]] = RECOGNIZERS,
    on_lm_failure: Callable[[], None] = lambda: None,
) -> ModelBundle:
    """Load every part. Detector and punctuation stay on the CPU: too small to pay for a GPU's round trip.

    `on_lm_failure` is called, on any thread, where the language model finds no way through a segment.

    Raises:
        ModelLoadError: names the file that is missing, damaged or of an unknown kind.
    """
    on_cpu = replace(placement, device=CPU.device)
    punctuator, punctuator_online = _load_punctuators(parts, on_cpu)
    recognizer = _load(recognizers, parts.asr, placement, parts.asr_quantize)
    streaming = None
    if parts.asr_online is not None:
        streaming = _load(STREAMING_RECOGNIZERS, parts.asr_online, placement, parts.asr_quantize)
    _use_language_model(parts, recognizer, streaming, on_lm_failure)
    return ModelBundle(
        name=parts.name,
        vad=_load(VADS, parts.vad, on_cpu, parts.vad_quantize) if parts.vad else None,
        recognizer=recognizer,
        streaming=streaming,
        punctuator=punctuator,
        punctuator_online=punctuator_online,
        itn=load_itn() if parts.has_itn else None,
        allows_drafts=parts.has_partials,
        knows=parts.knows,
    )


def _use_language_model(
    parts: BundleParts,
    recognizer: Recognizer,
    streaming: StreamingRecognizer[Any] | None,
    on_failure: Callable[[], None],
) -> None:
    """Give the language model to the recognizers that choose unit by unit."""
    if parts.lm is None or parts.lm_weight == 0:
        return
    if not isinstance(recognizer, Paraformer):
        log.warning("the language model %s has no effect: only Paraformers use one", parts.lm)
        return
    if not parts.needs_lm and (missing := missing_packages()):
        log.warning(
            "the language model of %s is not used, which costs accuracy: pip install %s",
            parts.name,
            " ".join(missing),
        )
        return
    language_model = load_language_model(parts.lm, recognizer.vocabulary, parts.lm_weight, on_failure)
    recognizer.use_language_model(language_model)
    if isinstance(streaming, ParaformerOnline) and streaming.vocabulary.units == recognizer.vocabulary.units:
        streaming.use_language_model(language_model)
    elif streaming is not None:
        log.warning("partial texts go without the language model %s: they have other units", parts.lm)


def load_bundle(root: Path, placement: Placement = CPU) -> ModelBundle:
    """Load a bundle folder with all of its parts."""
    return load_parts(bundle_parts(root), placement)


def load_part(kind: PartKind, folder: Path, placement: Placement = CPU, quantize: bool | None = None) -> AnyModel:
    """Load the folder of one model.

    Args:
        kind: of the model.
        folder: in FunASR's layout.
        placement: device and limits of its runs.
        quantize: True loads model_quant.onnx, False model.onnx, None what is there.

    Raises:
        ModelLoadError: names the file that is missing, damaged or of an unknown kind.
    """
    if kind == "asr":
        return _load(RECOGNIZERS, folder, placement, quantize)
    if kind == "asr-online":
        return _load(STREAMING_RECOGNIZERS, folder, placement, quantize)
    if kind == "vad":
        return _load(VADS, folder, placement, quantize)
    return _load(PUNCTUATORS, folder, placement, quantize)


def _load(
    families: Sequence[Family[Model_co]], folder: Path, placement: Placement, quantize: bool | None
) -> Model_co:
    """Load a folder with the first family that matches."""
    for family in families:
        if family.matches(folder):
            return family.load(folder, placement, quantize)
    raise _unknown_recognizer(folder, [family.name for family in families])


def _unknown_recognizer(folder: Path, families: Sequence[str]) -> ModelLoadError:
    """Return the error for a folder that no family matches. Only of recognizers is there no family for any folder."""
    name = model_name(folder)
    if name is None:
        found = ", ".join(sorted(path.name for path in folder.iterdir())) if folder.is_dir() else "no such folder"
        return ModelLoadError(
            f"model file not found: {folder / 'config.yaml'} (FunASR) or model.bin (Whisper, CTranslate2), "
            f"only: {found or 'nothing'}"
        )
    *names, last = (f"a {family}" for family in reversed(families))
    return ModelLoadError(f"{folder} holds a {name}: expected {', '.join(names)} or {last} model")


def _load_punctuators(
    parts: BundleParts, placement: Placement
) -> tuple[Punctuator | None, StreamingPunctuator[Any] | None]:
    """Load the models for whole texts and for texts that go on; a realtime model does both where it is alone."""
    whole, online = None, None
    if parts.punc is not None:
        whole = online = _load(PUNCTUATORS, parts.punc, placement, parts.punc_quantize)
    if parts.punc_online is not None:
        online = _load(REALTIME_PUNCTUATORS, parts.punc_online, placement, parts.punc_quantize)
    return online if whole is None else whole, None if online is None else online.realtime
