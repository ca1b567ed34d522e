"""Where jobs are kept, by the settings."""

from pathlib import Path

from paraserve.settings import Settings
from paraserve.user_folders import data_folder, expanded

DATABASE_FILE = "jobs.sqlite3"


def job_folder(settings: Settings) -> Path:
    """Return the folder of jobs, which need not be there.

    Raises:
        ParaserveError: none is set, and the user has no home folder.
    """
    return expanded(settings.data_dir).absolute() if settings.data_dir else data_folder()


def job_database(settings: Settings) -> str | Path:
    """Return the URL of the database of jobs, or the path of its file, which need not be there.

    Raises:
        ParaserveError: see `job_folder`.
    """
    return settings.jobs_database or job_folder(settings) / DATABASE_FILE
