"""Routes of jobs: submit, list, look, cancel, delete."""

import time
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from paraserve.errors import ProtocolError
from paraserve.job_errors import JobNotFoundError
from paraserve.job_wiring import JobParts
from paraserve.runtime.jobs.job import STATES, Job, JobFilter, JobState
from paraserve.server.access.key_fields import KeyScope
from paraserve.server.http.api_docs import (
    REQUEST_ID,
    WITHOUT_KEY,
    Responses,
    error_answers,
    json_answer,
    key_with,
    path_parameter,
    query_parameter,
)
from paraserve.server.http.disconnection import time_limit
from paraserve.server.http.error_codes import (
    HOST_CODES,
    SCOPE_CODES,
    STORE_CODES,
    SUBMIT_CODES,
    UPLOAD_CODES,
)
from paraserve.server.http.get_routes import GetRoute, get_router
from paraserve.server.http.parsing.form_fields import FormFields, one_of, read_digits, read_seconds, read_switch
from paraserve.server.http.receiving import query_fields
from paraserve.server.http.warnings_header import HEADER_DESCRIPTION, WARNINGS_HEADER, warnings_header
from paraserve.server.jobs.job_form import job_request
from paraserve.server.jobs.job_json import job_json, job_path, submitted_json
from paraserve.server.jobs.job_service import JobService, owner_of, parts_of, service_of
from paraserve.server.jobs.submitting import Accepted, submit
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.schemas.job_answers import (
    DeletedJob,
    JobJson,
    JobList,
    SubmittedBatch,
    SubmittedJob,
)

TAG = "jobs"
LIST_PATH, PATH = "/v1/jobs", "/v1/jobs/{id}"
JOB_ID = path_parameter("id", "Id of the job.")
MAX_PAGE, PAGE, MAX_DIGITS = 500, 50, 3
MAX_WAIT_S = 300
REPLAYED = "Idempotency-Replayed"
NO_STORE = {"Cache-Control": "no-store"}
JOB_CODES = (*HOST_CODES, *SCOPE_CODES, "job_not_found", *STORE_CODES)
"""Errors of every route about one job."""
_ACCEPTED_HEADERS: Json = {
    "Location": {"description": "Path of the job, or of the list of the batch.", "schema": {"type": "string"}},
    REPLAYED: {
        "description": "`true` if the same request was accepted before, and made these jobs.",
        "required": False,
        "schema": {"const": "true"},
    },
    WARNINGS_HEADER: HEADER_DESCRIPTION[WARNINGS_HEADER],
}


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
    shared: dict[str, Any] = {
        "tags": [TAG],
        "response_class": Response,
        "response_model": None,
        "dependencies": [key],
    }
    routes.add_api_route(
        LIST_PATH,
        submit_jobs,
        methods=["POST"],
        status_code=202,
        operation_id="submit_job",
        summary="Submit a recording",
        responses={
            202: _accepted(),
            **error_answers(dict.fromkeys((*UPLOAD_CODES, "invalid_format", *_SUBMIT_CODES))),
        },
        openapi_extra={**job_request(), **WITHOUT_KEY},
        **shared,
    )
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
        **shared,
    )
    return routes


_SUBMIT_CODES = (*SUBMIT_CODES, *STORE_CODES)


async def submit_jobs(request: Request) -> Response:
    """Accepts a recording, or several, to be transcribed whenever there is room. The connection need not stay.

    The answer comes once the recording and the job are on the disk: from then on no restart loses them. Several files
    of a form, or `jobs` of a JSON body, are accepted together or not at all. With an `Idempotency-Key` a request may
    be sent again: it makes no second job.
    """
    service = service_of(request)
    async with time_limit(service.upload_limits.request_timeout_s):
        accepted = await submit(service, request)
    answer = JSONResponse(_accepted_json(accepted), 202, headers=NO_STORE)
    answer.headers["Location"] = _location(accepted)
    warnings = list(dict.fromkeys(warning for one in accepted.warnings for warning in one))
    if warnings:
        answer.headers[WARNINGS_HEADER] = warnings_header(warnings)
    if accepted.is_replay:
        answer.headers[REPLAYED] = "true"
    if request.app.state.readiness.is_draining:
        answer.headers["Connection"] = "close"  # the client's next request belongs to another process
    return answer


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
        await _wait_for_end(service, parts, job.id, wait_s)
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


async def _wait_for_end(service: JobService, parts: JobParts, job_id: str, wait_s: float) -> None:
    """Wait until a job has ended, the time is over, or the server stops."""
    deadline_s, seq = time.monotonic() + wait_s, 0
    while not service.is_closing.is_set():
        try:
            events = await parts.store.events(job_id, seq)
        except JobNotFoundError:
            return  # deleted meanwhile
        if any(event.kind == "state" and event.data["state"] in FINAL for event in events):
            return
        seq = max((event.seq for event in events), default=seq)
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            return
        await service.wait(parts, job_id, seq, left_s)


FINAL = frozenset(("done", "failed", "cancelled"))
"""States that do not change any more."""


def _accepted_json(accepted: Accepted) -> Json:
    pairs = zip(accepted.jobs, accepted.warnings, strict=True)
    jobs = [submitted_json(job, warnings) for job, warnings in pairs]
    if not accepted.is_batch:
        return jobs[0]
    return {"object": "batch", "batch": accepted.jobs[0].batch, "data": jobs}


def _location(accepted: Accepted) -> str:
    first = accepted.jobs[0]
    return f"{LIST_PATH}?batch={first.batch}" if accepted.is_batch else job_path(first.id)


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


def _accepted() -> Json:
    answer = json_answer("The jobs are stored, and wait for their turn.", SubmittedJob | SubmittedBatch)
    return {**answer, "headers": {**REQUEST_ID, **_ACCEPTED_HEADERS}}


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
