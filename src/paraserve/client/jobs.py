"""The clients of jobs, and what they return: those of `paraserve_client.jobs`."""

from paraserve_client.jobs import (
    AsyncJobs,
    Job,
    JobDelivery,
    JobEvent,
    JobFailure,
    JobProgress,
    Jobs,
    Recording,
    Retries,
)

__all__ = ["AsyncJobs", "Job", "JobDelivery", "JobEvent", "JobFailure", "JobProgress", "Jobs", "Recording", "Retries"]
