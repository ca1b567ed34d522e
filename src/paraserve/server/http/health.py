"""Routes for operators and orchestrators: alive, ready, metrics, loaded models."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from paraserve.runtime.routing.loaded_model import ModelStatus
from paraserve.runtime.routing.names import ModelNames, find_model
from paraserve.server.access.key_fields import KeyScope
from paraserve.server.http.api_docs import (
    REQUEST_ID,
    RETRY_AFTER,
    Responses,
    error_answers,
    json_answer,
    path_parameter,
    text_answer,
)
from paraserve.server.http.get_routes import GetRoute, get_router
from paraserve.server.protocols.error_body import ErrorBody
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.schemas.health_answers import Alive, NotReady, Ready
from paraserve.server.protocols.schemas.openai_answers import OpenAIModel, OpenAIModelList
from paraserve.server.readiness import Readiness
from paraserve.server.telemetry.metrics import Metrics
from paraserve.settings import Settings

RETRY_AFTER_S = 1
MODEL = path_parameter("model", "Id of a model in the list.")
METRICS_EXAMPLE = """# TYPE paraserve_live_sessions gauge
paraserve_live_sessions 3.0
"""


def health_router(readiness: Readiness, metrics: Metrics, settings: Settings) -> APIRouter:
    """Make `/livez`, `/readyz` (also `/health`), `/metrics` and `/v1/models`."""
    health = HealthRoutes(readiness, metrics, settings)
    is_alive: Responses = {200: json_answer("The process answers.", Alive)}
    listed: Responses = {200: json_answer("The models.", OpenAIModelList)}
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
        statuses = self._statuses
        bundle = statuses[0].bundle if statuses else ""
        body = {"bundle": bundle, "device": self.settings.device, "models": [model_state(one) for one in statuses]}
        if problem is not None:
            headers = {"Retry-After": str(RETRY_AFTER_S)}
            return JSONResponse({"status": "not ready", "reason": problem, **body}, 503, headers)
        failed = [f"{one.name}: {one.problem}" for one in statuses if one.problem]
        status = {"status": "degraded", "reason": "; ".join(failed)} if failed else {"status": "ok"}
        return JSONResponse({**status, "last_decode_age_s": round(self.readiness.age_s, 1), **body})

    async def models(self) -> Response:
        """Lists the models as OpenAI does, with their aliases, what they understand, and whether they are loaded."""
        return JSONResponse({"object": "list", "data": [_openai_model(one) for one in self._statuses]})

    async def model(self, request: Request) -> Response:
        """Describes a model under its name, an alias, or a name that stands for one, such as `whisper-1`."""
        names = [ModelNames(one.name, one.aliases, one.kind) for one in self._statuses]
        name = find_model(request.path_params["model"], names)
        found = next((one for one in self._statuses if one.name == name), self._default)
        return JSONResponse(_openai_model(found))

    @property
    def _statuses(self) -> list[ModelStatus]:
        engine = self.readiness.engine
        return [] if engine is None else engine.statuses

    @property
    def _default(self) -> ModelStatus:
        return next((one for one in self._statuses if one.state == "loaded"), self._statuses[0])

    async def figures(self) -> Response:
        """Counts, times and sizes in Prometheus' text format, described in docs/metrics.md."""
        return Response(self.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _openai_model(status: ModelStatus) -> Json:
    shape: Json = {"id": status.name, "object": "model", "created": 0, "owned_by": "paraserve"}
    about = {"aliases": list(status.aliases), "knows": status.knows, "is_embedded": status.is_embedded}
    return shape | about | _facts(status)


def model_state(status: ModelStatus) -> Json:
    """Return the facts about a model, for operators."""
    body: Json = {"name": status.name} | _facts(status) | {"users": status.users}
    return body | ({"reason": status.problem} if status.problem else {})


def _facts(status: ModelStatus) -> Json:
    return {"state": status.state, "languages": list(status.languages), "memory_bytes": status.memory_bytes}
