"""What `paraserve bench` does: measurements of this machine, and the figures in words."""

import asyncio
import time
from collections.abc import Sequence
from typing import Literal

import numpy as np
import typer

from paraserve import __version__
from paraserve.cli.config import check_files, read_settings
from paraserve.cli.inputs import Source, open_sources
from paraserve.cli.local import LocalTranscriber, open_local
from paraserve.cpus import available_cpus
from paraserve.errors import ParaserveError
from paraserve.inference.graphs.session import runtime_version
from paraserve.options import RecognitionOptions, StreamConfig
from paraserve.runtime.capacity import Capacity, measure_file_capacity
from paraserve.runtime.offline import first_cause
from paraserve.server.live.live_limit import live_capacity, talker_count
from paraserve.settings import Settings


def bench_settings(bundle: Sequence[str] | None, device: str | None) -> Settings:
    """Return the settings of a measurement, and say on stderr what is measured.

    Raises:
        ParaserveError: a setting is wrong, or a model is not here.
    """
    settings = read_settings({"bundle": bundle or None, "device": device})
    check_files(settings)
    where = f"{available_cpus()} CPUs" if settings.device == "cpu" else settings.device
    version = f"paraserve {__version__}, onnxruntime {runtime_version()}"
    typer.echo(f"{version}, {where}, bundle {', '.join(settings.model_entries)}", err=True)
    return settings


def bench_files(settings: Settings, files: Sequence[str], at_once: int | None) -> None:
    """Measure recordings, or invented audio without any, and print the figures.

    Raises:
        ParaserveError: a recording cannot be used.
    """
    n = at_once or talker_count(settings)
    if not files:
        rating = asyncio.run(_rate_files(settings, n))
        print(f"{rating.speed:.1f}x real time, {n} recordings of invented audio at once, decoded before")
        return
    with open_sources(files) as sources:
        print(asyncio.run(_time_files(settings, sources, n)))


def bench_live(settings: Settings, mode: Literal["2pass", "online"]) -> None:
    """Measure live clients, and print how many of them there may be."""
    rating = asyncio.run(_rate_live(settings, StreamConfig(mode=mode)))
    print(f"{rating.live_streams} live streams that talk all the time, mode {mode}")
    print(
        f"(the models do {rating.speed:.1f} s of audio a second when {rating.callers} streams talk as fast as they "
        f"can; measured in {rating.took_s:.1f} s)"
    )


async def _rate_files(settings: Settings, n: int) -> Capacity:
    async with open_local(settings) as local:
        return await measure_file_capacity(local.engine, n)


async def _rate_live(settings: Settings, config: StreamConfig) -> Capacity:
    async with open_local(settings) as local:
        return await live_capacity(settings, local.engine, config)


async def _time_files(settings: Settings, sources: Sequence[Source], n: int) -> str:
    """Transcribe each recording once, `n` at a time, decoding included; return a line with the figures."""
    async with open_local(settings) as local:
        started, slots = time.monotonic(), asyncio.Semaphore(n)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(_time_file(local, source, slots)) for source in sources]
        except ExceptionGroup as errors:
            raise first_cause(errors) from None
        wall_s = time.monotonic() - started
    times = [task.result() for task in tasks]
    audio_s = sum(duration_s for _, duration_s in times)
    p50_s, p95_s = np.percentile([took_s for took_s, _ in times], (50, 95))
    return (
        f"{audio_s / wall_s:.1f}x real time, {len(times)} recordings of {audio_s:.0f} s together, {n} at once: "
        f"{len(times) / wall_s:.2f} files/s, each took {p50_s:.2f} s (median), {p95_s:.2f} s (p95)"
    )


async def _time_file(local: LocalTranscriber, source: Source, slots: asyncio.Semaphore) -> tuple[float, float]:
    """Transcribe one recording; return how long that took and how long the recording is, in seconds."""
    async with slots:
        begun = time.monotonic()
        try:
            transcript = await local(source, RecognitionOptions(), lambda _done, _total: None)
        except ParaserveError as error:
            raise ParaserveError(f"{source.name}: {error.message}") from None
        except OSError as error:
            raise ParaserveError(f"{source.name}: {error.strerror}") from None
        return time.monotonic() - begun, transcript.duration_ms / 1000
