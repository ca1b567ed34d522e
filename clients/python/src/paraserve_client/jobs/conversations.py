"""Conversations about jobs: the requests that a call needs, their repetitions, and what comes of them."""

import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import TypeAlias

from paraserve_client.errors import JobNotFoundError, RequestTimeoutError
from paraserve_client.http.answer_errors import failure_of
from paraserve_client.http.answered import answered
from paraserve_client.http.fields import Fields, field_texts
from paraserve_client.http.resending import Retries
from paraserve_client.http.steps import Answer, Conversation, Pause, Send
from paraserve_client.jobs import job_requests
from paraserve_client.jobs.answers import Job, JobDelivery, deliveries_of, job_of, page_of

POLL_S = 20
"""How long the server is asked to wait for the end of a job."""
REPORT_S = 1
"""The same where the caller wants to know the progress. It is also the shortest time between two questions."""

OnProgress: TypeAlias = Callable[[Job], None]


def job(job_id: str, retries: Retries) -> Conversation[Job]:
    """Get a job."""
    answer = yield from answered(job_requests.job(job_id), retries)
    return job_of(answer.json())


def page(
    states: Sequence[str], batch: str | None, limit: int, after: str | None, retries: Retries
) -> Conversation[tuple[list[Job], str | None]]:
    """Get a page of jobs, and the id behind which the next one begins."""
    answer = yield from answered(job_requests.job_list(states, batch, limit, after), retries)
    return page_of(answer.json())


def cancelled(job_id: str, retries: Retries) -> Conversation[Job]:
    """Cancel a job."""
    answer = yield from answered(job_requests.cancellation(job_id), retries)
    return job_of(answer.json())


def deleted(job_id: str, retries: Retries) -> Conversation[None]:
    """Delete a job. One that is gone at the second attempt was deleted by the first."""
    for attempt in count(1):
        outcome = yield Send(job_requests.deletion(job_id))
        failure = failure_of(outcome)
        if failure is None or (attempt > 1 and isinstance(failure, JobNotFoundError)):
            return
        wait_s = retries.wait_s(attempt, outcome)
        if wait_s is None:
            raise failure
        yield Pause(wait_s)


def transcript(job_id: str, format_name: str, fields: Fields, retries: Retries) -> Conversation[Answer]:
    """Get the transcript of a job."""
    request = job_requests.transcript(job_id, format_name, field_texts(fields))
    return (yield from answered(request, retries))


def deliveries(job_id: str, retries: Retries) -> Conversation[list[JobDelivery]]:
    """Get the log of a job's webhooks."""
    answer = yield from answered(job_requests.deliveries(job_id), retries)
    return deliveries_of(answer.json())


def finished(
    job_id: str, on_progress: OnProgress | None, timeout_s: float | None, retries: Retries
) -> Conversation[Job]:
    """Wait until a job is finished.

    Raises:
        RequestTimeoutError: it takes longer than `timeout_s`.
    """
    begun_s = time.monotonic()
    while True:
        asked_s = time.monotonic()
        left_s = None if timeout_s is None else max(0.0, begun_s + timeout_s - asked_s)
        wait_s = POLL_S if on_progress is None else REPORT_S
        request = job_requests.job(job_id, wait_s if left_s is None else min(wait_s, int(left_s)))
        answer = yield from answered(request, retries)
        found = job_of(answer.json())
        if on_progress is not None:
            on_progress(found)
        if found.is_finished:
            return found
        if left_s == 0:
            raise RequestTimeoutError(f"job {job_id} is {found.state} after {timeout_s} s", code="wait_timeout")
        yield Pause(_pause_s(asked_s, left_s))


def _pause_s(asked_s: float, left_s: float | None) -> float:
    """Return the time until the next question, so that a server that answers at once is not flooded."""
    pause_s = max(0.0, REPORT_S - (time.monotonic() - asked_s))
    return pause_s if left_s is None else min(pause_s, left_s)
