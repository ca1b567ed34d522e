"""Jobs for tests of the store."""

from typing import Any
from uuid import uuid4

from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.job import Job, JobRequest, NewJob, Quotas

LEASE_S = 30.0
REQUEST = JobRequest({"language": ["zh"], "hotwords": ["阿里 巴巴"]}, "会议.wav", "audio/wav")


def new_job(key_name: str = "", **more: Any) -> NewJob:
    """A job with an id of its own and a small recording."""
    job_id = uuid4().hex
    return NewJob(
        **{"id": job_id, "key_name": key_name, "request": REQUEST, "recording": job_id, "size_bytes": 100, **more}
    )


async def submit(store: JobStore, /, key_name: str = "", **more: Any) -> Job:
    """Submit one job without quotas."""
    return (await store.submit([new_job(key_name, **more)], Quotas()))[0]


async def claimed(store: JobStore, /, **more: Any) -> Job:
    """Submit one job, and claim it: the queue has to be empty."""
    await submit(store, **more)
    job = await store.claim("runner", LEASE_S)
    assert job is not None
    return job
