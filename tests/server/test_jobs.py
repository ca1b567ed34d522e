"""Submission of jobs: all of the ways to bring a recording, all or none of a batch, once with an idempotency key."""

import base64
import hashlib
import itertools
import json
import re

import pytest

from paraserve.server.access.api_keys import hashed, new_key, write_keys
from paraserve.server.access.key_fields import KeyScope, parse_line
from support.audio_files import pcm_wav
from support.fakes import FakeEngine
from support.job_worker import job_worker

ANN, BOB, NO_JOBS = new_key(), new_key(), new_key()
RECORDING = pcm_wav(b"\x00\x10" * 1600)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
numbers = itertools.count()


def with_key(key, **headers):
    return {"Authorization": f"Bearer {key}", **headers}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(serve_app, folder, tmp_path_factory):
    """A server that takes jobs and leaves them alone. Two names have keys for jobs."""
    file = tmp_path_factory.mktemp("keys") / "keys"
    keys = [hashed("ann", ANN), hashed("bob", BOB)]
    other = parse_line(hashed("eve", NO_JOBS).line() + " scopes=transcribe")
    write_keys(file, [*keys, other])
    with serve_app(
        FakeEngine(), data_dir=str(folder), jobs_at_once=0, api_keys_file=str(file), url_allow=("127.0.0.1",)
    ) as running:
        yield running


@pytest.fixture
def ask(server):
    """Requests with Ann's key."""

    def ask(method, path, key=ANN, headers=None, **options):
        return server.get(path, method, headers=with_key(key, **(headers or {})), **options)

    return ask


@pytest.fixture
def submit(ask):
    """A submission that must be accepted: the job, or the batch."""

    def submit(**options):
        answer = ask("POST", "/v1/jobs", **options)
        assert answer.status_code == 202, answer.text
        return answer.json()

    return submit


def recordings(folder):
    return {path.name: path.read_bytes() for path in (folder / "recordings").iterdir()}


def test_a_file_of_a_form(submit, ask, folder):
    """The answer is the job, which is on the disk by then, and the fields are as they were sent."""
    answer = ask(
        "POST", "/v1/jobs", files={"file": ("talk.wav", RECORDING)}, data={"language": "zh", "priority": "3"}
    )
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == job["links"]["self"] == f"/v1/jobs/{job['id']}"
    assert (job["state"], job["attempts"], job["priority"], job["filename"]) == ("queued", 0, 3, "talk.wav")
    assert (job["size_bytes"], job["started"], job["error"]) == (len(RECORDING), None, None)
    assert TIME.fullmatch(job["created"])
    assert recordings(folder)[job["id"]] == RECORDING
    assert ask("GET", answer.headers["location"]).json() == job


def test_other_ways_to_send_a_recording(submit, folder):
    """The body alone, base64 in JSON, and a field called audio."""
    raw = submit(content=RECORDING, headers={"content-type": "audio/wav"}, params={"model": "demo"})
    in_json = submit(json={"audio": base64.b64encode(RECORDING).decode(), "itn": False})
    in_form = submit(files={"audio": ("a", RECORDING)})
    by_curl = submit(content=RECORDING, headers={"content-type": "application/x-www-form-urlencoded"})
    assert [recordings(folder)[one["id"]] for one in (raw, in_json, in_form, by_curl)] == [RECORDING] * 4
    assert (raw["model"], in_json["model"]) == ("demo", None)


def test_addresses(submit, is_error, ask):
    """A URL stands in place of the recording in each kind of request; nothing is fetched yet."""
    url = "http://127.0.0.1:8001/talk.mp3"
    ways = ({"json": {"url": url}}, {"params": {"url": url}}, {"files": {"url": (None, url)}}, {"data": {"url": url}})
    for options in ways:
        job = submit(**options)
        assert (job["url"], job["size_bytes"], job["state"]) == (url, 0, "queued")
    for name in ("url", "callback_url"):
        for wrong in ("http://127.0.0.2/a", "http://[::1]/a", "file:///etc/passwd", "ftp://a/b", "s3://a/b", "a"):
            answer = ask("POST", "/v1/jobs", json={"url": url, name: wrong})
            is_error(answer, 400, "url_not_allowed", param=name)


def test_several_files_are_a_batch(submit, ask):
    """A job each, with the same fields and one id for all; the list has them by it."""
    files = [("file", (f"{n}.wav", RECORDING)) for n in range(3)]
    batch = submit(files=files, data={"priority": "-2"})
    assert [job["filename"] for job in batch["data"]] == ["0.wav", "1.wav", "2.wav"]
    assert {(job["batch"], job["priority"]) for job in batch["data"]} == {(batch["batch"], -2)}
    listed = ask("GET", f"/v1/jobs?batch={batch['batch']}").json()
    assert {job["id"] for job in listed["data"]} == {job["id"] for job in batch["data"]}


def test_a_batch_of_json(submit):
    """Fields beside the list count for all, but those of a job itself count first."""
    url = "http://127.0.0.1:8001/"
    jobs = [{"url": url + "a"}, {"url": url + "b", "priority": 5}, {"audio": base64.b64encode(RECORDING).decode()}]
    batch = submit(json={"jobs": jobs, "priority": 1, "store": False, "wrong": 1})
    assert [(job["url"], job["priority"], job["store"]) for job in batch["data"]] == [
        (url + "a", 1, False),
        (url + "b", 5, False),
        (None, 1, False),
    ]
    assert all(job["warnings"][0]["param"] == "wrong" for job in batch["data"])


def test_a_batch_is_taken_whole_or_not_at_all(ask, is_error, folder):
    """One field that cannot be used, and nothing is stored."""
    before, listed = recordings(folder), ask("GET", "/v1/jobs?limit=500").json()
    good = {"audio": base64.b64encode(RECORDING).decode()}
    is_error(
        ask("POST", "/v1/jobs", json={"jobs": [good, {**good, "itn": "maybe"}]}), 400, "invalid_value", param="itn"
    )
    files = [("file", ("a.wav", RECORDING)), ("file", ("b.wav", b""))]
    is_error(ask("POST", "/v1/jobs", files=files), 400, "empty_file", param="file")
    assert (recordings(folder), ask("GET", "/v1/jobs?limit=500").json()) == (before, listed)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"priority": "11"}, "priority"),
        ({"priority": "1.5"}, "priority"),
        ({"timeout_s": "0"}, "timeout_s"),
        ({"timeout": "soon"}, "timeout"),
        ({"store": "perhaps"}, "store"),
        ({"url": "http://127.0.0.1/" + "a" * 5000}, "url"),
        ({"language": "zz"}, "language"),
        ({"channel": "left"}, "channel"),
        ({"subtitle_lines": "99"}, "subtitle_lines"),
        ({"encoding": "mp3"}, "encoding"),
        ({"url": "http://127.0.0.1/"}, "url"),
    ],
)
def test_fields_that_cannot_be_used(ask, is_error, fields, param):
    """They are refused at the submission, not when the job is worked on. So is a URL beside a file."""
    answer = ask("POST", "/v1/jobs", files={"file": ("a.wav", RECORDING)}, data=fields)
    is_error(answer, 400, "invalid_value", param=param)


def test_requests_that_cannot_be_used(ask, is_error):
    """Without a recording, with too many of them, and those that uploads refuse, too."""
    is_error(ask("POST", "/v1/jobs"), 400, "no_file", param="file")
    is_error(ask("POST", "/v1/jobs", json={}), 400, "no_file", param="file")
    is_error(ask("POST", "/v1/jobs", data={"language": "zh"}), 400, "no_file", param="file")
    for jobs in ([], {}, [1], [{"url": "http://127.0.0.1/"}] * 101):
        is_error(ask("POST", "/v1/jobs", json={"jobs": jobs}), 400, "invalid_value", param="jobs")
    is_error(ask("POST", "/v1/jobs", json={"jobs": [{}]}), 400, "no_file", param="file")
    headers = {"content-type": "application/json"}
    is_error(ask("POST", "/v1/jobs", content=b"{", headers=headers), 400, "invalid_json")
    is_error(
        ask("POST", "/v1/jobs", content=RECORDING, params={"format": "mp3"}), 400, "invalid_format", param="format"
    )
    is_error(
        ask("POST", "/v1/jobs", content=RECORDING, params={"model": "none"}), 404, "model_not_found", param="model"
    )
    for key in ("ä" * 3, "x" * 256):
        answer = ask("POST", "/v1/jobs", content=RECORDING, headers={"Idempotency-Key": key.encode()})
        is_error(answer, 400, "invalid_value", param="Idempotency-Key")


def test_an_idempotency_key_makes_one_job(ask, is_error, folder):
    """The same request is answered as before, another one is refused, and the key of another name is another key."""
    key = f"key {next(numbers)}"

    def send(data=RECORDING, owner=ANN, **fields):
        headers = {"Idempotency-Key": key}
        return ask("POST", "/v1/jobs", owner, headers, files={"file": ("a.wav", data)}, data=fields)

    first, before = send(priority="1"), recordings(folder)
    again = send(priority="1")
    assert (again.status_code, again.json(), again.headers["location"]) == (
        202,
        first.json(),
        first.headers["location"],
    )
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    is_error(send(priority="2"), 422, "idempotency_key_reused", param="Idempotency-Key")
    is_error(send(RECORDING + b"\0\0", priority="1"), 422, "idempotency_key_reused", param="Idempotency-Key")
    assert recordings(folder) == before
    other = send(owner=BOB, priority="1")
    assert other.json()["id"] != first.json()["id"]


def test_an_idempotency_key_of_a_batch(submit):
    """The whole batch comes again, in its order."""
    options = {"json": {"jobs": [{"url": f"http://127.0.0.1:8001/{n}"} for n in range(5)]}}
    headers = {"Idempotency-Key": f"batch-{next(numbers)}"}
    assert submit(headers=headers, **options) == submit(headers=headers, **options)


def test_lists(submit, ask, is_error):
    """Pages of all jobs, the newest first; filters by state and batch; nothing beyond the last page."""
    made = [submit(content=RECORDING)["id"] for _ in range(5)]
    ask("DELETE", f"/v1/jobs/{made[2]}")
    pages, after = [], ""
    while True:
        page = ask("GET", f"/v1/jobs?limit=2{after}").json()
        pages.append([job["id"] for job in page["data"]])
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    ids = [one for page in pages for one in page]
    assert ids[:5] == made[::-1]
    assert len(ids) == len(set(ids))
    assert all(len(page) == 2 for page in pages[:-1])
    states = {
        job["id"]: job["state"] for job in ask("GET", "/v1/jobs?state=cancelled,failed&limit=500").json()["data"]
    }
    assert states[made[2]] == "cancelled"
    assert made[1] not in states
    for query, param in (("limit=0", "limit"), ("limit=501", "limit"), ("state=new", "state"), ("limit=x", "limit")):
        is_error(ask("GET", f"/v1/jobs?{query}"), 400, "invalid_value", param=param)
    is_error(ask("GET", "/v1/jobs?after=-1"), 400, "invalid_value", param="after")
    assert ask("GET", "/v1/jobs?batch=none").json() == {"object": "list", "data": [], "next": None}


def test_other_keys_see_nothing(submit, ask, is_error, server):
    """A job of another key is as one that does not exist; a key without the scope gets nowhere."""
    job = submit(content=RECORDING)
    path = job["links"]["self"]
    ways = [("GET", ""), ("DELETE", ""), ("DELETE", "?purge=true"), ("GET", "?wait_s=1")]
    ways += [("GET", end) for end in ("/transcript", "/events", "/deliveries")]
    for method, end in ways:
        answer, nothing = ask(method, path + end, BOB), ask(method, f"/v1/jobs/{'0' * 32}{end}", BOB)
        is_error(answer, 404, "job_not_found")
        assert answer.json()["error"]["message"].replace(job["id"], "") == nothing.json()["error"]["message"].replace(
            "0" * 32, ""
        )
        is_error(ask(method, path + end, NO_JOBS), 403, "missing_scope")
        is_error(server.get(path + end, method), 401, "missing_api_key")
    assert job["id"] not in ask("GET", "/v1/jobs?limit=500", BOB).text
    assert ask("GET", path).json() == job


def test_cancelling(submit, ask):
    """A job that waits is cancelled at once, and stays so."""
    path = submit(content=RECORDING)["links"]["self"]
    ended = ask("DELETE", path).json()
    assert ended["state"] == "cancelled"
    assert ended["ended"]
    assert ask("DELETE", path).json() == ended == ask("GET", path).json()
    events = ask("GET", f"{path}/events").text
    assert [line for line in events.splitlines() if line[:5] == "event"] == ["event: state", "event: end"]


def test_deleting(submit, ask, is_error, folder):
    """With purge=true neither the job is left, nor its recording."""
    secret = f"secret{next(numbers)}"
    job = submit(files={"file": (f"{secret}.wav", RECORDING)}, data={"hotwords": secret})
    assert ask("DELETE", job["links"]["self"] + "?purge=true").json() == {
        "id": job["id"],
        "object": "job",
        "deleted": True,
    }
    is_error(ask("GET", job["links"]["self"]), 404, "job_not_found")
    is_error(ask("DELETE", job["links"]["self"]), 404, "job_not_found")
    assert job["id"] not in recordings(folder)


def test_a_job_that_runs_is_cancelled_by_its_runner(submit, ask, folder):
    """It says so until the runner has ended it."""
    job = submit(content=RECORDING, params={"priority": 10})
    with job_worker(folder / "jobs.sqlite3") as worker:
        claimed = worker.claim(job["id"])
        running = ask("DELETE", job["links"]["self"]).json()
        assert (running["state"], running["is_cancelling"], running["attempts"]) == ("running", True, 1)
        worker.run(worker.store.end_cancelled(claimed.id, claimed.lease))
    assert ask("GET", job["links"]["self"]).json()["state"] == "cancelled"


def test_without_jobs_nothing_is_written(serve_app, tmp_path, is_error):
    """A server that is only asked about jobs makes no database, and one without jobs no file at all."""
    folder = tmp_path / "none" / "yet"
    with serve_app(FakeEngine(), data_dir=str(folder)) as server:
        assert server.get("/v1/jobs").json()["data"] == []
        is_error(server.get(f"/v1/jobs/{'0' * 32}"), 404, "job_not_found")
        is_error(server.post("/v1/jobs", RECORDING, priority="x"), 400, "invalid_value", param="priority")
        assert not folder.exists()


def test_methods_of_pages(serve_app, tmp_path):
    """Pages of allowed origins may use all methods of jobs, and read the headers."""
    with serve_app(FakeEngine(), cors_origins=("https://page.example",)) as server:
        for method in ("GET", "POST", "DELETE", "PATCH", "HEAD"):
            asked = {"Origin": "https://page.example", "Access-Control-Request-Method": method}
            answer = server.get("/v1/jobs", "OPTIONS", headers=asked)
            assert answer.status_code == 200, method
        found = server.get("/v1/jobs", headers={"Origin": "https://page.example"})
        assert {"Location", "Idempotency-Replayed"} <= set(found.headers["access-control-expose-headers"].split(", "))


def test_digests_are_those_of_the_recordings(ask):
    """A large recording that differs in its last byte only is another request."""
    data = hashlib.sha256(b"seed").digest() * 65_536
    headers = {"Idempotency-Key": f"large-{next(numbers)}"}
    assert ask("POST", "/v1/jobs", content=data, headers=headers).status_code == 202
    assert ask("POST", "/v1/jobs", content=data, headers=headers).status_code == 202
    assert ask("POST", "/v1/jobs", content=data[:-1] + b"?", headers=headers).status_code == 422


def test_all_routes_want_the_scope(server, ask, is_error):
    """The description names the scope of each route."""
    paths = json.loads(server.get("/openapi.json").text)["paths"]
    ours = {path: operations for path, operations in paths.items() if path.startswith("/v1/jobs")}
    assert len(ours) == 5
    for operations in ours.values():
        for operation in operations.values():
            assert {"ApiKey": [KeyScope.JOBS.value]} in operation["security"]
