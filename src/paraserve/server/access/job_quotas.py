"""What the jobs of an API key may have."""

from paraserve.runtime.jobs.job import Quotas
from paraserve.server.access.key_fields import ApiKey
from paraserve.settings import Settings

MS_PER_HOUR = 3_600_000


def quotas_of(key: ApiKey | None, settings: Settings) -> Quotas:
    """Return the quotas of a key's name. Where no key is wanted there are none."""
    if key is None:
        return Quotas()
    return Quotas(
        settings.max_jobs_per_key,
        round(settings.max_job_hours_per_key * MS_PER_HOUR),
        settings.max_job_bytes_per_key,
    )
