"""A backup of a server that goes on taking jobs, as docs/job-store.md says, and another server on it."""

import contextlib
import shutil
import sqlite3
import threading

import pytest

from paraserve.job_folders import DATABASE_FILE
from support.audio_files import pcm_wav
from support.live import eventually, heard, speech

N_BEFORE = 20


@pytest.mark.full
@pytest.mark.slow
def test_jobs_of_a_backup_are_done(start_fake_server, tmp_path):
    """Each job that was accepted before the backup is in it, with its recording, and is done by a server on it."""
    folder, copy = tmp_path / "data", tmp_path / "copy"
    copy.mkdir()
    busy = start_fake_server(data_dir=folder, jobs_at_once=0)  # nothing is done before the backup
    accepted: list[tuple[str, int]] = []
    is_over = threading.Event()

    def submit():
        while not is_over.is_set():
            ms = 500 + 10 * len(accepted)
            answer = busy.post("/v1/jobs", pcm_wav(speech(ms)))
            assert answer.status_code == 202
            accepted.append((answer.headers["location"], ms))

    client = threading.Thread(target=submit)
    client.start()
    try:
        eventually(lambda: len(accepted) >= N_BEFORE)
        before = list(accepted)
        with (
            contextlib.closing(sqlite3.connect(folder / DATABASE_FILE)) as source,
            contextlib.closing(sqlite3.connect(copy / DATABASE_FILE)) as target,
        ):
            source.backup(target)  # as .backup of the program sqlite3
        n_at_copy = len(accepted)
        shutil.copytree(folder / "recordings", copy / "recordings")
        eventually(lambda: len(accepted) > n_at_copy)
    finally:
        is_over.set()
        client.join()
    busy.process.kill()
    restored = start_fake_server(data_dir=copy)
    for path, ms in before:
        job = restored.get(f"{path}?wait_s=60").json()
        assert (job["state"], restored.get(f"{path}/transcript").json()["text"]) == ("done", heard(ms))
    assert restored.get(accepted[-1][0]).status_code == 404  # accepted after the backup
