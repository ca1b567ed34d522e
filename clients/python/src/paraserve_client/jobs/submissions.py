"""Conversations that hand a recording over: in one request, or in parts that survive breaks of the connection."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, cast

from paraserve_client.http.answer_errors import failure_of
from paraserve_client.http.answered import answered, not_understood
from paraserve_client.http.recording_sources import (
    OnSent,
    OpenRecording,
    Recording,
    ReportedFile,
    address_in,
    open_recording,
)
from paraserve_client.http.resending import Retries
from paraserve_client.http.steps import Answer, Call, Conversation, NoAnswer, Pause, Send
from paraserve_client.jobs import job_requests
from paraserve_client.jobs.answers import Job, job_of

RESUMABLE_BYTES = 64 * 1024**2
"""Recordings of this size on are sent in parts."""
LEAST_PART_BYTES, MOST_PART_BYTES = 256 * 1024, 8 * 1024**2
"""A part doubles after each that arrived, and halves after a break: a gateway may allow little time for one."""
IN_USE = frozenset((409, 423))
"""The server still writes what came before the break, or has more than the client knows of. It is asked again."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What is handed over with a recording. `texts` are the fields of the job."""

    texts: Mapping[str, str]
    idempotency_key: str
    filename: str = ""
    on_sent: OnSent | None = None
    resumable_bytes: int = RESUMABLE_BYTES


def new_key() -> str:
    """Return an `Idempotency-Key` that nobody has used."""
    return secrets.token_hex(16)


def submitted(recording: Recording, submission: Submission, retries: Retries) -> Conversation[Job]:
    """Submit a job with its recording or its URL.

    Raises:
        OSError: the recording cannot be read.
        ParaserveError: it is refused, or all attempts were in vain.
    """
    url = address_in(recording)
    if url is not None:
        texts = {**submission.texts, "url": url}
        answer = yield from answered(job_requests.submission(texts, submission.idempotency_key), retries)
        return job_of(answer.json())
    opening = yield Call(partial(open_recording, recording))
    with opening as opened:
        answer = yield from _handed_over(opened, submission, retries)
    return job_of(answer.json())


def _handed_over(recording: OpenRecording, submission: Submission, retries: Retries) -> Conversation[Answer]:
    filename = submission.filename or recording.name
    if recording.size_bytes >= submission.resumable_bytes:
        upload_id = yield from _uploaded(recording, filename, submission.on_sent, retries)
        texts = {**submission.texts, "upload": upload_id}
        return (yield from answered(job_requests.submission(texts, submission.idempotency_key), retries))
    file = cast("BinaryIO", ReportedFile(recording, submission.on_sent))
    request = job_requests.file_submission(submission.texts, submission.idempotency_key, filename, file)
    return (yield from answered(request, retries))


def _uploaded(recording: OpenRecording, filename: str, on_sent: OnSent | None, retries: Retries) -> Conversation[str]:
    """Send a recording in parts; return the id of the upload."""
    answer = yield from answered(job_requests.new_upload(recording.size_bytes, filename), retries)
    upload_id = answer.headers.get("location", "").rstrip("/").rpartition("/")[2]
    if not upload_id:
        raise not_understood("the place of an upload")
    offset, attempt, part_bytes = 0, 0, LEAST_PART_BYTES
    while offset < recording.size_bytes:
        before = offset
        data = yield Call(partial(recording.part, offset, part_bytes))
        outcome = yield Send(job_requests.upload_part(upload_id, offset, data))
        failure = failure_of(outcome)
        if failure is None:
            offset, part_bytes = offset + len(data), min(part_bytes * 2, MOST_PART_BYTES)
        else:
            attempt, part_bytes = attempt + 1, max(part_bytes // 2, LEAST_PART_BYTES)
            wait_s = _wait_s(attempt, outcome, retries)
            if wait_s is None:
                raise failure
            yield Pause(wait_s)
            answer = yield from answered(job_requests.upload_state(upload_id), retries)
            offset = _offset_in(answer, recording.size_bytes)
        attempt = 0 if offset > before else attempt
        if on_sent is not None:
            on_sent(offset, recording.size_bytes)
    return upload_id


def _wait_s(attempt: int, outcome: Answer | NoAnswer, retries: Retries) -> float | None:
    """Return the wait after a part that failed, None if another attempt would fail, too."""
    if isinstance(outcome, Answer) and outcome.status in IN_USE:
        return retries.usual_s(attempt) if attempt < retries.attempts else None
    return retries.wait_s(attempt, outcome)


def _offset_in(answer: Answer, size_bytes: int) -> int:
    text = answer.headers.get("upload-offset", "")
    if not (text.isascii() and text.isdecimal() and int(text) <= size_bytes):
        raise not_understood("the state of an upload")
    return int(text)
