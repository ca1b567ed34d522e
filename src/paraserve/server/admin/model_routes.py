"""Routes of administration: models that a running server pulls and loads."""

import asyncio
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response, Security
from fastapi.responses import JSONResponse

from paraserve.errors import OverloadedError
from paraserve.server.access.key_fields import KeyScope
from paraserve.server.admin.admin_check import AdminCheck
from paraserve.server.http.api_docs import API_KEY, WITHOUT_KEY, Responses, error_answers, json_answer, path_parameter
from paraserve.server.http.error_codes import ACCESS_CODES, ADMIN_CODES, HOST_CODES, SCOPE_CODES
from paraserve.server.http.get_routes import GetRoute, get_router
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.schemas.admin_answers import AdminAccess, AdminModelList, Pull
from paraserve.server.pulling.pull_job import PullJob
from paraserve.server.pulling.pull_service import KnownBundle, PullService

TAG = "administration"
NAME = path_parameter("name", "Name of a model in the catalog.")
PULL_PATH = "/v1/admin/models/{name}/pull"
PULL_ROUTE: dict[str, Any] = {
    "tags": [TAG],
    "response_class": Response,
    "response_model": None,
    "openapi_extra": {"parameters": [NAME], **WITHOUT_KEY},
}
FAILURES = ("not_ready", "model_load_failed", "internal_error")
REFUSALS = (*HOST_CODES, *SCOPE_CODES, *ADMIN_CODES)


async def check_admin(request: Request, _described: Annotated[Any, API_KEY]) -> None:
    """Let administrators pass, as `AdminCheck` does."""
    AdminCheck(request.app.state.access).check(request)


ADMIN_ONLY = Security(check_admin, scopes=[KeyScope.ADMIN.value])
"""Dependency of all routes of administration but `/v1/admin`."""


def admin_models_router() -> APIRouter:
    """Make the routes below `/v1/admin`."""
    is_allowed: Responses = {
        200: json_answer("The answer.", AdminAccess),
        **error_answers([*HOST_CODES, *ACCESS_CODES]),
    }
    listed: Responses = {
        200: json_answer("The models.", AdminModelList),
        **error_answers([*REFUSALS, *FAILURES]),
    }
    routes = get_router(
        GetRoute(
            "/v1/admin", "admin", TAG, "May this client administer the server?", access, is_allowed, wants_key=True
        ),
        GetRoute(
            "/v1/admin/models", "admin_models", TAG, "List the models of the catalog", models, listed,
            wants_key=True, check=ADMIN_ONLY,
        ),
    )  # fmt: skip
    problems = ("model_not_found", "pull_in_progress", "missing_package", "model_pull_failed", "disk_full")
    add = partial(routes.add_api_route, PULL_PATH, dependencies=[ADMIN_ONLY], **PULL_ROUTE)
    add(
        endpoint=pull,
        methods=["POST"],
        operation_id="pull_model",
        summary="Pull and load a model",
        responses={202: json_answer("The pull has begun.", Pull), **error_answers([*REFUSALS, *problems, *FAILURES])},
        status_code=202,
    )
    add(
        endpoint=stop,
        methods=["DELETE"],
        operation_id="stop_pull",
        summary="Stop a pull",
        responses={
            200: json_answer("The pull is to stop.", Pull),
            **error_answers([*REFUSALS, "no_pull", *FAILURES]),
        },
    )
    return routes


async def access(request: Request) -> Response:
    """Holders of a key with the scope `admin` may. A server without keys lets programs of its own machine.

    Pages of other origins may not, and nobody through a proxy without a key.
    """
    refusal = AdminCheck(request.app.state.access).refusal(request)
    body = {"is_allowed": refusal is None, "reason": None if refusal is None else refusal.message}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


async def models(request: Request) -> Response:
    """Lists the models of the catalog that the server may pull and load, and tells how far the last pull is."""
    service = _service(request)
    known = await asyncio.to_thread(service.known)
    loaded = service.loaded()
    body = {
        "object": "list",
        "data": [_model(bundle, is_loaded=bundle.name in loaded) for bundle in known],
        "recommended": await asyncio.to_thread(service.recommended),
        "pull": None if service.job is None else _pull(service.job),
    }
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


async def pull(request: Request) -> Response:
    """Begins to fetch a model of the catalog, and loads it without a restart when all files are here and intact.

    One is fetched at a time. `GET /v1/admin/models` tells how far it is. What a pull that was stopped or failed has
    fetched is kept, and the next one goes on from there.
    """
    return JSONResponse(_pull(await _service(request).start(request.path_params["name"])), 202)


async def stop(request: Request) -> Response:
    """Stops the fetching of a model. What was fetched is kept. A load that has begun goes on."""
    return JSONResponse(_pull(_service(request).stop(request.path_params["name"])))


def _service(request: Request) -> PullService:
    service: PullService | None = request.app.state.pulls
    if service is None:
        raise OverloadedError("the server is starting or shutting down", code="not_ready")
    return service


def _model(bundle: KnownBundle, *, is_loaded: bool) -> Json:
    return {
        "name": bundle.name,
        "about": bundle.about,
        "megabytes": bundle.megabytes,
        "languages": list(bundle.languages),
        "is_here": bundle.is_here,
        "is_loaded": is_loaded,
        "missing_packages": list(bundle.missing_packages),
    }


def _pull(job: PullJob) -> Json:
    error = None if job.error is None else {"code": job.error.code, "message": job.error.message}
    return {
        "name": job.name,
        "state": job.state,
        "done_bytes": job.done_bytes,
        "total_bytes": job.total_bytes,
        "error": error,
    }
