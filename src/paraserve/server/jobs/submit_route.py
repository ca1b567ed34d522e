"""The route that takes jobs."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from paraserve.server.access.key_fields import KeyScope
from paraserve.server.http.api_docs import REQUEST_ID, WITHOUT_KEY, error_answers, json_answer, key_with
from paraserve.server.http.disconnection import time_limit
from paraserve.server.http.error_codes import STORE_CODES, SUBMIT_CODES, UPLOAD_CODES
from paraserve.server.http.warnings_header import HEADER_DESCRIPTION, WARNINGS_HEADER, warnings_header
from paraserve.server.jobs.job_form import job_request
from paraserve.server.jobs.job_json import job_path, submitted_json
from paraserve.server.jobs.job_routes import LIST_PATH, NO_STORE, TAG
from paraserve.server.jobs.job_service import check_intake, service_of
from paraserve.server.jobs.submitting import Accepted, submit
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.schemas.job_answers import SubmittedBatch, SubmittedJob

REPLAYED = "Idempotency-Replayed"
CODES = tuple(dict.fromkeys((*UPLOAD_CODES, "invalid_format", *SUBMIT_CODES, *STORE_CODES)))
_ACCEPTED_HEADERS: Json = {
    "Location": {"description": "Path of the job, or of the list of the batch.", "schema": {"type": "string"}},
    REPLAYED: {
        "description": "`true` if the same request was accepted before, and made these jobs.",
        "required": False,
        "schema": {"const": "true"},
    },
    WARNINGS_HEADER: HEADER_DESCRIPTION[WARNINGS_HEADER],
}


def submit_router() -> APIRouter:
    """Make the route."""
    routes = APIRouter(tags=[TAG], dependencies=[key_with(KeyScope.JOBS)])
    routes.add_api_route(
        LIST_PATH,
        submit_jobs,
        methods=["POST"],
        status_code=202,
        operation_id="submit_job",
        summary="Submit a recording",
        response_class=Response,
        response_model=None,
        responses={202: _accepted(), **error_answers(CODES)},
        openapi_extra={**job_request(), **WITHOUT_KEY},
    )
    return routes


async def submit_jobs(request: Request) -> Response:
    """Accepts a recording, or several, to be transcribed whenever there is room. The connection need not stay.

    The answer comes once the recording and the job are on the disk: from then on no restart loses them. Several files
    of a form, or `jobs` of a JSON body, are accepted together or not at all. With an `Idempotency-Key` a request may
    be sent again: it makes no second job.
    """
    service = service_of(request)
    check_intake(request)
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


def _accepted_json(accepted: Accepted) -> Json:
    pairs = zip(accepted.jobs, accepted.warnings, strict=True)
    jobs = [submitted_json(job, warnings) for job, warnings in pairs]
    if not accepted.is_batch:
        return jobs[0]
    return {"object": "batch", "batch": accepted.jobs[0].batch, "data": jobs}


def _location(accepted: Accepted) -> str:
    first = accepted.jobs[0]
    return f"{LIST_PATH}?batch={first.batch}" if accepted.is_batch else job_path(first.id)


def _accepted() -> Json:
    answer = json_answer("The jobs are stored, and wait for their turn.", SubmittedJob | SubmittedBatch)
    return {**answer, "headers": {**REQUEST_ID, **_ACCEPTED_HEADERS}}
