"""Settings to the models that they name: folders, sizes, and what tells that a model has changed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from paraserve.catalog.manifest import MANIFEST, SIGNATURE, read_knows, read_languages, verify_bundle, verify_part
from paraserve.catalog.signed.keys import PublicKeys, read_public_keys
from paraserve.catalog.signed.signatures import check_signed_folder
from paraserve.catalog.store import bundle_root, is_embedded, is_missing_hub_part, models_folder, part_folder
from paraserve.errors import ModelLoadError
from paraserve.hotword_types import HotwordRule
from paraserve.inference.hotword_lists import OperatorHotwords
from paraserve.inference.models.load import BundleParts, bundle_parts, recognizer_kind
from paraserve.inference.models.recognizers.paraformer_hotwords import read_hotword_file
from paraserve.model_digest import parts_digest
from paraserve.option_values import REMOVED
from paraserve.runtime.routing.loaded_model import ModelSpec
from paraserve.runtime.routing.names import ModelNames
from paraserve.setting_fields import ModelEntry
from paraserve.settings import Settings
from paraserve.user_folders import expanded

FLOAT, INT8 = ".onnx", "_quant.onnx"


def model_specs(settings: Settings) -> list[ModelSpec]:
    """Return all models of the settings in their order, also those whose bundles are not there.

    Raises:
        ParaserveError: the hotword file cannot be read.
    """
    hotwords = operator_hotwords(settings)
    return [_spec(settings, name, entry, hotwords) for name, entry in settings.model_entries.items()]


def operator_hotwords(settings: Settings) -> OperatorHotwords:
    """Return the words of the hotword file, and the settings of all hotwords.

    Raises:
        ParaserveError: it cannot be read.
    """
    words = read_hotword_file(expanded(settings.hotword_file)) if settings.hotword_file else ()
    rule = HotwordRule(settings.hotword_bonus, settings.hotword_cap, settings.hotwords_in_graph)
    return OperatorHotwords(words, rule, settings.hotwords_in_partials)


def model_parts(settings: Settings, bundle: str) -> BundleParts:
    """Return the folders of a model: the bundle's parts. Of the first model, settings replace or remove some.

    Raises:
        ModelLoadError: a folder is not on this machine, or the bundle has no recognizer.
    """
    models_dir = models_folder(settings.models_dir)
    root = bundle_root(bundle, models_dir)
    parts = bundle_parts(root)
    parts = replace(
        parts,
        knows=read_knows(root),
        has_itn=settings.itn_dir not in REMOVED,
        asr_quantize=settings.quantize,
        vad_quantize=settings.vad_quant,
        punc_quantize=settings.punc_quant,
        lm_weight=None if settings.lm_weight == "auto" else settings.lm_weight,
    )
    if bundle != next(iter(settings.model_entries.values())).bundle:
        return parts
    return replace(
        parts,
        asr=_folder(settings.model_dir, "asr", parts.asr, models_dir) or _no_recognizer(),
        # The bundle's streaming recognizer may have another vocabulary than a replaced recognizer.
        asr_online=_folder(
            settings.online_model_dir,
            "asr-online",
            parts.asr_online if settings.model_dir is None else None,
            models_dir,
        ),
        vad=_folder(settings.vad_dir, "vad", parts.vad, models_dir),
        punc=_folder(settings.punc_dir, "punc", parts.punc, models_dir),
        # A replaced or removed punctuation model applies to live texts too.
        punc_online=parts.punc_online if settings.punc_dir is None else None,
        has_partials=settings.online_model_dir not in REMOVED,
        knows=parts.knows if settings.model_dir is None else "",
        # A language model is made for the units of one recognizer.
        lm=_language_model(settings, parts.lm if settings.model_dir is None else None, models_dir),
        needs_lm=settings.lm_dir not in (None, *REMOVED),
    )


def verify_model(settings: Settings, bundle: str) -> BundleParts:
    """Return the folders of a model, every file of which is as its manifest says, and signed if that is asked for.

    Raises:
        ModelLoadError: a folder is not on this machine, or not signed, or names the first bad file.
        SigningKeyError: the file of keys cannot be used.
    """
    root = bundle_root(bundle, models_folder(settings.models_dir))
    keys = read_public_keys(settings.bundle_keys) if settings.bundle_keys else None
    _check_signed(root, keys)
    verify_bundle(root)
    parts = model_parts(settings, bundle)
    for folder in _folders(parts):
        if folder.parent != root:
            # A language model of `paraserve models lm` has a manifest of its own.
            _check_signed(folder if (folder / MANIFEST).exists() else folder.parent, keys)
            verify_part(folder)
    if parts.lm is not None:
        verify_bundle(parts.lm)
    return parts


def _check_signed(root: Path, keys: PublicKeys | None) -> None:
    if keys is not None and not is_embedded(root):
        check_signed_folder(root, keys)


def watched_folders(settings: Settings) -> list[Path]:
    """Return the folders of all models that are on this machine."""
    found: list[Path] = []
    for entry in settings.model_entries.values():
        try:
            found += _folders(model_parts(settings, entry.bundle))
        except ModelLoadError:
            continue
    return found


def _spec(settings: Settings, name: str, entry: ModelEntry, hotwords: OperatorHotwords) -> ModelSpec:
    aliases = entry.aliases if entry.bundle == name else (*entry.aliases, entry.bundle)
    spec = ModelSpec(
        ModelNames(name, tuple(dict.fromkeys(aliases))),
        entry.bundle,
        entry.languages,
        is_on_demand=entry.load == "on_demand",
        idle_unload_s=entry.idle_unload_s,
        fallback=entry.fallback or (settings.fallback if settings.fallback != name else ""),
    )
    try:
        parts = model_parts(settings, entry.bundle)
        kind = recognizer_kind(parts.asr)
        languages = entry.languages or read_languages(parts.asr.parent)
    except ModelLoadError:  # whoever loads it gets the error
        return spec
    files = [file for folder in _folders(parts) for file in _files(folder)]
    states = ((file, *_state(file)) for file in [*files, *_trust(settings, files)])
    stamp = (parts, hotwords, settings.bundle_keys, *states)
    n_bytes = sum(file.stat().st_size for file in _loaded_files(files, settings.quantize))
    digest = parts_digest(parts, hotwords, settings) if settings.result_cache != "off" else ""
    names = replace(spec.names, kind=kind)
    return replace(
        spec,
        names=names,
        languages=languages,
        file_bytes=n_bytes,
        stamp=stamp,
        digest=digest,
        knows=parts.knows,
        is_embedded=is_embedded(parts.asr.parent),
    )


def _folders(parts: BundleParts) -> list[Path]:
    folders = (parts.asr, parts.asr_online, parts.vad, parts.punc, parts.punc_online, parts.lm)
    return [folder for folder in folders if folder is not None]


def _state(file: Path) -> tuple[int, int]:
    return file.stat().st_size, file.stat().st_mtime_ns


def _trust(settings: Settings, files: list[Path]) -> list[Path]:
    """Files that say whether a model may be loaded: the keys that count, and the signatures."""
    if not settings.bundle_keys:
        return []
    signatures = {file.with_name(SIGNATURE) for file in files if file.name == MANIFEST}
    return [path for path in (expanded(settings.bundle_keys), *sorted(signatures)) if path.exists()]


def _files(folder: Path) -> list[Path]:
    manifest = folder.parent / MANIFEST
    return [*sorted(path for path in folder.rglob("*") if path.is_file()), *([manifest] if manifest.exists() else [])]


def _loaded_files(files: list[Path], quantize: bool | None) -> Iterator[Path]:
    """Yield the files without the graphs of the weights, int8 or float32, that are not taken."""
    there = {*files}
    for file in there:
        if file.name.endswith(INT8):
            other = file.with_name(file.name.removesuffix(INT8) + FLOAT)
            if quantize is False and other in there:
                continue
        elif file.suffix == FLOAT and quantize is not False and file.with_name(file.stem + INT8) in there:
            continue
        yield file


def _folder(chosen: str | None, part: str, default: Path | None, models_dir: Path) -> Path | None:
    """Folder of one part: the one that a setting chooses, or the bundle's; None if there is to be none."""
    if chosen is None:
        return default
    return None if chosen in REMOVED else part_folder(chosen, part, models_dir)


def _language_model(settings: Settings, default: Path | None, models_dir: Path) -> Path | None:
    """Folder of the language model. FunASR's start scripts name one of the hub in any case, so it may be missing."""
    if is_missing_hub_part(settings.lm_dir, "lm", models_dir):
        return None
    return _folder(settings.lm_dir, "lm", default, models_dir)


def _no_recognizer() -> Path:
    raise ModelLoadError("a recogniser is needed: model_dir must name a folder")
