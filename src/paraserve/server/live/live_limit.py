"""How many live connections are let in: as the operator says, or as many as the machine was measured to carry."""

import structlog

from paraserve.runtime.capacity import Capacity, measure_capacity
from paraserve.runtime.engine import Engine
from paraserve.settings import Settings
from paraserve.types import StreamConfig
from paraserve.wiring import cpu_share

LIVE_PER_CPU = 8
"""Live connections that are let in for each CPU where the operator does not say: twice those that it can serve while
all of them speak, since people also listen."""
TALKERS_PER_WORKER = 4
"""Of a rating: enough to fill a batch of each inference thread."""
TALKERS_PER_GPU = 64

log = structlog.get_logger()


async def live_limit(settings: Settings, engine: Engine) -> int:
    """The most live connections at once; "auto" takes a second or two to find out.

    Raises:
        InferenceError: a model failed.
    """
    if settings.max_live == "auto":
        rating = await rate(settings, engine)
        log.info("rated", live_streams=rating.live_streams, speed=round(rating.speed, 1), s=round(rating.took_s, 1))
        return rating.live_streams
    return settings.max_live or LIVE_PER_CPU * cpu_share(settings)


async def rate(settings: Settings, engine: Engine, config: StreamConfig | None = None) -> Capacity:
    """What this machine carries while all live clients talk without a pause."""
    return await measure_capacity(engine, callers(settings), config)


def callers(settings: Settings) -> int:
    """How many it takes to keep the device busy."""
    if settings.is_cpu:
        return TALKERS_PER_WORKER * (settings.inference_threads or cpu_share(settings))
    return TALKERS_PER_GPU * len(settings.devices)
