"""Recordings that came as resumable uploads, and what their metadata says.

A job has the id of its upload, so an upload becomes one job at most, and can be found as that job later.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import BinaryIO

from paraserve.errors import AudioError
from paraserve.job_wiring import JobParts
from paraserve.runtime.jobs.job import JobRequest, Upload
from paraserve.server.jobs.receiving_jobs import ReceivedJob

JOB_KEY = "job"
NAME_KEYS, TYPE_KEYS = ("filename", "name"), ("filetype", "type")
"""Keys of metadata by which clients tell the name and the content type of a file."""
NO = frozenset(("false", "0", "no", "off"))


def is_job(metadata: Mapping[str, str]) -> bool:
    """Return whether an upload becomes a job as soon as it is complete: it has the key `job`, and not as false."""
    return JOB_KEY in metadata and metadata[JOB_KEY].lower() not in NO


def job_of_upload(upload: Upload) -> ReceivedJob:
    """Return the job that an upload asks for. Keys of its metadata that are not about the file are fields."""
    about_file = {JOB_KEY, *NAME_KEYS, *TYPE_KEYS}
    fields = {name: [value] for name, value in upload.metadata.items() if name not in about_file}
    return ReceivedJob({**fields, "upload": [upload.id]}, None, *_about_file(upload))


@asynccontextmanager
async def uploaded_recording(
    parts: JobParts, upload_id: str, owner: str, request: JobRequest
) -> AsyncIterator[tuple[JobRequest, BinaryIO]]:
    """Return the recording of a complete upload, and the request with its name and content type.

    Raises:
        UploadNotFoundError: there is none of this id that belongs to the owner.
        UploadStateError: it is not complete.
        UploadBusyError: another request has it.
        AudioError: it has no bytes.
        StorageError: it cannot be read now.
    """
    async with parts.uploads.recording(upload_id, owner) as (upload, file):
        if not upload.length:
            raise AudioError("the recording has no bytes", code="empty_file", param="upload")
        filename, content_type = _about_file(upload)
        yield replace(request, filename=filename, content_type=content_type), file


def _about_file(upload: Upload) -> tuple[str, str]:
    """Return the name and the content type of an upload's file, "" where its metadata does not have them."""
    name, kind = (
        next((upload.metadata[key] for key in keys if upload.metadata.get(key)), "")
        for keys in (NAME_KEYS, TYPE_KEYS)
    )
    return name, kind
