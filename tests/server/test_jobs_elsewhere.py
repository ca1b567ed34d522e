"""Jobs whose recordings are elsewhere and whose ends are told elsewhere, from the request to the signed message.

What is stored in between is encrypted, in an object store.
"""

import asyncio
from collections.abc import Iterator

import pytest
from standardwebhooks import Webhook

from support.audio_files import pcm_wav
from support.fakes import FakeEngine
from support.object_stores import S3Server, start_s3
from support.remote_hosts import answer, remote_host

RECORDING = pcm_wav(b"\x00\x10" * 16000)
WITHIN_S = 60


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    for server in start_s3():
        server.make_bucket("recordings")
        server.put("recordings/talks/c.wav", RECORDING)
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder, the folder of files that may be named, and a key."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "files").mkdir()
    (folder / "files" / "b.wav").write_bytes(RECORDING)
    (folder / "key").write_text("07" * 32)
    return folder


@pytest.fixture(scope="module")
def server(serve_app, folder, s3):
    with serve_app(
        FakeEngine(),
        data_dir=str(folder / "data"),
        jobs_recordings="s3://recordings/jobs",
        jobs_key_file=str(folder / "key"),
        url_allow=("127.0.0.1",),
        url_file_root=str(folder / "files"),
        url_buckets=("s3://recordings/talks",),
        jobs_retry_s=0.05,
    ) as running:
        yield running


async def finished(server, **fields) -> dict:
    """Submit a job, and wait for its end."""
    submitted = await asyncio.to_thread(server.get, "/v1/jobs", "POST", json=fields)
    assert submitted.status_code == 202, submitted.text
    path = submitted.headers["location"]
    async with asyncio.timeout(WITHIN_S):
        while True:
            job = (await asyncio.to_thread(server.get, path, params={"wait_s": 5})).json()
            if job["state"] in ("done", "failed"):
                return job


async def text_of(server, job: dict) -> str:
    transcript = await asyncio.to_thread(server.get, job["links"]["self"] + "/transcript", params={"format": "text"})
    assert transcript.status_code == 200, transcript.text
    return transcript.text.strip()


async def test_a_recording_by_each_kind_of_url_is_told_of_when_it_is_done(server, folder, s3):
    direct = await asyncio.to_thread(server.post, "/transcribe", RECORDING)
    async with remote_host({"/a.wav": answer(RECORDING), "/hook": answer(status=204)}) as host:
        urls = (host.url("/a.wav"), f"file://{folder}/files/b.wav", "s3://recordings/talks/c.wav")
        for url in urls:
            job = await finished(server, url=url, callback_url=host.url("/hook"))
            assert job["state"] == "done", job["error"]
            assert (job["attempts"], job["size_bytes"], job["filename"]) == (1, len(RECORDING), url[-5:])
            assert await text_of(server, job) == direct.json()["text"].strip()
            stored = await asyncio.to_thread(s3.get, f"recordings/jobs/{job['id']}")
            assert stored.startswith(b"PSSEAL1\n")
            assert RECORDING[44:144] not in stored
            await eventually(lambda: any(asked.target == "/hook" for asked in host.asked))
            told = host.asked.pop()
            secret = (folder / "data" / "webhook-secret").read_text().strip()
            assert Webhook(secret).verify(told.body, told.headers)["data"]["id"] == job["id"]


async def test_a_host_that_comes_back_is_asked_again(server):
    async with remote_host({"/a.wav": answer(status=503)}) as host:
        working = asyncio.create_task(finished(server, url=host.url("/a.wav")))
        await eventually(lambda: len(host.asked) >= 2)
        host.answers["/a.wav"] = answer(RECORDING)
        job = await working
        assert (job["state"], job["attempts"]) == ("done", len(host.asked))


@pytest.mark.parametrize(
    ("path", "code"), [("/missing.wav", "url_failed"), ("/page", "url_failed"), ("/private", "url_not_allowed")]
)
async def test_what_will_never_be_a_recording_fails_at_once(server, path: str, code: str):
    answers = {
        "/page": answer(b"<html>", content_type="text/html"),
        "/private": answer(status=302, location="http://169.254.169.254/latest/meta-data/"),
    }
    async with remote_host(answers) as host:
        job = await finished(server, url=host.url(path))
        assert (job["state"], job["attempts"], job["error"]["code"]) == ("failed", 1, code)
        assert job["error"]["param"] == "url"


@pytest.mark.parametrize("name", ["url", "callback_url"])
@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/", "http://[::1]/", "http://user@127.0.0.1/", "ftp://127.0.0.1/"]
)
def test_an_address_of_the_servers_network_is_refused_at_once(server, name: str, url: str):
    refused = server.get("/v1/jobs", "POST", json={"url": "http://127.0.0.1/a.wav", name: url})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "url_not_allowed")
    assert refused.json()["error"]["param"] == name


async def eventually(is_so) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not is_so():  # noqa: ASYNC110 - a host counts, it does not signal
            await asyncio.sleep(0.02)
