"""Which failures of an attempt may pass, and how long to wait before the next attempt."""

import random

from paraserve.errors import InferenceError, OverloadedError, ParaserveError, StorageError
from paraserve.job_errors import JobTimeoutError
from paraserve.remote_errors import RemoteAwayError
from paraserve.runtime.jobs.job import JobError

MAY_PASS = (InferenceError, JobTimeoutError, OverloadedError, StorageError, RemoteAwayError)
"""Failures of the server, of its machine, or of another host. Other errors are about the recording or the request."""
MAX_RETRY_S = 600.0
JITTER = 0.25
"""Share by which a wait is longer or shorter, so that jobs that failed together do not come back together."""


def may_pass(error: BaseException) -> bool:
    """Tell whether another attempt may succeed. An error that is none of ours is a defect, and may pass too."""
    return isinstance(error, MAY_PASS) or not isinstance(error, ParaserveError)


def retry_in_s(attempts: int, first_s: float) -> float:
    """Return the wait after so many attempts, the first of which is followed by about `first_s`."""
    wait_s = min(MAX_RETRY_S, first_s * 2.0 ** min(attempts - 1, 64))
    return wait_s * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret


def job_error(error: BaseException) -> JobError:
    """Return the failure as clients see it. What is no error of ours tells nothing of the server's inside."""
    if isinstance(error, ParaserveError):
        return JobError(error.code, error.message, error.param)
    return JobError("internal_error", "the server failed on this job")
