"""Two hosts with folders of their own share one PostgreSQL and the place of recordings: one may go at any time."""

import time

import pytest

from support.databases import new_database
from support.job_server import Submitter, all_ended, all_jobs, client, forking, told_sentences
from support.loud_engine import bursts, wav_of

N_BURSTS = 4
RECORDINGS = [wav_of(bursts(N_BURSTS, first=20 * n)).getvalue() for n in range(3)]
LEASE_S, JOBS_AT_ONCE = 2.0, 2


@pytest.fixture
def hosts(tmp_path, postgres_server):
    """Two servers, as on two hosts."""
    shared = {"jobs_database": new_database(postgres_server), "jobs_recordings": tmp_path / "recordings"}
    with (
        forking(tmp_path / "log", pace_s=0.15) as forks,
        forks.of(**shared, jobs_lease_s=LEASE_S, jobs_at_once=JOBS_AT_ONCE) as hosts,
    ):
        for name in ("one", "other"):
            hosts.start(data_dir=tmp_path / name)
        yield hosts


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_each_job_is_done_once(hosts, full):
    """Both work. Once one is killed, the other one does what it had, and all that is left."""
    n_jobs = 500 if full else 50
    with client() as http:
        submitter = Submitter(hosts.servers, RECORDINGS)
        texts = [http.post(f"{hosts.servers[0].url}/transcribe", content=one).json()["text"] for one in RECORDINGS]
        begun_s = time.monotonic()
        for _ in range(n_jobs // 2):
            submitter.submit(http)
        dying, url = hosts.servers[0], hosts.servers[1].url
        while sum(job["state"] == "done" for job in all_jobs(http, url)) < n_jobs // 10:
            time.sleep(0.02)
        hosts.kill(dying)
        killed_s, running = time.monotonic(), [job["id"] for job in all_jobs(http, url) if job["state"] == "running"]
        for _ in range(n_jobs - n_jobs // 2):
            submitter.submit(http)
        jobs = all_ended(http, url)
        ended_s = time.monotonic()
        repeated = [job for job in jobs if job["attempts"] > 1]
        print(f"{n_jobs} jobs in {ended_s - begun_s:.1f} s, {ended_s - killed_s:.1f} s of them after the kill")
        assert {job["state"] for job in jobs} == {"done"}
        assert {job["id"] for job in jobs} == submitter.accepted.keys()
        # Nobody but the killed one has left any.
        assert {job["id"] for job in repeated} <= set(running)
        assert 0 < len(repeated) <= JOBS_AT_ONCE
        for job_id, place in submitter.accepted.items():
            assert (
                http.get(f"{url}/v1/jobs/{job_id}/transcript", params={"format": "text"}).text.strip() == texts[place]
            )
        for job in repeated:
            assert len(told_sentences(http, url, job["id"])) == N_BURSTS
