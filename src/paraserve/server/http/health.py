"""Alive, ready, measured: the routes that operators and orchestrators call."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from paraserve.server.readiness import Readiness
from paraserve.server.telemetry.metrics import Metrics
from paraserve.settings import Settings


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
        problem = await readiness.problem()
        body: dict[str, object] = {"bundle": settings.bundle, "device": settings.device}
        if problem is not None:
            return JSONResponse({"status": "not ready", "reason": problem, **body}, 503, {"Retry-After": "1"})
        return JSONResponse({"status": "ok", "last_decode_age_s": round(readiness.age_s, 1), **body})

    @routes.head("/v1/models", include_in_schema=False)
    @routes.get("/v1/models", tags=["transcription"])
    async def models() -> dict[str, object]:
        """The loaded bundle, as OpenAI lists models."""
        model = {"id": settings.bundle, "object": "model", "created": 0, "owned_by": "paraserve"}
        return {"object": "list", "data": [model]}

    @routes.api_route("/metrics", methods=["GET", "HEAD"], include_in_schema=False)
    async def figures() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return routes
