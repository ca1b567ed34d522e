"""Limit on live connections: the operator's number, or as many as get their final texts in time.

Below the limit newcomers are refused while the present delays leave no room (`runtime/scheduling/live_load.py`).
"""

import math

import structlog

from paraserve.options import StreamConfig
from paraserve.runtime.capacity import Capacity, measure_capacity
from paraserve.runtime.engine import Engine
from paraserve.settings import Settings
from paraserve.wiring import cpu_share

AUTO_SHARE = 2.5
"""Live connections with `auto`, in those that are carried with all partial texts. So many keep their final texts in
time even where all of them come at once, before there are delays to see."""
LIVE_PER_CPU = 8
"""Live connections that are let in for each CPU where the operator does not say: twice those that it can serve while
all of them speak, since people also listen."""
TALKERS_PER_WORKER = 4
"""Streams of a measurement: enough to fill a batch of each inference thread."""
TALKERS_PER_GPU = 64

log = structlog.get_logger()


async def live_limit(settings: Settings, engine: Engine) -> int:
    """Return the most live connections at once. It takes a second or two to find out for "auto".

    Raises:
        InferenceError: a model failed.
    """
    if settings.max_live == "auto":
        found = await live_capacity(settings, engine)
        limit = math.ceil(AUTO_SHARE * found.live_streams)
        facts = {"live_streams": found.live_streams, "speed": round(found.speed, 1), "s": round(found.took_s, 1)}
        log.info("live capacity measured", limit=limit, **facts)
        return limit
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
