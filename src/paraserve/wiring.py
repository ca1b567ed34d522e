"""The composition root: settings in, a working engine out, for the server and for the local commands."""

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from paraserve.catalog.manifest import verify_bundle, verify_part
from paraserve.catalog.store import bundle_root, models_folder, part_folder
from paraserve.cpus import available_cpus
from paraserve.errors import ModelLoadError
from paraserve.inference.graphs.cache import cache_folder
from paraserve.inference.graphs.session import CPU, Placement, cuda_problem
from paraserve.inference.models.load import BundleParts, bundle_parts, load_parts
from paraserve.inference.models.recognizers.paraformer_hotwords import read_hotword_file
from paraserve.inference.models.vad.whole_recording_vad import WholeRecordingVad
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.engine import Engine, LocalEngine
from paraserve.runtime.multi_engine import Replicas
from paraserve.runtime.scheduling.batches import BatchStats
from paraserve.runtime.scheduling.cpu_gpu_scheduler import AnyScheduler, SplitScheduler
from paraserve.runtime.scheduling.scheduler import Scheduler
from paraserve.setting_fields import REMOVED
from paraserve.settings import Settings
from paraserve.user_folders import expanded
from paraserve.warm_up import warm_up

log = logging.getLogger(__name__)

GPU_WORKERS = 2
"""Threads for each GPU: while one prepares its batch or reads its results, the GPU works for the other."""


def open_engine(settings: Settings, on_batch: Callable[[BatchStats], None] = lambda _: None) -> Engine:
    """Verify, load and warm up the models on each device; blocks for a second or more.

    `on_batch` is called after each batch, on the thread that ran it.

    Raises:
        ModelLoadError: names the file or folder at fault.
    """
    parts, cache = _parts(settings), _graph_cache(settings)
    hotwords = read_hotword_file(expanded(settings.hotword_file)) if settings.hotword_file else ()
    workers = settings.inference_threads or (_cpu_workers(settings) if settings.is_cpu else GPU_WORKERS)
    bundles = []
    for device in settings.devices:
        if device != CPU.device and (problem := cuda_problem(device)):
            # int8 graphs run on the CPU anyway, so a bundle of them would not reveal that the GPU is missing.
            raise ModelLoadError(str(problem))
        placement = Placement(
            device,
            settings.model_threads,
            cache,
            memory_bytes=settings.gpu_memory_bytes,
            workers=workers,
            run_timeout_s=settings.inference_timeout_s,
        )
        bundle = load_parts(parts, placement)
        warm_up(bundle, is_cpu=placement.is_cpu)
        bundles.append(bundle)
    # Schedulers start threads, so they are made last, when nothing can fail any more.
    engines = [
        LocalEngine(bundle, _scheduler(settings, workers, on_batch), bundle.vad or WholeRecordingVad(), hotwords)
        for bundle in bundles
    ]
    return engines[0] if len(engines) == 1 else Replicas(list(zip(settings.devices, engines, strict=True)))


def _scheduler(settings: Settings, workers: int, on_batch: Callable[[BatchStats], None]) -> AnyScheduler:
    """Make the scheduler of one device; beside a GPU's the CPU has one of its own."""
    scheduler = Scheduler(workers, on_batch=on_batch)
    if settings.is_cpu:
        return scheduler
    return SplitScheduler(scheduler, Scheduler(_cpu_workers(settings), on_batch=on_batch))


def _cpu_workers(settings: Settings) -> int:
    """CPUs for each device of this process, at least 1."""
    return max(1, cpu_share(settings) // len(settings.devices))


def open_decode_pool(settings: Settings, on_wait: Callable[[float], None] = lambda _seconds: None) -> DecodePool:
    """Make the pool of decode children of this process; children start when they are needed.

    `on_wait` is called with the seconds that each recording waited for a child.
    """
    return DecodePool(
        workers=settings.decode_workers, memory_limit_bytes=settings.decode_memory_bytes, on_wait=on_wait
    )


def cpu_share(settings: Settings) -> int:
    """CPUs for each server process, at least 1."""
    return max(1, available_cpus() // settings.workers)


def _graph_cache(settings: Settings) -> Path | None:
    """Folder of prepared graphs; None if the settings turn it off or it cannot be written."""
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
    """Verified folders of all models: the bundle's parts, with those that the settings replace or remove."""
    models_dir = models_folder(settings.models_dir)
    root = bundle_root(settings.bundle, models_dir)
    verify_bundle(root)
    parts = bundle_parts(root)
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
        has_itn=settings.itn_dir not in REMOVED,
        has_partials=settings.online_model_dir not in REMOVED,
        asr_quantize=settings.quantize,
        vad_quantize=settings.vad_quant,
        punc_quantize=settings.punc_quant,
    )


def _folder(chosen: str | None, part: str, default: Path | None, models_dir: Path) -> Path | None:
    """Folder of one part: the verified one that a setting chooses, or the bundle's; None if there is to be none."""
    if chosen is None:
        return default
    if chosen in REMOVED:
        return None
    folder = part_folder(chosen, part, models_dir)
    verify_part(folder)
    return folder


def _no_recognizer() -> Path:
    raise ModelLoadError("a recogniser is needed: model_dir must name a folder")
