"""The clients of jobs, and what they return: those of `paraserve_client.jobs`."""

from paraserve_client.jobs import Job, JobDelivery, JobEvent, JobFailure, JobProgress, Recording, Retries
from paraserve_client.jobs.async_jobs import AsyncJobs
from paraserve_client.jobs.sync_jobs import Jobs

__all__ = ["AsyncJobs", "Job", "JobDelivery", "JobEvent", "JobFailure", "JobProgress", "Jobs", "Recording", "Retries"]
