"""The requests of jobs and of resumable uploads."""

import base64
from collections.abc import Mapping, Sequence
from typing import BinaryIO
from urllib.parse import quote

from paraserve_client.http.steps import Request

JOBS = "/v1/jobs"
UPLOADS = "/v1/uploads"
TUS = {"Tus-Resumable": "1.0.0"}


def submission(texts: Mapping[str, str], idempotency_key: str) -> Request:
    """Submit a job whose recording is at the field `url`, or is the finished upload of the field `upload`."""
    return Request("POST", JOBS, headers={"Idempotency-Key": idempotency_key}, json=dict(texts))


def file_submission(texts: Mapping[str, str], idempotency_key: str, filename: str, file: BinaryIO) -> Request:
    """Submit a job with its recording."""
    return Request(
        "POST", JOBS, headers={"Idempotency-Key": idempotency_key}, form=texts, file=(filename or "recording", file)
    )


def job(job_id: str, wait_s: int = 0) -> Request:
    """Ask for a job; with `wait_s`, once it is finished or the time is over."""
    query = {"wait_s": str(wait_s)} if wait_s else {}
    return Request("GET", _path(job_id), query, extra_s=wait_s)


def job_list(states: Sequence[str], batch: str | None, limit: int, after: str | None) -> Request:
    """Ask for a page of jobs, the newest first."""
    query = {"state": ",".join(states), "batch": batch or "", "limit": str(limit), "after": after or ""}
    return Request("GET", JOBS, {name: value for name, value in query.items() if value})


def cancellation(job_id: str) -> Request:
    """Cancel a job."""
    return Request("DELETE", _path(job_id))


def deletion(job_id: str) -> Request:
    """Delete a job with its recording and its texts."""
    return Request("DELETE", _path(job_id), {"purge": "true"})


def transcript(job_id: str, format_name: str, texts: Mapping[str, str]) -> Request:
    """Ask for the transcript of a finished job."""
    return Request("GET", f"{_path(job_id)}/transcript", {**texts, "format": format_name})


def deliveries(job_id: str) -> Request:
    """Ask for the log of a job's webhooks."""
    return Request("GET", f"{_path(job_id)}/deliveries")


def events(job_id: str, after_seq: int) -> Request:
    """Ask for the events of a job behind one of them, as they come."""
    headers = {"Last-Event-ID": str(after_seq)} if after_seq else {}
    return Request("GET", f"{_path(job_id)}/events", headers=headers)


def new_upload(n_bytes: int, filename: str) -> Request:
    """Begin a resumable upload."""
    name = base64.b64encode((filename or "recording").encode()).decode()
    return Request(
        "POST", UPLOADS, headers={**TUS, "Upload-Length": str(n_bytes), "Upload-Metadata": f"filename {name}"}
    )


def upload_part(upload_id: str, offset: int, data: bytes) -> Request:
    """Send bytes that begin at an offset."""
    headers = {**TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    return Request("PATCH", _upload_path(upload_id), headers=headers, content=data)


def upload_state(upload_id: str) -> Request:
    """Ask how many bytes the server has."""
    return Request("HEAD", _upload_path(upload_id), headers=TUS)


def _path(job_id: str) -> str:
    return f"{JOBS}/{quote(job_id, safe='')}"


def _upload_path(upload_id: str) -> str:
    return f"{UPLOADS}/{quote(upload_id, safe='')}"
