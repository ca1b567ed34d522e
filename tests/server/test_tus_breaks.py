"""Resumable uploads whose connections break and whose servers die, with the client of the tus project."""

import asyncio
import contextlib
import io
from collections import Counter
from itertools import repeat

import numpy as np
import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from support.audio_files import pcm_wav
from support.breaks import Break, breaking
from support.fakes import FakeEngine
from support.live import eventually
from support.raw_http import raw_client
from support.tus import PATH, begin, offset_of, patch

RECORDING = np.random.default_rng(0).bytes(600_000)


async def test_connections_break_anywhere(serve_app, tmp_path, samples, full):
    """Each request of the client has a connection of its own, and most break, before the answer or within it."""
    rng = np.random.default_rng(2)
    samples_int16 = np.tile(np.frombuffer(samples["mixed_long"].data[44:], np.int16), 10 if full else 1)
    n_breaks, recording = 100 if full else 10, pcm_wav(samples_int16.tobytes())
    breaks = [Break(str(rng.choice(["reset", "end"])), int(rng.integers(1, 90_000))) for _ in range(n_breaks)]
    with serve_app(FakeEngine(), data_dir=str(tmp_path)) as server:
        done: Counter[str] = Counter()
        async with breaking(repeat(server.address), breaks, done) as url:
            job_id = await asyncio.to_thread(upload, url.replace("ws", "http"), recording)
        assert done.total() >= n_breaks * 0.3  # requests without bytes seldom get far enough
        job = server.get(f"/v1/jobs/{job_id}?wait_s=60").json()
        assert (job["state"], job["filename"], job["size_bytes"]) == ("done", "talk.wav", len(recording))
        assert server.get("/v1/jobs").json()["data"] == [job], "one job, however often its last part was sent"
        text = server.get(f"/v1/jobs/{job_id}/transcript?format=text").text
        assert text == server.post("/transcribe", recording, format="text").text
        assert text
    assert (tmp_path / "recordings" / job_id).read_bytes() == recording


def upload(url: str, recording: bytes) -> str:
    """As the documentation has it; the id of the job."""
    uploader = TusClient(url + PATH).uploader(
        file_stream=io.BytesIO(recording),
        chunk_size=64 * 1024,
        retries=100,
        retry_delay=0,
        metadata={"filename": "talk.wav", "job": "true"},
    )
    while uploader.url is None:  # this client does not try again to begin
        with contextlib.suppress(TusCommunicationError):
            uploader.set_url(uploader.create_url())
    uploader.upload()
    return uploader.url.rpartition("/")[2]


@pytest.mark.slow
@pytest.mark.parametrize("ends_by", ["kill", pytest.param("terminate", marks=pytest.mark.full)])
def test_a_server_that_ends(start_fake_server, tmp_path, ends_by):
    """Another server goes on from what the first one had: all of it if it was told to stop, else a second less."""
    data_dir = tmp_path / "data"
    server = start_fake_server(data_dir=data_dir, jobs_at_once=0)
    location = begin(server, len(RECORDING), job="true").headers["location"]
    head = (
        f"PATCH {location} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
        f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(RECORDING)}\r\n\r\n"
    )
    with raw_client(server.address) as client:
        client.send(head.encode() + RECORDING[:100_000])
        eventually(lambda: offset_of(server, location) == 100_000)
        client.send(RECORDING[100_000:200_000])
        if ends_by == "terminate":
            server.process.terminate()
            answer = client.read()
            assert (answer.status, answer.code) == (503, "shutting_down")
        else:
            server.process.kill()
    server.process.wait(30)
    server = start_fake_server(data_dir=data_dir, jobs_at_once=0)
    offset = offset_of(server, location)
    assert offset == 200_000 if ends_by == "terminate" else offset >= 100_000
    done = patch(server, location, offset, RECORDING[offset:])
    assert (data_dir / "recordings" / done.headers["x-job-id"]).read_bytes() == RECORDING
