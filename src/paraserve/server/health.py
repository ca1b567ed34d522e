"""Alive, ready, measured: the routes that operators and orchestrators call."""

import asyncio
import time
from dataclasses import dataclass, field

import numpy as np
import structlog
from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from paraserve.errors import ParaserveError
from paraserve.runtime.engine import Engine
from paraserve.runtime.scheduler import Lane
from paraserve.server.observe import Metrics
from paraserve.settings import Settings
from paraserve.types import SAMPLE_RATE, DecodeOptions, SegmentAudio

PROBE_EVERY_S = 10.0
"""A successful decode counts for this long; then the next check makes another."""
PROBE_TIMEOUT_S = 10.0

log = structlog.get_logger()


@dataclass(slots=True)
class Readiness:
    """Ready means: a real one-second decode has succeeded lately, and the server is not about to stop."""

    engine: Engine | None = None
    is_draining: bool = False
    last_success_s: float = float("-inf")
    probe: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def age_s(self) -> float | None:
        """Age of the last successful decode in seconds; None = not ready."""
        if self.engine is None or self.is_draining:
            return None
        async with self.probe:
            if time.monotonic() - self.last_success_s > PROBE_EVERY_S:
                await self._decode(self.engine)
        age_s = time.monotonic() - self.last_success_s
        return age_s if age_s <= PROBE_EVERY_S else None

    async def _decode(self, engine: Engine) -> None:
        noise = np.random.default_rng(0).normal(0, 1e-3, SAMPLE_RATE).astype(np.float32)
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                await engine.recognize(SegmentAudio(noise), DecodeOptions(), Lane.STEP)
        except (TimeoutError, ParaserveError) as error:
            log.warning("readiness decode failed", error=repr(error))
            return
        self.last_success_s = time.monotonic()


def health_router(readiness: Readiness, metrics: Metrics, settings: Settings) -> APIRouter:
    """`/livez`, `/readyz` (also `/health`), `/metrics` and `/v1/models`."""
    routes = APIRouter()

    @routes.head("/livez", include_in_schema=False)
    @routes.get("/livez", tags=["health"])
    async def livez() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @routes.head("/readyz", include_in_schema=False)
    @routes.head("/health", include_in_schema=False)
    @routes.get("/readyz", tags=["health"])
    @routes.get("/health", tags=["health"])
    async def readyz() -> JSONResponse:
        """The models answer: a real decode has succeeded in the last seconds. 503 while starting or stopping."""
        age_s = await readiness.age_s()
        body: dict[str, object] = {"status": "not ready", "bundle": settings.bundle, "device": settings.device}
        if age_s is not None:
            body |= {"status": "ok", "last_decode_age_s": round(age_s, 1)}
        return JSONResponse(body, status_code=503 if age_s is None else 200)

    @routes.head("/v1/models", include_in_schema=False)
    @routes.get("/v1/models", tags=["transcription"])
    async def models() -> dict[str, object]:
        """The loaded bundle, as OpenAI lists models."""
        model = {"id": settings.bundle, "object": "model", "created": 0, "owned_by": "paraserve"}
        return {"object": "list", "data": [model]}

    @routes.api_route("/metrics", methods=["GET", "HEAD"], include_in_schema=False)
    async def figures() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return routes
