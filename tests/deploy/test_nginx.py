"""nginx.conf before two real servers: what their users notice when one of them dies, stops and comes back."""

import asyncio
import json
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import repeat

import httpx2
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from paraserve_client import Live, Reconnect
from support.breaks import breaking, random_breaks
from support.live import LiveClient, eventually, live
from support.raw_http import raw_client
from support.tus import TUS

UPLOADERS, LIVE_CLIENTS = 4, 4
BUSY_S = 60
"""How long a server may take to get to something under this load, on a machine with other work."""
NORMAL, BROKEN, RESTARTING = 1000, 1006, 1012
QUIET_S = 2


@pytest.fixture(scope="module")
def recording(data_dir) -> bytes:
    """It takes longer than a moment to recognise."""
    return (data_dir / "mixed_long.wav").read_bytes()


def upload(url: str, recording: bytes) -> tuple[int, str]:
    """Status, and the text or the error."""
    request = urllib.request.Request(f"{url}/transcribe", recording, {"Content-Type": "audio/wav"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.load(answer)["text"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@contextmanager
def uploaders(url: str, recording: bytes) -> Iterator[list[tuple[int, str]]]:
    """Clients that upload one recording after the other until the end of the block; gives their answers."""
    answers: list[tuple[int, str]] = []
    is_over = threading.Event()

    def work() -> None:
        while not is_over.is_set():
            answers.append(upload(url, recording))

    with ThreadPoolExecutor(UPLOADERS) as pool:
        clients = [pool.submit(work) for _ in range(UPLOADERS)]
        try:
            yield answers
        finally:
            is_over.set()
    for client in clients:
        client.result()


@contextmanager
def speakers(cluster, recording: bytes) -> Iterator[list[LiveClient]]:
    """Live connections in the middle of an utterance, as many on each server."""
    with ExitStack() as stack:
        clients = [stack.enter_context(live(cluster.url)) for _ in range(LIVE_CLIENTS)]
        for client in clients:
            client.send(recording[:48_000], 1920)
        for worker in cluster.workers:
            eventually(lambda worker=worker: worker.metric("paraserve_live_sessions") == LIVE_CLIENTS / 2, BUSY_S)
        yield clients


def fate(client: LiveClient) -> tuple[int, int]:
    """Close code and number of final results, after the end marker where the connection still lives."""
    n_finals = 0
    try:
        while True:
            n_finals += json.loads(client.ws.recv(QUIET_S))["is_final"]
    except TimeoutError:
        client.end()
        n_finals += client.until_final()[-1]["is_final"]
        client.ws.close()
    except ConnectionClosed:
        pass
    return client.ws.close_code, n_finals


def fates(clients: list[LiveClient]) -> list[tuple[int, int]]:
    with ThreadPoolExecutor(len(clients)) as pool:
        return sorted(pool.map(fate, clients))


def test_configuration(nginx, nginx_folder):
    """`nginx -t` finds nothing to say against nginx.conf."""
    command = [*nginx, "-t", "-q", "-p", nginx_folder, "-c", "nginx.conf"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
async def test_broken_connections(cluster, recording):
    """A client returns to its session, or begins again on the other server with what it has kept: nothing is lost."""
    address = cluster.url.removeprefix("http://").split(":")
    breaks = random_breaks(np.random.default_rng(0), 8, len(recording) // 8)
    whole = await final_texts(cluster.url.replace("http", "ws"), recording)
    async with breaking(repeat((address[0], int(address[1]))), breaks) as url:
        assert await final_texts(url, recording) == whole


async def final_texts(url: str, recording: bytes) -> list[str]:
    """Of a live client that speaks fast."""
    patient = Reconnect(attempts=100, first_s=0.01, longest_s=0.2, ping_s=0.5)
    async with Live(url, reconnect=patient) as client:
        for start in range(44, len(recording), 1920):
            await client.send(recording[start : start + 1920])
            await asyncio.sleep(0.003)
        await client.finish()
        return [update.text async for update in client if update.text and not update.is_partial]


@pytest.mark.slow
def test_killed_worker(cluster, recording):
    """A server that dies under load costs no upload; its live clients are cut off; back, it gets work again."""
    victim, survivor = cluster.workers
    right = upload(survivor.url, recording)
    assert right[0] == 200
    assert right[1]
    with speakers(cluster, recording) as clients, uploaders(cluster.url, recording) as answers:
        eventually(lambda: victim.metric("paraserve_uploads_in_progress") > 0, BUSY_S)
        victim.kill()
        assert fates(clients) == [(NORMAL, 1), (NORMAL, 1), (BROKEN, 0), (BROKEN, 0)]
        n_before = len(answers)
        eventually(lambda: len(answers) >= n_before + UPLOADERS, BUSY_S)
        victim.start()
        eventually(lambda: victim.metric("paraserve_audio_seconds_total") > 0, BUSY_S)
    assert set(answers) == {right}
    assert any(line["status"] == 200 for line in sent_twice(cluster))


def sent_twice(cluster) -> list[dict[str, object]]:
    """Uploads that a second server got, by nginx's log."""
    lines = [json.loads(line) for line in cluster.access_log.read_text("utf-8").splitlines()]
    return [line for line in lines if line["method"] == "POST" and "," in line["worker"]]


@pytest.mark.slow
def test_stopped_worker(cluster, recording):
    """A server that is told to stop gives its live clients their last result and 1012, and no upload is lost."""
    stopped, survivor = cluster.workers
    right = upload(survivor.url, recording)
    with speakers(cluster, recording) as clients, uploaders(cluster.url, recording) as answers:
        eventually(lambda: stopped.metric("paraserve_uploads_in_progress") > 0, BUSY_S)
        with ThreadPoolExecutor(1) as pool:
            exit_code = pool.submit(stopped.stop)
            assert fates(clients) == [(NORMAL, 1), (NORMAL, 1), (RESTARTING, 1), (RESTARTING, 1)]
            assert exit_code.result() == 0
        n_before = len(answers)
        eventually(lambda: len(answers) >= n_before + UPLOADERS, BUSY_S)
    assert set(answers) == {right}
    stopped.start()


def test_large_uploads_are_refused(cluster):
    """An upload that is announced as too large gets 413 and the error shape of the server, without being sent."""
    request = urllib.request.Request(f"{cluster.url}/transcribe", b"", {"Content-Length": str(3 * 1024**3)})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    with refused.value as error:
        assert error.code == 413
        assert json.load(error)["error"]["code"] == "file_too_large"


def test_resumable_uploads_go_on_as_they_come(cluster, recording):
    """A server has the bytes of a connection that is still open, another one goes on, and all know the job."""
    with httpx2.Client(base_url=cluster.url, headers=TUS, timeout=BUSY_S, trust_env=False) as client:
        begun = client.post("/v1/uploads", headers={"Upload-Length": str(len(recording)), "Upload-Metadata": "job"})
        location = begun.headers["location"]
        address = cluster.url.removeprefix("http://").split(":")
        with raw_client((address[0], int(address[1]))) as hanging:
            hanging.send(
                f"PATCH {location} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
                f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(recording)}\r\n\r\n".encode(),
                recording[:1000],
            )
            eventually(lambda: client.head(location).headers["upload-offset"] == "1000", BUSY_S)
        headers = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "1000"}
        done = client.patch(location, content=recording[1000:], headers=headers)
        assert done.status_code == 204, done.text
        job = done.headers["location"]
        assert client.get(f"{job}/events").text.rpartition("event: ")[2].startswith("end\n")
        texts = [client.get(f"{one.url}{job}/transcript?format=text").text.strip() for one in cluster.workers]
    assert texts == [upload(cluster.url, recording)[1]] * 2


def test_what_stays_inside(cluster):
    """nginx does not show the metrics of some server or other, and logs no key of a WebSocket."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{cluster.url}/metrics", timeout=30)
    with refused.value as error:
        assert error.code == 404
    with live(cluster.url, "/?token=ps_secret") as client:
        client.end()
        client.until_final()
    eventually(lambda: '"status":101' in cluster.access_log.read_text("utf-8"))
    assert "ps_secret" not in cluster.access_log.read_text("utf-8")


def test_no_worker(cluster, recording):
    """Without any server the answer is 503 in the error shape of the server, and says when to try again."""
    for worker in cluster.workers:
        worker.kill()
    request = urllib.request.Request(f"{cluster.url}/transcribe", recording)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    with refused.value as error:
        assert (error.code, error.headers["Retry-After"]) == (503, "5")
        assert json.load(error)["error"]["code"] == "not_ready"
