"""Routes of jobs: list, look, cancel, delete."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from paraserve.errors import ProtocolError
from paraserve.runtime.jobs.job import STATES, Job, JobFilter, JobState
from paraserve.server.access.key_fields import KeyScope
from paraserve.server.http.api_docs import (
    WITHOUT_KEY,
    Responses,
    error_answers,
    json_answer,
    key_with,
    path_parameter,
    query_parameter,
)
from paraserve.server.http.error_codes import (
    HOST_CODES,
    SCOPE_CODES,
    STORE_CODES,
)
from paraserve.server.http.get_routes import GetRoute, get_router
from paraserve.server.http.parsing.form_fields import FormFields, one_of, read_digits, read_seconds, read_switch
from paraserve.server.http.receiving import query_fields
from paraserve.server.jobs.job_json import job_json
from paraserve.server.jobs.job_service import owner_of, parts_of, service_of
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.schemas.job_answers import (
    DeletedJob,
    JobJson,
    JobList,
)

TAG = "jobs"
LIST_PATH, PATH = "/v1/jobs", "/v1/jobs/{id}"
JOB_ID = path_parameter("id", "Id of the job.")
MAX_PAGE, PAGE, MAX_DIGITS = 500, 50, 3
MAX_WAIT_S = 300
NO_STORE = {"Cache-Control": "no-store"}
JOB_CODES = (*HOST_CODES, *SCOPE_CODES, "job_not_found", *STORE_CODES)
"""Errors of every route about one job."""


def job_router() -> APIRouter:
    """Make the routes."""
    key = key_with(KeyScope.JOBS)
    routes = get_router(
        GetRoute(
            LIST_PATH, "list_jobs", TAG, "List jobs", list_jobs, _listed(), parameters=_list_parameters(),
            wants_key=True, check=key,
        ),
        GetRoute(
            PATH, "job", TAG, "Look at a job", show_job, _shown(), parameters=(JOB_ID, _wait_parameter()),
            wants_key=True, check=key,
        ),
    )  # fmt: skip
    routes.add_api_route(
        PATH,
        end_job,
        methods=["DELETE"],
        operation_id="cancel_job",
        summary="Cancel or delete a job",
        responses={
            200: json_answer("The job, or that it was deleted.", JobJson | DeletedJob),
            **error_answers([*JOB_CODES, "invalid_value"]),
        },
        openapi_extra={"parameters": [JOB_ID, _purge_parameter()], **WITHOUT_KEY},
        tags=[TAG],
        response_class=Response,
        response_model=None,
        dependencies=[key],
    )
    return routes


async def list_jobs(request: Request) -> Response:
    """Lists the jobs of the API key, the newest first."""
    wanted = _filter(FormFields(query_fields(request)), owner_of(request))
    parts = await service_of(request).jobs.existing()
    jobs: Sequence[Job] = ()
    after = None
    if parts is not None:
        jobs, after = await parts.store.list(wanted)
    body = {"object": "list", "data": [job_json(job) for job in jobs], "next": after}
    return JSONResponse(body, headers=NO_STORE)


async def show_job(request: Request) -> Response:
    """Tells the state of a job and how far it is. With `wait_s` the answer comes when the job has ended, or later."""
    wait_s = read_seconds(FormFields(query_fields(request)), "wait_s", may_be_0=True) or 0.0
    if wait_s > MAX_WAIT_S:
        raise ProtocolError(f"wait_s must be at most {MAX_WAIT_S}", code="invalid_value", param="wait_s")
    service, parts = await parts_of(request)
    job = await parts.store.get(request.path_params["id"], owner_of(request))
    if wait_s and not job.is_finished:
        await service.wait(parts.store.wait_for_end(job.id, wait_s))
        job = await parts.store.get(job.id, owner_of(request))
    return JSONResponse(job_json(job), headers=NO_STORE)


async def end_job(request: Request) -> Response:
    """Cancels a job that waits or runs; one that has ended stays as it is. With `purge=true` it is deleted.

    Deleted are the job, its recording, its texts, its events and its deliveries, whatever its state.
    """
    is_purge = read_switch(FormFields(query_fields(request)), "purge", default=False)
    service, parts = await parts_of(request)
    job_id = request.path_params["id"]
    if not is_purge:
        job = await parts.store.cancel(job_id, owner_of(request))
        return JSONResponse(job_json(job), headers=NO_STORE)
    names = await parts.store.purge(job_id, owner_of(request))
    await service.delete_recordings(parts, names)
    return JSONResponse({"id": job_id, "object": "job", "deleted": True}, headers=NO_STORE)


def _filter(fields: FormFields, owner: str) -> JobFilter:
    """Read which jobs are to be listed.

    Raises:
        ProtocolError: names the parameter that cannot be used.
    """
    asked = {name for value in fields.all("state") for name in value.split(",")}
    if unknown := asked - set(STATES):
        message = f"unknown state {min(unknown)[:40]!r}: {one_of(STATES)}"
        raise ProtocolError(message, code="invalid_value", param="state")
    states: tuple[JobState, ...] = tuple(state for state in STATES if state in asked)
    limit = read_digits(fields, "limit", MAX_DIGITS)
    if limit is not None and not 1 <= limit <= MAX_PAGE:
        raise ProtocolError(f"limit must be 1 to {MAX_PAGE}", code="invalid_value", param="limit")
    return JobFilter(owner, states, fields.last("batch"), fields.last("after"), limit or PAGE)


def _listed() -> Responses:
    codes = (*HOST_CODES, *SCOPE_CODES, *STORE_CODES, "invalid_value")
    return {200: json_answer("A page of jobs.", JobList), **error_answers(codes)}


def _shown() -> Responses:
    return {200: json_answer("The job.", JobJson), **error_answers([*JOB_CODES, "invalid_value"])}


def _list_parameters() -> tuple[Json, ...]:
    states = {"type": "array", "items": {"enum": list(STATES)}}
    return (
        query_parameter("state", {**states, "description": "States of the jobs. Without it all."}),
        query_parameter("batch", {"type": "string", "description": "Id of the batch that the jobs belong to."}),
        query_parameter(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": PAGE, "description": "Jobs of a page."},
        ),
        query_parameter(
            "after", {"type": "string", "description": "Where the page begins: `next` of the one before."}
        ),
    )


def _wait_parameter() -> Json:
    field = {"type": "number", "minimum": 0, "maximum": MAX_WAIT_S}
    about = "Seconds to wait for the end of the job. The answer comes then, or when the job has ended."
    return query_parameter("wait_s", {**field, "description": about})


def _purge_parameter() -> Json:
    return query_parameter("purge", {"type": "boolean", "description": "`true` deletes the job and all about it."})
