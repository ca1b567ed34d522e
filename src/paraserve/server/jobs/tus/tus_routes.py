"""Routes of resumable uploads, by the tus protocol 1.0: `/v1/uploads`."""

import uuid
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from paraserve.errors import ParaserveError
from paraserve.job_errors import UploadNotFoundError, UploadVersionError
from paraserve.runtime.jobs.job import Upload
from paraserve.server.access.authentication import api_key
from paraserve.server.access.key_fields import KeyScope
from paraserve.server.error_responses import answer_error
from paraserve.server.http.api_docs import key_with
from paraserve.server.jobs.job_service import check_intake, service_of
from paraserve.server.jobs.tus.tus_descriptions import (
    ABILITIES,
    ABILITIES_OF_ONE,
    ADDING,
    BEGINNING,
    DELETING,
    OTHER_METHODS,
    STATE,
)
from paraserve.server.jobs.tus.tus_service import TusService, name_of
from paraserve.server.protocols.tus import (
    RESUMABLE,
    ability_headers,
    check_version,
    method_of,
    progress_headers,
    read_creation,
    read_part,
    state_headers,
)

PATH = "/v1/uploads"
Answer = Callable[[Request, TusService], Coroutine[Any, Any, Response]]


def tus_router() -> APIRouter:
    """Make the routes of resumable uploads."""
    routes = APIRouter(tags=["jobs"], dependencies=[key_with(KeyScope.JOBS)])
    add = partial(routes.add_api_route, response_class=Response, response_model=None)
    several, one = _endpoint({"POST": begin}), _endpoint({"PATCH": add_bytes, "HEAD": state, "DELETE": delete})
    add(PATH, several, methods=["POST"], status_code=201, **BEGINNING)
    add(PATH, several, methods=["OPTIONS"], status_code=204, **ABILITIES)
    add(PATH + "/{upload_id}", one, methods=["PATCH"], status_code=204, **ADDING)
    add(PATH + "/{upload_id}", one, methods=["HEAD"], **STATE)
    add(PATH + "/{upload_id}", one, methods=["DELETE"], status_code=204, **DELETING)
    add(PATH + "/{upload_id}", one, methods=["POST"], status_code=204, **OTHER_METHODS)
    add(PATH + "/{upload_id}", one, methods=["OPTIONS"], status_code=204, **ABILITIES_OF_ONE)
    return routes


def _endpoint(answers: dict[str, Answer]) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    """Return a function that answers the method that a request means, errors included, as the protocol wants it."""

    async def endpoint(request: Request) -> Response:
        try:
            response = await _answer(request, answers)
        except ParaserveError as error:
            response = answer_error(request, error)
            if isinstance(error, UploadVersionError):
                response.headers["Tus-Version"] = RESUMABLE["Tus-Resumable"]
        response.headers.update(RESUMABLE)
        if request.app.state.readiness.is_draining:
            response.headers["Connection"] = "close"
        return response

    return endpoint


async def _answer(request: Request, answers: dict[str, Answer]) -> Response:
    service = service_of(request)
    method = method_of(request.method, request.headers)
    if method == "OPTIONS":
        return Response(status_code=204, headers=ability_headers(service.upload_limits.max_bytes))
    if method not in answers:
        raise HTTPException(405, f"{method} is not among {', '.join(answers)}, OPTIONS")
    check_version(request.headers)
    if method == "POST":
        check_intake(request)
    parts = await (service.jobs.open() if method == "POST" else service.jobs.existing())
    if parts is None:
        raise UploadNotFoundError("there is no such upload")
    return await answers[method](request, TusService(service, parts))


async def begin(request: Request, service: TusService) -> Response:
    """Begin an upload, and receive the bytes that come with the request."""
    asked = read_creation(request.headers, service.service.upload_limits.max_bytes)
    key_name = name_of(api_key(request))
    upload = Upload(uuid.uuid4().hex, key_name, asked.length_bytes, asked.metadata)
    facts = await service.begin(request, upload, asked.first_part)
    return Response(status_code=201, headers={"Location": f"{PATH}/{upload.id}", **progress_headers(facts)})


async def add_bytes(request: Request, service: TusService) -> Response:
    """Add bytes to an upload."""
    part = read_part(request.headers, service.service.upload_limits.max_bytes)
    facts = await service.add(request, request.path_params["upload_id"], part)
    job = {} if facts.job_id is None else {"Location": f"/v1/jobs/{facts.job_id}"}
    return Response(status_code=204, headers={**progress_headers(facts), **job})


async def state(request: Request, service: TusService) -> Response:
    """Tell how far an upload is."""
    facts = await service.state(request.path_params["upload_id"], api_key(request))
    return Response(status_code=200, headers=state_headers(facts))


async def delete(request: Request, service: TusService) -> Response:
    """Delete an upload with its bytes."""
    await service.parts.uploads.delete(request.path_params["upload_id"], name_of(api_key(request)))
    return Response(status_code=204)
