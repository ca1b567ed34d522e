"""Checks of the settings of jobs at the start of a server, so that a mistake is not found with the first job."""

import importlib.util
import os

from paraserve.errors import ParaserveError
from paraserve.job_folders import job_folder
from paraserve.runtime.jobs.recordings.cipher import read_cipher
from paraserve.runtime.jobs.recordings.recording_store import open_recordings
from paraserve.runtime.jobs.webhooks.secret import check_secret
from paraserve.runtime.remote.address_guard import AddressGuard
from paraserve.runtime.remote.fetcher import Fetcher
from paraserve.settings import Settings

POSTGRES = ("postgresql://", "postgres://")


def check_job_settings(settings: Settings) -> None:
    """Check what can be checked without writing anything or calling anybody.

    Raises:
        ParaserveError: names the setting that cannot be used.
    """
    cipher = read_cipher(settings.jobs_key_file)
    if settings.data_dir:
        _check_folder(settings)
    if settings.jobs_recordings:
        open_recordings(job_folder(settings), settings.jobs_recordings, cipher)
    if settings.jobs_database:
        _check_database(settings.jobs_database)
    if settings.webhook_secret:
        check_secret(settings.webhook_secret)
    Fetcher(AddressGuard(settings.url_allow), file_root=settings.url_file_root, buckets=settings.url_buckets)


def _check_folder(settings: Settings) -> None:
    """Check that the folder of jobs is there, or can be made."""
    folder = job_folder(settings)
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        problem = "cannot be written" if there.is_dir() else "is no folder"
        raise ParaserveError(f"setting data_dir = {folder}: {there} {problem}", code="invalid_settings")


def _check_database(url: str) -> None:
    if not url.startswith(POSTGRES):  # the URL may have a password in it
        message = "setting jobs_database: expected a URL postgresql://USER:PASSWORD@HOST/NAME"
        raise ParaserveError(message, code="invalid_settings")
    if importlib.util.find_spec("psycopg") is None:
        message = "setting jobs_database needs psycopg: pip install 'paraserve[postgres]'"
        raise ParaserveError(message, code="invalid_settings")
