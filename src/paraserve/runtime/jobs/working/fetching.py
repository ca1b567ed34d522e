"""The recording of a job that came with a URL, fetched into the store of recordings."""

from dataclasses import replace

from paraserve.runtime.decoding.spool import spool
from paraserve.runtime.jobs.job import Job
from paraserve.runtime.jobs.working.leased_job import LeasedJob
from paraserve.runtime.jobs.working.workplace import Workplace


async def with_recording(job: Job, place: Workplace, leased: LeasedJob) -> Job:
    """Return the job with its recording, which is fetched if it is not stored yet.

    Raises:
        UrlNotAllowedError: the URL, or a redirect, leads to a place that is not allowed.
        RemoteRecordingError: it cannot be had.
        RemoteAwayError: the other host does not answer now.
        StorageError: it cannot be stored now.
        LeaseLostError: another runner has the job.
    """
    if job.recording or job.url is None:
        return job
    limits = place.limits
    with spool() as file:
        fetched = await place.fetcher.fetch(job.url, file, limits.max_fetched_bytes, limits.fetch_timeout_s)
        size_bytes = await place.recordings.put(job.id, file)
    request = replace(
        job.request,
        filename=job.request.filename or fetched.filename,
        content_type=job.request.content_type or fetched.content_type,
    )
    await leased.fetched(job.id, size_bytes, request)
    return replace(job, recording=job.id, size_bytes=size_bytes, request=request)
