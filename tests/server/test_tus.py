"""Resumable uploads, with the client of the tus project and by hand."""

import base64
import hashlib
import os
import socket
import threading
import time
from pathlib import Path

import pytest
from tusclient.client import TusClient

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Content-Type": "application/offset+octet-stream"}
PATH = "/v1/uploads"


@pytest.fixture(scope="module")
def jobs_server(start_shared_server, tmp_path_factory):
    """A server with a folder of jobs that nothing works on: jobs stay queued."""
    return start_shared_server(data_dir=tmp_path_factory.mktemp("data"), jobs_at_once=0, max_upload_bytes=1_000_000)


def begin(server, length: int | None = None, *, body: bytes = b"", headers=None, **metadata: str):
    length_header = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    pairs = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items())
    sent = {**(BYTES if body else TUS), **length_header, **({"Upload-Metadata": pairs} if pairs else {})}
    return server.get(PATH, "POST", headers={**sent, **(headers or {})}, content=body)


def patch(server, location: str, offset: int, body: bytes, **headers: str):
    return server.get(location, "PATCH", headers={**BYTES, "Upload-Offset": str(offset), **headers}, content=body)


def offset_of(server, location: str) -> int:
    answer = server.get(location, "HEAD", headers=TUS)
    assert answer.status_code == 200, answer.headers
    return int(answer.headers["upload-offset"])


def test_abilities(jobs_server):
    answer = jobs_server.get(PATH, "OPTIONS")
    assert answer.status_code == 204
    assert answer.headers["tus-max-size"] == "1000000"


def test_pieces(jobs_server):
    location = begin(jobs_server, 10, filename="a.wav").headers["location"]
    assert patch(jobs_server, location, 0, b"01234").headers["upload-offset"] == "5"
    answer = jobs_server.get(location, "HEAD", headers=TUS)
    assert (answer.headers["upload-offset"], answer.headers["upload-length"]) == ("5", "10")
    assert answer.headers["upload-metadata"] == "filename YS53YXY="
    done = patch(jobs_server, location, 5, b"56789")
    assert (done.status_code, done.headers["upload-offset"]) == (204, "10")
    assert "x-job-id" not in done.headers


def test_job_of_an_upload(jobs_server, samples):
    data = samples["zh_date"].data
    answer = begin(jobs_server, len(data), body=data[:1000], filename="a.wav", job="true", language="zh")
    assert answer.status_code == 201, answer.text
    done = patch(jobs_server, answer.headers["location"], 1000, data[1000:])
    assert done.headers["location"] == f"/v1/jobs/{done.headers['x-job-id']}"
    job = jobs_server.get(done.headers["location"]).json()
    assert (job["state"], job["filename"], job["size_bytes"]) == ("queued", "a.wav", len(data))
    state = jobs_server.get(answer.headers["location"], "HEAD", headers=TUS)
    assert (state.headers["upload-offset"], state.headers["x-job-id"]) == (str(len(data)), job["id"])
