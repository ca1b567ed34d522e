"""Resumable uploads: the protocol by hand, request by request."""

import base64
import hashlib
from dataclasses import replace
from email.utils import parsedate_to_datetime

import pytest

from paraserve.server.access.api_keys import hashed, new_key, write_keys
from paraserve.server.access.key_fields import KeyScope
from support.fakes import FakeEngine
from support.live import eventually
from support.raw_http import raw_client
from support.tus import PATH, TUS, begin, metadata, offset_of, patch

MAX_BYTES = 1_000_000
UNKNOWN = f"{PATH}/{'0' * 32}"


@pytest.fixture(scope="module")
def data_dir_of_jobs(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(serve_app, data_dir_of_jobs):
    """Nothing works on its jobs, so they stay queued."""
    with serve_app(
        FakeEngine(), data_dir=str(data_dir_of_jobs), jobs_at_once=0, max_upload_bytes=MAX_BYTES
    ) as running:
        yield running


def test_abilities(server):
    """A client that asks is told the version, the extensions and the largest size, by either path."""
    for path in (PATH, UNKNOWN):
        answer = server.get(path, "OPTIONS")
        assert answer.status_code == 204
        assert answer.headers["tus-version"] == "1.0.0"
        assert answer.headers["tus-max-size"] == str(MAX_BYTES)
        assert {"creation", "checksum", "expiration", "termination"} <= set(
            answer.headers["tus-extension"].split(",")
        )


def test_pieces(server):
    """Pieces follow each other. The state tells their bytes, the length, the metadata and when they are deleted."""
    location = begin(server, 10, filename="a.wav").headers["location"]
    assert patch(server, location, 0, b"01234").headers["upload-offset"] == "5"
    answer = server.get(location, "HEAD", headers=TUS)
    assert (answer.headers["upload-offset"], answer.headers["upload-length"]) == ("5", "10")
    assert answer.headers["upload-metadata"] == metadata(filename="a.wav")
    assert (answer.headers["cache-control"], answer.headers["tus-resumable"]) == ("no-store", "1.0.0")
    left_s = parsedate_to_datetime(answer.headers["upload-expires"]) - parsedate_to_datetime(answer.headers["date"])
    assert 86_000 < left_s.total_seconds() <= 86_402
    done = patch(server, location, 5, b"56789")
    assert (done.status_code, done.headers["upload-offset"]) == (204, "10")
    assert "x-job-id" not in done.headers


def test_length_comes_later(server):
    """Without a length, parts may come; the length is told with one of them, once."""
    location = begin(server).headers["location"]
    assert server.get(location, "HEAD", headers=TUS).headers["upload-defer-length"] == "1"
    patch(server, location, 0, b"012")
    assert patch(server, location, 3, b"34", **{"Upload-Length": "7"}).status_code == 204
    answer = server.get(location, "HEAD", headers=TUS)
    assert (answer.headers["upload-length"], answer.headers["upload-offset"]) == ("7", "5")
    changed = patch(server, location, 5, b"56", **{"Upload-Length": "8"})
    assert (changed.status_code, changed.json()["error"]["code"]) == (400, "invalid_header")
    assert patch(server, location, 5, b"56").headers["upload-offset"] == "7"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_checksums(server, algorithm):
    """Bytes that differ from their checksum are not kept."""
    location = begin(server, 6).headers["location"]
    right = f"{algorithm} {base64.b64encode(hashlib.new(algorithm, b'012').digest()).decode()}"
    assert patch(server, location, 0, b"012", **{"Upload-Checksum": right}).status_code == 204
    wrong = patch(server, location, 3, b"345", **{"Upload-Checksum": right})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (460, "upload_checksum")
    assert offset_of(server, location) == 3
    assert patch(server, location, 3, b"345").headers["upload-offset"] == "6"


def test_deleted(server, data_dir_of_jobs):
    """A deleted upload is gone, with its bytes."""
    location = begin(server, 6, body=b"012").headers["location"]
    file = data_dir_of_jobs / "uploads" / f"{location.rpartition('/')[2]}.upload"
    assert file.read_bytes() == b"012"
    assert server.get(location, "DELETE", headers=TUS).status_code == 204
    assert not file.exists()
    assert server.get(location, "HEAD", headers=TUS).status_code == 404
    assert patch(server, location, 3, b"345").status_code == 404
    assert not file.exists()


def test_methods_as_post(server):
    """The header that overrides the method counts, whatever the method is."""
    location = begin(server, 6).headers["location"]
    sent = {**TUS, "X-HTTP-Method-Override": "PATCH", "Content-Type": "application/offset+octet-stream"}
    assert server.get(location, "POST", headers={**sent, "Upload-Offset": "0"}, content=b"012").status_code == 204
    answer = server.get(location, "POST", headers={**TUS, "X-HTTP-Method-Override": "HEAD"})
    assert (answer.status_code, answer.headers["upload-offset"]) == (200, "3")
    assert server.get(location, "POST", headers={**TUS, "X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert server.get(location, "POST", headers=TUS).status_code == 405
    answer = server.get(PATH, "POST", headers={"X-HTTP-Method-Override": "OPTIONS"})
    assert (answer.status_code, answer.headers["tus-version"]) == (204, "1.0.0")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412, "tus_version"),
        ({"Content-Type": "audio/wav"}, 415, "upload_content_type"),
        ({"Upload-Offset": "2"}, 409, "upload_offset"),
        ({"Upload-Offset": "x"}, 400, "invalid_header"),
        ({"Upload-Checksum": "md5 AAAA"}, 400, "invalid_header"),
    ],
)
def test_refused_parts(server, is_error, change, status, code):
    """Each refusal says why, changes nothing, and is an answer of the protocol."""
    location = begin(server, 6, body=b"012").headers["location"]
    answer = patch(server, location, 3, b"345", **change)
    is_error(answer, status, code, param=next(iter(change)))
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert answer.headers.get("tus-version") == ("1.0.0" if status == 412 else None)
    assert offset_of(server, location) == 3


def test_too_much(server, is_error):
    """More bytes than announced, or than the server takes, are refused: as announced, or as they come."""
    is_error(begin(server, MAX_BYTES + 1), 413, "file_too_large", param="Upload-Length")
    location = begin(server, 6, body=b"012").headers["location"]
    is_error(patch(server, location, 3, b"3456"), 413, "file_too_large", param="file")
    is_error(patch(server, location, 3, iter([b"34", b"56"])), 413, "file_too_large", param="file")
    assert patch(server, location, offset_of(server, location), iter([b"345"])).headers["upload-offset"] == "6"


def test_job_of_an_upload(server, samples, data_dir_of_jobs):
    """A complete upload with `job` is a job with the upload's fields, and later requests are told which."""
    data = samples["zh_date"].data
    answer = begin(server, len(data), body=data[:1000], filename="a.wav", job="true", language="zh", priority="3")
    location = answer.headers["location"]
    done = patch(server, location, 1000, data[1000:])
    assert done.headers["location"] == f"/v1/jobs/{done.headers['x-job-id']}"
    job = server.get(done.headers["location"]).json()
    facts = (job["state"], job["filename"], job["size_bytes"], job["priority"])
    assert facts == ("queued", "a.wav", len(data), 3)
    assert (data_dir_of_jobs / "recordings" / job["id"]).read_bytes() == data
    for again in (server.get(location, "HEAD", headers=TUS), patch(server, location, len(data), b"")):
        assert (again.headers["upload-offset"], again.headers["x-job-id"]) == (str(len(data)), job["id"])
    assert [path.name for path in (data_dir_of_jobs / "uploads").glob(f"{job['id']}*")] == []


def test_all_in_one_request(server, samples):
    """A job in one request."""
    data = samples["zh_date"].data
    answer = begin(server, len(data), body=data, job="")
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(len(data)))
    assert server.get(f"/v1/jobs/{answer.headers['x-job-id']}").json()["state"] == "queued"


def test_fields_are_checked_at_the_beginning(server, is_error):
    """Nobody sends gigabytes to be told of a wrong field."""
    is_error(begin(server, 10, job="true", channel="many"), 400, "invalid_value", param="channel")
    assert begin(server, 10, channel="many").status_code == 201, "without a job they are only kept"


def test_submitted_by_id(server, samples, data_dir_of_jobs, is_error):
    """`upload` of a submission is a complete upload, once; with an Idempotency-Key, as often as it is sent."""
    data = samples["zh_date"].data
    location = begin(server, len(data), body=data[:5], filename="b.wav").headers["location"]
    upload = location.rpartition("/")[2]
    is_error(server.get("/v1/jobs", "POST", params={"upload": upload}), 409, "upload_state", param="upload")
    patch(server, location, 5, data[5:])
    for is_replay in (False, True):
        answer = server.get("/v1/jobs", "POST", params={"upload": upload}, headers={"Idempotency-Key": upload})
        assert answer.status_code == 202, answer.text
        assert (answer.headers.get("idempotency-replayed") == "true") is is_replay
    assert (answer.json()["id"], answer.json()["filename"]) == (upload, "b.wav")
    assert (data_dir_of_jobs / "recordings" / upload).read_bytes() == data
    is_error(server.get("/v1/jobs", "POST", params={"upload": upload}), 404, "upload_not_found")
    assert server.get(location, "HEAD", headers=TUS).headers["x-job-id"] == upload


def test_empty_recordings_are_no_jobs(server, is_error):
    is_error(begin(server, 0, job="true"), 400, "empty_file", param="upload")
    location = begin(server, 0).headers["location"]
    submitted = server.get("/v1/jobs", "POST", params={"upload": location.rpartition("/")[2]})
    is_error(submitted, 400, "empty_file", param="upload")


def test_a_second_request_takes_over(server):
    """A request that hangs on a dead connection gives way to the one with which its client has returned."""
    location = begin(server, 10).headers["location"]
    head = (
        f"PATCH {location} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
        "Content-Type: application/offset+octet-stream\r\nContent-Length: 10\r\n\r\n"
    )
    with raw_client(server.address) as hanging:
        hanging.send(head.encode() + b"0123")
        eventually(lambda: offset_of(server, location) == 4)
        assert patch(server, location, 4, b"456789").headers["upload-offset"] == "10"
        refused = hanging.read()
    assert (refused.status, refused.code) == (423, "upload_busy")
    assert offset_of(server, location) == 10


def test_keys(serve_app, tmp_path, is_error):
    """Uploads are for keys with the scope `jobs`, each for its own name, within its quotas."""
    mine, other, narrow = new_key(), new_key(), new_key()
    scopes = frozenset({KeyScope.TRANSCRIBE})
    keys = [hashed("mine", mine), hashed("other", other), replace(hashed("narrow", narrow), scopes=scopes)]
    write_keys(tmp_path / "keys", keys)
    settings = {"api_keys_file": str(tmp_path / "keys"), "data_dir": str(tmp_path / "data"), "jobs_at_once": 0}
    with serve_app(FakeEngine(), **settings, max_job_bytes_per_key=100) as server:
        is_error(begin(server, 10), 401, "missing_api_key")
        is_error(begin(server, 10, key=narrow), 403, "missing_scope")
        is_error(begin(server, 101, key=mine), 429, "quota_exceeded")
        location = begin(server, 100, body=b"0" * 50, key=mine).headers["location"]
        is_error(begin(server, 1, key=mine), 429, "quota_exceeded")
        is_error(patch(server, location, 50, b"1", key=other), 404, "upload_not_found")
        assert server.get(location, "HEAD", headers={**TUS, "Authorization": f"Bearer {other}"}).status_code == 404
        assert server.get(location, "DELETE", headers={**TUS, "X-API-Key": other}).status_code == 404
        assert patch(server, location, 50, b"1" * 50, key=mine).status_code == 204
        assert server.get(location, "DELETE", headers={**TUS, "X-API-Key": mine}).status_code == 204
        assert begin(server, 100, key=mine).status_code == 201
