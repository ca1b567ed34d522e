"""Limit on live connections: the operator's number, or as many as the machine is measured to carry."""

import structlog

from paraserve.options import StreamConfig
from paraserve.runtime.capacity import Capacity, measure_capacity
from paraserve.runtime.engine import Engine
from paraserve.settings import Settings
from paraserve.wiring import cpu_share

LIVE_PER_CPU = 8
"""Live connections that are let in for each CPU where the operator does not say: twice those that it can serve while
all of them speak, since people also listen."""
TALKERS_PER_WORKER = 4
"""Streams of a measurement: enough to fill a batch of each inference thread."""
TALKERS_PER_GPU = 64

log = structlog.get_logger()


async def live_limit(settings: Settings, engine: Engine) -> int:
    """Return the most live connections at once; "auto" takes a second or two to find out.

    Raises:
        InferenceError: a model failed.
    """
    if settings.max_live == "auto":
        found = await live_capacity(settings, engine)
        facts = {"live_streams": found.live_streams, "speed": round(found.speed, 1), "s": round(found.took_s, 1)}
        log.info("live capacity measured", **facts)
        return found.live_streams
    return settings.max_live or LIVE_PER_CPU * cpu_share(settings)


async def live_capacity(settings: Settings, engine: Engine, config: StreamConfig | None = None) -> Capacity:
    """Measure what this machine carries while all live clients talk without a pause.

    Raises:
        InferenceError: a model failed.
        ProtocolError: mode "online" without a streaming model.
    """
    return await measure_capacity(engine, talker_count(settings), config)


def talker_count(settings: Settings) -> int:
    """Return how many streams it takes to keep the device busy."""
    if settings.is_cpu:
        return TALKERS_PER_WORKER * (settings.inference_threads or cpu_share(settings))
    return TALKERS_PER_GPU * len(settings.devices)
