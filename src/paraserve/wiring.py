"""The composition root: settings in, a working engine out, for the server and for the local commands."""

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from paraserve.cpus import available_cpus
from paraserve.errors import ModelLoadError, ParaserveError
from paraserve.inference.base import ModelBundle
from paraserve.inference.graphs.cache import cache_folder
from paraserve.inference.graphs.session import CPU, Placement, cuda_problem
from paraserve.inference.hotword_lists import OperatorHotwords
from paraserve.inference.models.load import load_parts
from paraserve.inference.models.vad.whole_recording_vad import WholeRecordingVad
from paraserve.model_specs import model_specs, operator_hotwords, verify_model
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.draft_recognizer import DraftBudget
from paraserve.runtime.engine import Engine, LocalEngine, budget_of_drafts
from paraserve.runtime.multi_engine import Replicas
from paraserve.runtime.routing.loaded_model import Model, ModelSpec
from paraserve.runtime.routing.model_set import ModelSet
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.runtime.scheduling.batches import BatchBounds, BatchStats
from paraserve.runtime.scheduling.cpu_gpu_scheduler import AnyScheduler, SplitScheduler
from paraserve.runtime.scheduling.device_schedulers import DeviceSchedulers
from paraserve.runtime.scheduling.scheduler import Scheduler
from paraserve.settings import Settings
from paraserve.warm_up import warm_up

log = logging.getLogger(__name__)

GPU_WORKERS = 2
"""Threads for each GPU: while one prepares its batch or reads its results, the GPU works for the other."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device of the server, and the scheduler of all models on it."""

    placement: Placement
    scheduler: AnyScheduler
    draft_budget: DraftBudget


def open_engine(
    settings: Settings,
    on_batch: Callable[[BatchStats], None] = lambda _: None,
    on_lm_failure: Callable[[], None] = lambda: None,
) -> RoutedEngine:
    """Verify, load and warm up the models on each device; blocks for a second or more.

    A model that cannot be loaded is left out, as long as another one can. `on_batch` is called after each batch, on
    the thread that ran it, and `on_lm_failure` where a language model finds no way through a segment.

    Raises:
        ModelLoadError: no model can be loaded; names the file or folder at fault.
    """
    specs = model_specs(settings)
    devices = _open_devices(settings, on_batch)
    schedulers = DeviceSchedulers([device.scheduler for device in devices])
    opener = ModelOpener(settings, devices, on_lm_failure)
    models = [_opened(opener, spec) for spec in specs]
    problems = {model.spec.name: model.problem for model in models if model.problem is not None}
    if not any(model.loaded for model in models):
        schedulers.close_now()
        raise next(iter(problems.values()))
    for name, problem in problems.items():
        log.error("model %s cannot be loaded: %s", name, problem.message)
    return RoutedEngine(ModelSet(models, opener, settings.models_memory_bytes), schedulers)


@dataclass(frozen=True, slots=True)
class ModelOpener:
    """Loads models as the settings say, on the devices of a server."""

    settings: Settings
    devices: tuple[Device, ...]
    on_lm_failure: Callable[[], None] = lambda: None

    def __call__(self, spec: ModelSpec) -> Engine:
        """Verify, load and warm up a model on each device; blocks for a second or more.

        Raises:
            ModelLoadError: names the file or folder at fault.
        """
        parts, hotwords = verify_model(self.settings, spec.bundle), operator_hotwords(self.settings)
        engines = []
        for device in self.devices:
            bundle = load_parts(parts, device.placement, on_lm_failure=self.on_lm_failure)
            warm_up(bundle, is_cpu=device.placement.is_cpu)
            engines.append(_engine(bundle, device, hotwords))
        if len(engines) == 1:
            return engines[0]
        return Replicas([(device.placement.device, one) for device, one in zip(self.devices, engines, strict=True)])


async def reload_models(engine: RoutedEngine, settings: Settings) -> None:
    """Serve the models of these settings from now on. An engine that was not opened from settings stays as it is.

    Raises:
        ParaserveError: a model or the hotword file cannot be used. All stays as it was.
    """
    opener = engine.models.open_model
    if not isinstance(opener, ModelOpener):
        return
    specs = await asyncio.to_thread(model_specs, settings)
    await engine.models.reload(specs, replace(opener, settings=settings), settings.models_memory_bytes)


def _engine(bundle: ModelBundle, device: Device, hotwords: OperatorHotwords) -> LocalEngine:
    vad = bundle.vad or WholeRecordingVad()
    return LocalEngine(
        bundle, device.scheduler, vad, hotwords, owns_scheduler=False, draft_budget=device.draft_budget
    )


def _opened(opener: ModelOpener, spec: ModelSpec) -> Model:
    """Return a model, loaded if it is to be loaded at the start and can be."""
    model = Model(spec)
    if spec.is_on_demand:
        return model
    try:
        model.loaded_as(opener(spec))
    except ParaserveError as problem:
        model.failed(problem)
    return model


def _open_devices(settings: Settings, on_batch: Callable[[BatchStats], None]) -> tuple[Device, ...]:
    """Make the devices of the settings, with their threads.

    Raises:
        ModelLoadError: a GPU cannot be used.
    """
    cache = _graph_cache(settings)
    workers = _device_workers(settings)
    for device in settings.devices:
        if device != CPU.device and (problem := cuda_problem(device)):
            # int8 graphs run on the CPU anyway, so a bundle of them would not reveal that the GPU is missing.
            raise ModelLoadError(str(problem))
    made = []
    for device in settings.devices:
        scheduler = _scheduler(settings, workers, on_batch)
        placement = Placement(
            device,
            settings.model_threads,
            cache,
            memory_bytes=settings.gpu_memory_bytes,
            workers=workers,
            run_timeout_s=settings.inference_timeout_s,
        )
        made.append(Device(placement, scheduler, budget_of_drafts(scheduler)))
    return tuple(made)


def _scheduler(settings: Settings, workers: int, on_batch: Callable[[BatchStats], None]) -> AnyScheduler:
    """Make the scheduler of one device; beside a GPU's the CPU has one of its own."""
    bounds = BatchBounds(settings.batch_items, settings.batch_frames)
    scheduler = Scheduler(workers, on_batch=on_batch, bounds=bounds)
    if settings.is_cpu:
        return scheduler
    return SplitScheduler(scheduler, Scheduler(_cpu_workers(settings), on_batch=on_batch, bounds=bounds))


def model_workers(settings: Settings) -> int:
    """Threads of all devices that run recognizers."""
    return _device_workers(settings) * len(settings.devices)


def _device_workers(settings: Settings) -> int:
    return settings.inference_threads or (_cpu_workers(settings) if settings.is_cpu else GPU_WORKERS)


def _cpu_workers(settings: Settings) -> int:
    """CPUs for each device of this process, at least 1."""
    return max(1, cpu_share(settings) // len(settings.devices))


def open_decode_pool(settings: Settings, on_wait: Callable[[float], None] = lambda _seconds: None) -> DecodePool:
    """Make the pool of decode children of this process; children start when they are needed.

    `on_wait` is called with the seconds that each recording waited for a child.
    """
    return DecodePool(
        workers=settings.decode_workers,
        live_workers=settings.live_decode_workers,
        memory_limit_bytes=settings.decode_memory_bytes,
        on_wait=on_wait,
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
