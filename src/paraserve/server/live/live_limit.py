"""Rating of this server in live clients, and the limit on live connections that follows from it.

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


async def live_rating(settings: Settings, engine: Engine) -> int:
    """Return how many clients may talk at once and get all partial texts in time. 0 = not known.

    The setting `live_rating` may say so. Otherwise it is measured, for a second or two, where a setting is "auto".

    Raises:
        InferenceError: a model failed.
    """
    if settings.live_rating not in (0, "auto"):
        return int(settings.live_rating)
    if "auto" not in (settings.live_rating, settings.max_live):
        return 0
    found = await live_capacity(settings, engine)
    log.info(
        "live capacity measured", rating=found.live_streams, speed=round(found.speed, 1), s=round(found.took_s, 1)
    )
    return found.live_streams


def live_limit(settings: Settings, rating: int) -> int:
    """Return the most live connections at once, for a server with this `rating` (`live_rating`)."""
    if settings.max_live == "auto":
        return math.ceil(AUTO_SHARE * rating)
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
