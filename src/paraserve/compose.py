"""The composition root: settings in, a working engine out. Used by the server and by the local commands."""

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from paraserve.catalog.manifest import verify_bundle, verify_part
from paraserve.catalog.store import bundle_root, models_folder, part_folder
from paraserve.cpus import available_cpus
from paraserve.errors import ModelLoadError
from paraserve.inference.base import ModelBundle, StreamingItem
from paraserve.inference.hotwords import read_hotword_file
from paraserve.inference.load import BundleParts, bundle_parts, load_parts
from paraserve.inference.no_vad import NoVad
from paraserve.inference.onnx import Placement
from paraserve.inference.optimize import cache_folder
from paraserve.runtime.decode_pool import DecodePool
from paraserve.runtime.engine import LocalEngine
from paraserve.runtime.scheduler import Batch, Scheduler
from paraserve.settings import Settings
from paraserve.types import SAMPLE_RATE, ChunkSize, DecodeOptions, SegmentAudio

log = logging.getLogger(__name__)

REMOVED = ("", "0")
"""FunASR's way to switch a part off on the command line."""


def open_engine(settings: Settings, on_batch: Callable[[Batch], None] = lambda _: None) -> LocalEngine:
    """Verify, load and warm up the models; blocks for a second or more. `on_batch` is told of each batch that ran.

    Raises:
        ModelLoadError: names the file or folder at fault.
    """
    workers = settings.inference_threads or (cpu_share(settings) if settings.device == "cpu" else 1)
    placement = Placement(settings.device, settings.model_threads, _graph_cache(settings), settings.reorder_sums)
    bundle = load_parts(_parts(settings), placement, workers)
    _warm_up(bundle)
    hotwords = read_hotword_file(Path(settings.hotword_file).expanduser()) if settings.hotword_file else ()
    return LocalEngine(bundle, Scheduler(workers, on_batch=on_batch), bundle.vad or NoVad(), hotwords)


def open_decode_pool(settings: Settings) -> DecodePool:
    """Decode children for the recordings of this process; they start when they are needed."""
    return DecodePool(workers=settings.decode_workers, memory_limit_bytes=settings.decode_memory_bytes)


def cpu_share(settings: Settings) -> int:
    """CPUs for each server process; at least 1."""
    return max(1, available_cpus() // settings.workers)


def _graph_cache(settings: Settings) -> Path | None:
    """The folder of prepared graphs; None if it is not wanted or cannot be written."""
    if not settings.optimize:
        return None
    folder = cache_folder(settings.cache_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        log.warning("cannot write %s (PARASERVE_CACHE_DIR): models run as they are on disk", folder)
        return None
    return folder


def _parts(settings: Settings) -> BundleParts:
    models_dir = models_folder(settings.models_dir)
    root = bundle_root(settings.bundle, models_dir)
    verify_bundle(root)
    parts = bundle_parts(root)
    return replace(
        parts,
        asr=_folder(settings.model_dir, "asr", parts.asr, models_dir) or _no_recognizer(),
        # Beside another recogniser the bundle's partial texts would be those of another vocabulary.
        asr_online=_folder(
            settings.online_model_dir,
            "asr-online",
            parts.asr_online if settings.model_dir is None else None,
            models_dir,
        ),
        vad=_folder(settings.vad_dir, "vad", parts.vad, models_dir),
        punc=_folder(settings.punc_dir, "punc", parts.punc, models_dir),
        # Another punctuation model, or none, is meant for live texts too.
        punc_online=parts.punc_online if settings.punc_dir is None else None,
        has_itn=settings.itn_dir not in REMOVED,
        has_partials=settings.online_model_dir not in REMOVED,
        asr_quantize=settings.quantize,
        vad_quantize=settings.vad_quant,
        punc_quantize=settings.punc_quant,
    )


def _folder(chosen: str | None, part: str, default: Path | None, models_dir: Path) -> Path | None:
    if chosen is None:
        return default
    if chosen in REMOVED:
        return None
    folder = part_folder(chosen, part, models_dir)
    verify_part(folder)
    return folder


def _no_recognizer() -> Path:
    raise ModelLoadError("a recogniser is needed: model_dir must name a folder")


def _warm_up(bundle: ModelBundle) -> None:
    """One second of faint noise through the models, so that the first client does not pay for first-run work."""
    samples = np.random.default_rng(0).normal(0, 1e-3, SAMPLE_RATE).astype(np.float32)
    if bundle.vad is not None:
        bundle.vad.segment(samples)
    bundle.recognizer.recognize([SegmentAudio(samples)], DecodeOptions())
    if bundle.streaming is not None:
        chunk = ChunkSize()
        first = SegmentAudio(samples[: chunk.step_ms * SAMPLE_RATE // 1000])
        item = StreamingItem(bundle.streaming.new_state(chunk), first, is_last=False)
        ((state, _),) = bundle.streaming.step([item])
        bundle.streaming.step([StreamingItem(state, SegmentAudio(samples[:0]), is_last=True)])
    if bundle.punctuator is not None:
        bundle.punctuator.punctuate(["one"])
    if bundle.punctuator_online is not None:
        bundle.punctuator_online.step(bundle.punctuator_online.new_state(), ["one"])
    if bundle.itn is not None:
        bundle.itn.normalize("one")
