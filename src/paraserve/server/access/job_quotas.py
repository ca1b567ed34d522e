"""What the jobs of an API key may have."""

from paraserve.runtime.jobs.job import Quotas
from paraserve.server.access.key_fields import ApiKey
from paraserve.settings import Settings

MS_PER_HOUR = 3_600_000


def quotas_of(key: ApiKey | None, settings: Settings) -> Quotas:
    """Return the quotas of a key: its own, or those of the settings. Where no key is wanted there are none."""
    if key is None:
        return Quotas()
    own = key.limits
    hours = settings.max_job_hours_per_key if own.job_hours_a_day is None else own.job_hours_a_day
    return Quotas(
        settings.max_jobs_per_key if own.max_jobs is None else own.max_jobs,
        round(hours * MS_PER_HOUR),
        settings.max_job_bytes_per_key if own.job_bytes is None else own.job_bytes,
    )
