"""Servers are killed under a stream of jobs: none is lost or doubled, and all receivers are told."""

import random
import time

import pytest

from support.databases import new_database
from support.job_server import Receiver, Submitter, all_ended, client, forking, told_sentences
from support.loud_engine import bursts, wav_of

RECORDINGS = [wav_of(bursts(4 + n, first=20 * n)).getvalue() for n in range(4)]


@pytest.fixture(scope="module")
def forks(tmp_path_factory):
    with forking(tmp_path_factory.mktemp("forks") / "log", pace_s=0.1) as forks:
        yield forks


@pytest.fixture(params=[pytest.param("sqlite", marks=pytest.mark.full), "postgres"])
def servers(request, forks, tmp_path):
    """Starts servers that share a database and a folder."""
    database = "" if request.param == "sqlite" else new_database(request.getfixturevalue("postgres_server"))
    patience = {"jobs_lease_s": 1.0, "jobs_retry_s": 0.1}
    with forks.of(data_dir=tmp_path / "data", jobs_database=database, url_allow="127.0.0.1", **patience) as servers:
        yield servers


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_job_is_lost_or_doubled(servers, full):
    """One of two servers is killed at a random point, now and then both, and others are started."""
    n_kills = 200 if full else 10
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    for _ in range(2):
        servers.start()
    with Receiver().listening() as receiver, client() as http:
        url = servers.servers[0].url
        direct = [http.post(f"{url}/transcribe", content=one).json() for one in RECORDINGS]
        submitter = Submitter(servers.servers, RECORDINGS, receiver.url)
        with submitter.at_work(pause_s=0.02):
            for _ in range(n_kills):
                submitter.wait_for(chance.randrange(1, 8))
                time.sleep(chance.uniform(0.0, 0.2))
                dying = chance.sample(servers.servers, 2 if chance.random() < 0.2 else 1)
                for server in dying:
                    servers.kill(server)
                for _ in dying:
                    servers.start()
        url = servers.servers[0].url
        jobs = all_ended(http, url)
        print(f"seed {seed}: {len(jobs)} jobs, {submitter.n_retries} retries, {_attempts(jobs)} attempts")
        assert sorted(job["id"] for job in jobs) == sorted(submitter.accepted)
        assert len(jobs) == submitter.n_begun > n_kills
        assert {job["state"] for job in jobs} == {"done"}
        for job_id, place in submitter.accepted.items():
            _assert_is_direct(http, url, job_id, direct[place])
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
