"""Routes for operators and orchestrators: alive, ready, metrics, loaded models."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from paraserve.errors import NoSuchModelError
from paraserve.server.access.key_fields import KeyScope
from paraserve.server.http.api_docs import REQUEST_ID, RETRY_AFTER, Responses, error_answers, json_answer, text_answer
from paraserve.server.http.get_routes import GetRoute, get_router
from paraserve.server.http.parsing.openai_fields import ANY_MODEL, bundle_names
from paraserve.server.protocols.error_body import ErrorBody
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.schemas.health_answers import Alive, NotReady, Ready
from paraserve.server.protocols.schemas.openai_answers import OpenAIModel, OpenAIModelList
from paraserve.server.readiness import Readiness
from paraserve.server.telemetry.metrics import Metrics
from paraserve.settings import Settings

RETRY_AFTER_S = 1
MAX_NAME_CHARS = 100
MODEL: Json = {
    "name": "model",
    "in": "path",
    "required": True,
    "description": "Id of a model in the list.",
    "schema": {"type": "string"},
}
METRICS_EXAMPLE = """# TYPE paraserve_live_sessions gauge
paraserve_live_sessions 3.0
"""


def health_router(readiness: Readiness, metrics: Metrics, settings: Settings) -> APIRouter:
    """Make `/livez`, `/readyz` (also `/health`), `/metrics` and `/v1/models`."""
    health = HealthRoutes(readiness, metrics, settings)
    is_alive: Responses = {200: json_answer("The process answers.", Alive)}
    listed: Responses = {200: json_answer("The loaded bundle.", OpenAIModelList)}
    one: Responses = {200: json_answer("The model.", OpenAIModel), **error_answers(["model_not_found"])}
    figures: Responses = {200: text_answer("All figures.", CONTENT_TYPE_LATEST.partition(";")[0], METRICS_EXAMPLE)}
    not_ready = json_answer(
        "The models do not answer, the server is starting or stopping, or too many connections are open.",
        NotReady | ErrorBody,
    )
    is_ready: Responses = {
        **error_answers(["internal_error"]),
        200: json_answer("The models answer.", Ready),
        503: not_ready | {"headers": {**REQUEST_ID, **RETRY_AFTER}},
    }
    return get_router(
        GetRoute("/livez", "livez", "health", "Is the process alive?", health.livez, is_alive),
        GetRoute("/readyz", "readyz", "health", "Is the server ready?", health.readyz, is_ready),
        GetRoute("/health", "health", "health", "Is the server ready? (as `/readyz`)", health.readyz, is_ready),
        GetRoute(
            "/metrics", "metrics", "health", "Figures for Prometheus", health.figures, figures,
            wants_key=True, key_scope=KeyScope.METRICS,
        ),
        GetRoute(
            "/v1/models", "models", "transcription", "List the loaded models", health.models, listed, wants_key=True
        ),
        GetRoute(
            "/v1/models/{model:path}", "model", "transcription", "Describe a loaded model", health.model, one,
            parameters=(MODEL,), wants_key=True,
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class HealthRoutes:
    """Endpoints, and everything that they tell of."""

    readiness: Readiness
    metrics: Metrics
    settings: Settings

    async def livez(self) -> Response:
        """Answers as long as the process does. Orchestrators restart it when it does not."""
        return JSONResponse({"status": "ok"})

    async def readyz(self) -> Response:
        """Recognizes a second of audio, unless that succeeded in the last 5 s. Takes at most 5 s."""
        problem = await self.readiness.problem()
        body: dict[str, object] = {"bundle": self.settings.bundle, "device": self.settings.device}
        if problem is not None:
            headers = {"Retry-After": str(RETRY_AFTER_S)}
            return JSONResponse({"status": "not ready", "reason": problem, **body}, 503, headers)
        return JSONResponse({"status": "ok", "last_decode_age_s": round(self.readiness.age_s, 1), **body})

    async def models(self) -> Response:
        """Lists the loaded bundle as OpenAI lists models."""
        return JSONResponse({"object": "list", "data": [self._model()]})

    async def model(self, request: Request) -> Response:
        """Describes the loaded bundle under the id in the list of models, under its name, or as `whisper-1`."""
        name = request.path_params["model"]
        if name not in (*bundle_names(self.settings.bundle), *ANY_MODEL):
            raise NoSuchModelError(f"no model {name[:MAX_NAME_CHARS]!r} is loaded", param="model")
        return JSONResponse(self._model())

    def _model(self) -> Json:
        return {"id": self.settings.bundle, "object": "model", "created": 0, "owned_by": "paraserve"}

    async def figures(self) -> Response:
        """Counts, times and sizes in Prometheus' text format, described in docs/metrics.md."""
        return Response(self.metrics.text(), media_type=CONTENT_TYPE_LATEST)
