"""Resumable uploads of API keys: what requests may add, what becomes of a complete upload, and what answers tell."""

import hashlib
import hmac
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass

import structlog
from fastapi import Request

from paraserve.errors import ParaserveError
from paraserve.job_errors import JobNotFoundError, UploadChecksumError, UploadNotFoundError
from paraserve.job_wiring import JobParts
from paraserve.runtime.jobs.job import Job, Upload
from paraserve.server.access.authentication import api_key
from paraserve.server.access.key_fields import ApiKey
from paraserve.server.http.receiving import limited_body
from paraserve.server.jobs.job_service import JobService
from paraserve.server.jobs.submitting import Asker, checked_job, store_jobs, to_its_end
from paraserve.server.jobs.uploaded_recordings import is_job, job_of_upload
from paraserve.server.protocols.tus import Checksum, Part, UploadFacts, whole_length

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TusService:
    """What the routes of resumable uploads work with."""

    service: JobService
    parts: JobParts

    async def begin(self, request: Request, upload: Upload, part: Part | None) -> UploadFacts:
        """Begin an upload, and receive its first part, if the request brings one.

        Raises:
            ParaserveError: fields of the job to come are wrong, a quota is used up, or see `add`.
        """
        key = api_key(request)
        if is_job(upload.metadata):
            await checked_job(self.service, job_of_upload(upload))
        if part is not None:
            whole_length(part, 0, upload.length)
        upload = await self.parts.store.uploads.add(upload, self.service.quotas_of(key))
        if part is not None:
            return await self.add(request, upload.id, part)
        return await self._facts(upload, key)

    async def add(self, request: Request, upload_id: str, part: Part) -> UploadFacts:
        """Add a part to an upload. A complete one becomes a job, if it asks for that.

        Raises:
            UploadNotFoundError: there is none of this id that belongs to the key.
            UploadBusyError: another request does not let it go, or asks for it meanwhile.
            UploadOffsetError, UploadTooLargeError, UploadChecksumError, ProtocolError: the part does not fit.
            SlowUploadError, ShuttingDownError: see `UploadWriter.add`.
            QuotaError, StorageError, DatabaseAwayError: see there.
            ClientDisconnect: the client has gone. What came is kept.
        """
        key = api_key(request)
        try:
            async with self.parts.uploads.writer(upload_id, name_of(key), self.service.quotas_of(key)) as writer:
                begun, limits = writer.upload, self.service.upload_limits
                length = whole_length(part, begun.offset, begun.length)
                room = (limits.max_bytes if length is None else length) - begun.offset
                chunks = limited_body(request, limits, room)
                upload = await writer.add(
                    chunks if part.checksum is None else _checked(chunks, part.checksum),
                    length,
                    keeps_part=part.checksum is None,
                    is_ending=lambda: bool(request.app.state.readiness.is_draining),
                )
        except UploadNotFoundError:
            facts = await self._facts_of_job(upload_id, key)
            whole_length(part, facts.offset_bytes, facts.length_bytes)
            return facts
        return await self._facts(upload, key)

    async def state(self, upload_id: str, key: ApiKey | None) -> UploadFacts:
        """Tell how far an upload is. One that has become a job is complete.

        Raises:
            UploadNotFoundError: there is none of this id that belongs to the key.
            DatabaseAwayError: it cannot be told now.
        """
        try:
            upload = await self.parts.store.uploads.get(upload_id, name_of(key))
        except UploadNotFoundError:
            return await self._facts_of_job(upload_id, key)
        try:
            return await self._facts(upload, key)
        except ParaserveError as error:  # it is complete all the same, and becomes a job later
            log.warning("a complete upload is no job yet", upload=upload_id, error=str(error))
            return self._upload_facts(upload)

    async def make_job(self, upload: Upload) -> None:
        """Make a job of a complete upload, if it asks for it. The server may have died before it did.

        Failures are logged: the next sweep tries again.
        """
        try:
            await self._facts(upload, None)
        except ParaserveError as error:
            log.warning("a complete upload is no job yet", upload=upload.id, error=str(error))

    async def _facts(self, upload: Upload, key: ApiKey | None) -> UploadFacts:
        if not (upload.is_complete and is_job(upload.metadata)):
            return self._upload_facts(upload)
        try:
            return _job_facts(await to_its_end(self._submit(upload, key)))
        except UploadNotFoundError:  # another request has just made it a job
            return await self._facts_of_job(upload.id, key)

    async def _submit(self, upload: Upload, key: ApiKey | None) -> Job:
        checked = await checked_job(self.service, job_of_upload(upload))
        asker = Asker(upload.key_name, self.service.quotas_of(key))
        jobs, _ = await store_jobs(self.service, self.parts, asker, [checked])
        return jobs[0]

    def _upload_facts(self, upload: Upload) -> UploadFacts:
        expires_s = upload.updated_s + self.parts.uploads.keep_s
        return UploadFacts(upload.offset, upload.length, upload.metadata, expires_s)

    async def _facts_of_job(self, upload_id: str, key: ApiKey | None) -> UploadFacts:
        """Return the facts of an upload that has become the job of the same id."""
        with suppress(JobNotFoundError):
            return _job_facts(await self.parts.store.get(upload_id, name_of(key)))
        raise UploadNotFoundError(f"there is no upload {upload_id!r}, or it has expired")


def name_of(key: ApiKey | None) -> str:
    """Return the name under which uploads of a key are kept."""
    return "" if key is None else key.name


def _job_facts(job: Job) -> UploadFacts:
    return UploadFacts(job.size_bytes, job.size_bytes, job_id=job.id)


async def _checked(chunks: AsyncGenerator[bytes, None], checksum: Checksum) -> AsyncGenerator[bytes, None]:
    """Pass the chunks on, and raise `UploadChecksumError` at their end if they differ from their checksum."""
    digest = hashlib.new(checksum.algorithm, usedforsecurity=False)
    async for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if not hmac.compare_digest(digest.digest(), checksum.digest):
        message = f"the bytes differ from their {checksum.algorithm} checksum: send them again"
        raise UploadChecksumError(message, param="Upload-Checksum")
