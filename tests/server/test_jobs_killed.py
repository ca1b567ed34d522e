"""Servers and workers are killed under a stream of jobs: none is lost or doubled, and all receivers are told."""

import contextlib
import os
import random
import sys
import time
from pathlib import Path

import psutil
import pytest

from support.databases import new_database
from support.job_server import Receiver, Submitter, all_ended, client, kill, kill_all, told_sentences
from support.loud_engine import bursts, wav_of

TESTS = Path(__file__).parents[1]
PROGRAM = (sys.executable, str(TESTS / "support" / "job_servers.py"))
RECORDINGS = [wav_of(bursts(4 + n, first=20 * n)).getvalue() for n in range(4)]
LEASE_S = 1.0


@pytest.fixture(params=["sqlite", "postgres"])
def database(request):
    """The setting `jobs_database`."""
    return "" if request.param == "sqlite" else new_database(request.getfixturevalue("postgres_server"))


@pytest.fixture
def start(process_factory, tmp_path, database):
    """Starts a supervisor with two workers on the one database. All are killed in the end."""
    names = {
        "workers": 2, "data_dir": tmp_path / "data", "jobs_database": database, "url_allow": "127.0.0.1",
        "jobs_lease_s": LEASE_S, "jobs_max_attempts": 1000, "jobs_retry_s": 0.1,
    }  # fmt: skip
    environment = {f"PARASERVE_{name.upper()}": str(value) for name, value in names.items()}
    environment |= {"FAKE_PACE_S": "0.1", "PYTHONPATH": f"{os.environ.get('PYTHONPATH', '')}:{TESTS}"}
    with contextlib.ExitStack() as stack:

        def start():
            folder = tmp_path / f"server{time.monotonic_ns()}"
            return stack.enter_context(process_factory(folder, command=PROGRAM, **environment))

        yield start


def workers_of(server):
    return psutil.Process(server.process.pid).children()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_job_is_lost_or_doubled(start, full):
    """Workers, and now and then the whole server, are killed at random points."""
    n_kills = 200 if full else 10
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    server = start()
    with Receiver().listening() as receiver, client() as http:
        direct = [http.post(f"{server.url}/transcribe", content=one).json() for one in RECORDINGS]
        submitter = Submitter(server.url, RECORDINGS, receiver.url)
        with submitter.at_work(pause_s=0.05):
            for _ in range(n_kills):
                time.sleep(chance.uniform(0.1, 1.2))
                workers = workers_of(server)
                if workers and chance.random() < 0.8:
                    kill(chance.choice(workers))
                    continue
                kill_all(server.process.pid)
                server = start()
                submitter.url = server.url
        jobs = all_ended(http, server.url)
        print(f"seed {seed}: {len(jobs)} jobs, {submitter.n_retries} retries, {_attempts(jobs)} attempts")
        assert sorted(job["id"] for job in jobs) == sorted(submitter.accepted)
        assert len(jobs) == submitter.n_begun > 2 * n_kills
        assert {job["state"] for job in jobs} == {"done"}
        for job_id, place in submitter.accepted.items():
            _assert_is_direct(http, server.url, job_id, direct[place])
        _assert_all_told(receiver, submitter)


def _attempts(jobs):
    return sum(job["attempts"] for job in jobs)


def _assert_is_direct(http, url, job_id, direct):
    """The transcript is that of an upload, and each sentence was told once."""
    stored = http.get(f"{url}/v1/jobs/{job_id}/transcript").json()
    assert stored | {"timing": None} == direct | {"timing": None}
    told = told_sentences(http, url, job_id)
    assert [one["index"] for one in told] == list(range(len(direct["sentences"])))
    assert [one["text"] for one in told] == [one["text"] for one in direct["sentences"]]


def _assert_all_told(receiver, submitter):
    """The end of each job has been received, always under one id."""
    expected = {(job_id, "job.done") for job_id in submitter.accepted}
    deadline = time.monotonic() + 60
    while not expected <= receiver.ids.keys():
        assert time.monotonic() < deadline, expected - receiver.ids.keys()
        time.sleep(0.1)
    assert all(len(set(receiver.ids[one])) == 1 for one in expected)
