"""The routes by which an operator reloads a running server, and takes a model away from it."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from paraserve.errors import OverloadedError, ProtocolError
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.server.access.key_fields import KeyScope
from paraserve.server.admin.admin_check import AdminCheck
from paraserve.server.http.api_docs import WITHOUT_KEY, error_answers, json_answer, key_with, path_parameter
from paraserve.server.http.error_codes import HOST_CODES, SCOPE_CODES
from paraserve.server.http.health import model_state
from paraserve.server.http.small_bodies import read_small_json
from paraserve.server.protocols.schemas.admin_messages import ReloadAnswer, ReloadRequest
from paraserve.server.pulling.loading import unload
from paraserve.server.reloading import Reload, Reloader

CODES = (
    *HOST_CODES,
    *SCOPE_CODES,
    "origin_not_allowed",
    "local_only",
    "invalid_json",
    "invalid_value",
    "upload_timeout",
    "reload_failed",
    "not_ready",
    "internal_error",
)
UNLOAD_CODES = (
    *HOST_CODES,
    *SCOPE_CODES,
    "origin_not_allowed",
    "local_only",
    "model_not_found",
    "reload_failed",
    "not_ready",
    "internal_error",
)


def admin_router() -> APIRouter:
    """Make `POST /v1/admin/reload`, and the route that unloads a model."""
    routes = APIRouter(tags=["health"], dependencies=[key_with(KeyScope.ADMIN)])
    routes.add_api_route(
        "/v1/admin/reload",
        reload,
        methods=["POST"],
        operation_id="reload",
        summary="Read settings, models, keys and certificate again",
        response_class=Response,
        response_model=None,
        responses={200: json_answer("Reloaded.", ReloadAnswer), **error_answers(CODES)},
        openapi_extra={"requestBody": _request_body(), **WITHOUT_KEY},
    )
    routes.add_api_route(
        "/v1/admin/models/{name}/unload",
        unload_model,
        methods=["POST"],
        operation_id="unload_model",
        summary="Unload a model",
        response_class=Response,
        response_model=None,
        responses={200: json_answer("Unloaded.", ReloadAnswer), **error_answers(UNLOAD_CODES)},
        openapi_extra={"parameters": [path_parameter("name", "Name of a model of the server.")], **WITHOUT_KEY},
    )
    return routes


async def reload(request: Request) -> Response:
    """Loads changed models beside the old ones. They take over between utterances, and nothing in progress is lost.

    If anything cannot be used, all stays as it was. Without API keys only programs and pages of the server's own
    machine may call it.
    """
    AdminCheck(request.app.state.access).check(request)
    bundles = read_bundles(await read_small_json(request))
    reloader, _ = _reloading(request)
    return _answer(request, await reloader.reload(bundles, is_for_all=True))


async def unload_model(request: Request) -> Response:
    """Takes a model away, as a reload without its bundle does. What is in progress with it ends with it.

    Its files stay, so a pull of it loads it again at once. The last model, and those that have a table in the
    settings, are kept.
    """
    AdminCheck(request.app.state.access).check(request)
    reloader, _ = _reloading(request)
    return _answer(request, await unload(reloader, request.path_params["name"]))


def _reloading(request: Request) -> tuple[Reloader, RoutedEngine]:
    reloader: Reloader | None = request.app.state.reloader
    engine: RoutedEngine | None = request.app.state.readiness.engine
    if reloader is None or engine is None:
        raise OverloadedError("the server is starting or shutting down", code="not_ready")
    return reloader, engine


def _answer(request: Request, done: Reload) -> Response:
    _, engine = _reloading(request)
    models = [model_state(status) for status in engine.statuses]
    body = {"models": models, "changed": list(done.changed), "not_applied": list(done.not_applied)}
    return JSONResponse({"status": "ok"} | body)


def read_bundles(message: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the bundles that a request names, none for an empty object.

    Raises:
        ProtocolError: `bundle` is no name and no list of names, or there is another key.
    """
    for name in message:
        if name != "bundle":
            raise ProtocolError(f"there is no field {name[:40]!r}: only bundle", code="invalid_value", param=None)
    value = message.get("bundle", [])
    bundles = [value] if isinstance(value, str) else value
    if not isinstance(bundles, list) or not all(isinstance(one, str) and one for one in bundles):
        raise ProtocolError("bundle must be a name or a list of names", code="invalid_value", param="bundle")
    return tuple(bundles)


def _request_body() -> dict[str, Any]:
    content = {"application/json": {"schema": ReloadRequest.model_json_schema()}}
    return {"description": "Nothing, or choices of the operator.", "required": False, "content": content}
