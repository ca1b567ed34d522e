"""The database of jobs is away for a while: submissions are refused, running jobs go on, and nothing is lost."""

import time

import pytest

from support.databases import own_postgres
from support.job_server import client, forking, told_sentences
from support.loud_engine import bursts, wav_of

N_BURSTS = 6
RECORDING = wav_of(bursts(N_BURSTS)).getvalue()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_database_that_is_away(tmp_path, full):
    """PostgreSQL stops while a job is being recognized, and comes back after the recognition has ended."""
    away_s = 30.0 if full else 3.0
    with (
        own_postgres() as postgres,
        forking(tmp_path / "log", pace_s=away_s / 2) as forks,
        forks.of(data_dir=tmp_path / "data", jobs_database=postgres.url(), jobs_lease_s=120) as servers,
        client() as http,
    ):
        url = f"{servers.start().url}/v1/jobs"
        job = f"{url}/{http.post(url, content=RECORDING).json()['id']}"
        waiting = f"{url}/{http.post(url, content=RECORDING).json()['id']}"
        while http.get(job).json()["state"] != "running":
            time.sleep(0.02)
        postgres.stop("immediate")
        back_s = time.monotonic() + away_s
        refused = [http.post(url, content=RECORDING) for _ in range(2)]
        assert [answer.status_code for answer in refused] == [503, 503]
        assert refused[0].json()["error"]["code"] == "database_unavailable"
        assert int(refused[0].headers["retry-after"]) > 0
        time.sleep(max(0.0, back_s - time.monotonic()))
        postgres.start()
        later = _submitted(http, url)
        for one in (job, waiting, later):
            answer = _ended(http, one)
            assert (answer["state"], answer["attempts"]) == ("done", 1)
            assert len(http.get(f"{one}/transcript").json()["sentences"]) == N_BURSTS
            told = told_sentences(http, url.removesuffix("/v1/jobs"), answer["id"])
            assert [sentence["index"] for sentence in told] == list(range(N_BURSTS))
        assert len(http.get(url).json()["data"]) == 3


def _submitted(http, url):
    """A job, as soon as one is taken again."""
    deadline = time.monotonic() + 60
    while (answer := http.post(url, content=RECORDING)).status_code != 202:
        assert answer.status_code == 503
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return f"{url}/{answer.json()['id']}"


def _ended(http, job):
    deadline = time.monotonic() + 120
    while (answer := http.get(job)).status_code != 200 or answer.json()["state"] in {"queued", "running"}:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    return answer.json()
