"""`paraserve models quantize`: int8 graphs beside the float32 ones of a model folder or a bundle."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import typer

from paraserve.catalog.store import bundle_root, models_folder
from paraserve.cli.checks.machine_checks import processor_name
from paraserve.cli.config import read_settings
from paraserve.cli.progress import Bars
from paraserve.cpus import available_cpus
from paraserve.errors import ParaserveError
from paraserve.inference.graphs.cache import cache_folder, has_vnni
from paraserve.inference.graphs.session import Placement, runtime_version
from paraserve.quantize.gathering import gather_samples, read_recordings
from paraserve.quantize.quantizing import Comparison, Method, missing_samples, quantize_model
from paraserve.quantize.samples import SampleSet, sample_files
from paraserve.quantize.staging import publish, staged
from paraserve.quantize.targets import Plan, make_plan
from paraserve.quantize.trial_runs import RESULT_NAMES
from paraserve.settings import Settings
from paraserve.wiring import open_decode_pool

Report: TypeAlias = Callable[[str], None]


def quantize_bundle(bundle: str, method: Method, samples: Path | None, *, force: bool) -> None:
    """Make the int8 graphs of a bundle or a model folder, and print what they are like.

    Raises:
        ParaserveError: a model, a recording or a folder cannot be used.
    """
    settings = read_settings({})
    if method == "static" and samples is None:
        raise ParaserveError("static scales are measured on samples: --samples FOLDER names recordings of speech")
    plan = make_plan(bundle_root(bundle, models_folder(settings.models_dir)), force=force)
    placement = Placement(
        threads=settings.model_threads, cache=cache_folder(settings.cache_dir) if settings.optimize else None
    )
    files = sample_files(samples) if samples is not None else ([], [])
    with Bars() as bars:

        def report(line: str) -> None:
            with bars.hidden():
                typer.echo(f"paraserve: {line}", err=True)

        for sentence in plan.left_out:
            report(f"{sentence}: left out")
        comparisons = _quantize_all(
            plan, method, placement, lambda: _samples(plan, files, settings, placement, report), bars
        )
    for line in _lines(plan, comparisons, settings):
        print(line)


def _quantize_all(
    plan: Plan, method: Method, placement: Placement, gather: Callable[[], SampleSet], bars: Bars
) -> list[Comparison]:
    """Quantize all models. The graphs get their names when all of them are made and tried."""
    with ExitStack() as stack:
        # A folder that cannot be written, or is full, shows before the work begins.
        stagings = [stack.enter_context(staged(target)) for target in plan.targets]
        with bars.bar("samples"):
            samples = gather()
        comparisons = []
        for target, staging in zip(plan.targets, stagings, strict=True):
            with bars.bar(target.name):
                comparisons.append(quantize_model(target, staging, method, samples, placement))
        publish(plan, stagings)
    return comparisons


def _samples(
    plan: Plan, files: tuple[list[Path], list[Path]], settings: Settings, placement: Placement, report: Report
) -> SampleSet:
    audio_files, text_files = files
    pool, max_duration_ms = open_decode_pool(settings), settings.max_duration_s * 1000
    recordings = asyncio.run(read_recordings(audio_files, pool, max_duration_ms, report))
    if audio_files and not recordings:
        raise ParaserveError(f"none of the {len(audio_files)} recordings can be read")
    return gather_samples(plan, recordings, text_files, placement, report)


def _lines(plan: Plan, comparisons: list[Comparison], settings: Settings) -> Iterator[str]:
    vnni = "VNNI" if has_vnni() else "no VNNI"
    threads = _count(settings.model_threads, "thread")
    version = f"onnxruntime {runtime_version()}"
    yield f"machine\t{processor_name()} ({vnni}), {available_cpus()} CPUs, {threads}, {version}"
    for comparison in comparisons:
        name = comparison.target.name
        for size in comparison.sizes:
            path = size.result.relative_to(plan.root)
            yield f"{path}\t{size.int8_bytes / 1e6:.1f} MB, {size.float_bytes / 1e6:.1f} MB as float32"
        ratio = comparison.float_s / comparison.int8_s
        yield (
            f"{name}\t{ratio:.2f} times the speed of float32: {comparison.int8_s:.3f} s instead of "
            f"{comparison.float_s:.3f} s of CPU time for {comparison.timed}, best of {comparison.n_rounds}"
        )
        yield f"{name}\t{_change(comparison)}"


def _change(comparison: Comparison) -> str:
    if not comparison.n_samples:
        return f"nothing was compared: {missing_samples(comparison.target)}"
    n_changed, n_results = comparison.n_changed, comparison.n_results
    things = RESULT_NAMES[comparison.target.kind]
    share = f" ({100 * n_changed / n_results:.1f} %)" if n_results else ""
    return f"{n_changed} of {n_results} {things} changed{share} in {_count(comparison.n_samples, 'sample')}"


def _count(n: int, thing: str) -> str:
    return f"{n} {thing}{'' if n == 1 else 's'}"
