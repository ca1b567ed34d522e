"""Pods of the overlays that share volumes: jobs in PostgreSQL with recordings on a volume, and bundles on another."""

import select
import shutil
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from support.databases import new_database
from support.kubernetes_manifests import FOLDER, render
from support.pod_root import Given
from support.pods import Pod, gateway, running_pod, why_not_here
from support.tus import TUS

pytestmark = [pytest.mark.full, pytest.mark.slow, pytest.mark.timeout(900)]
WEBHOOK_SECRET = "whsec_" + "c2VjcmV0" * 4
DONE_TIMEOUT_S = 120
N_JOBS = 12


@pytest.fixture(autouse=True)
def _machine():
    if why := why_not_here():
        pytest.skip(why)


class Carrier(socketserver.BaseRequestHandler):
    """A connection of a pod, carried on to what only this machine reaches."""

    def handle(self) -> None:
        """Carry bytes both ways until one side ends."""
        with socket.create_connection(self.server.to) as on:
            other = {self.request: on, on: self.request}
            while readable := select.select(other, (), ())[0]:
                for one in readable:
                    block = one.recv(65536)
                    if not block:
                        return
                    other[one].sendall(block)


@contextmanager
def reached_from_pods(database: str) -> Iterator[str]:
    """A way for pods to a database; its URL for them."""
    port = urlsplit(database).port
    with socketserver.ThreadingTCPServer(("0.0.0.0", 0), Carrier) as carriers:
        carriers.daemon_threads, carriers.to = True, ("127.0.0.1", port)
        threading.Thread(target=carriers.serve_forever, daemon=True).start()
        yield database.replace(f"127.0.0.1:{port}", f"{gateway(0)}:{carriers.server_address[1]}")
        carriers.shutdown()


def test_jobs_of_all_pods(postgres_server, data_dir, tmp_path):
    """A job or upload that one pod took is known to the other, which does what is left when the first one ends."""
    objects, volume = render(FOLDER / "overlays" / "postgres-jobs-volume"), tmp_path / "data"
    volume.mkdir()
    with ExitStack() as stack:
        database = stack.enter_context(reached_from_pods(new_database(postgres_server)))
        secret = {"database": database, "webhook-secret": WEBHOOK_SECRET}
        given = Given({"paraserve-jobs": secret}, {"paraserve-data": volume})
        pods = [stack.enter_context(running_pod(objects, number, given)) for number in range(2)]
        for pod in pods:
            pod.wait_until_ready()
        use_jobs(pods, data_dir / "zh_date.wav")


def use_jobs(pods: list[Pod], recording: Path) -> None:
    """Give the first pod jobs and half an upload, end it, and read all texts at the other one."""
    audio = recording.read_bytes()
    with (
        httpx2.Client(base_url=pods[0].url, timeout=DONE_TIMEOUT_S, trust_env=False) as first,
        httpx2.Client(base_url=pods[1].url, timeout=DONE_TIMEOUT_S, trust_env=False) as other,
    ):
        right = first.post("/transcribe", content=audio).json()["text"]
        begun = first.post("/v1/uploads", headers=TUS | {"Upload-Length": str(len(audio)), "Upload-Metadata": "job"})
        upload = httpx2.URL(begun.headers["location"]).path
        types = TUS | {"Content-Type": "application/offset+octet-stream"}
        assert first.patch(upload, content=audio[:9000], headers=types | {"Upload-Offset": "0"}).status_code == 204
        ended = other.patch(upload, content=audio[9000:], headers=types | {"Upload-Offset": "9000"})
        jobs = [httpx2.URL(ended.headers["location"]).path]
        jobs += [f"/v1/jobs/{first.post('/v1/jobs', content=audio).json()['id']}" for _ in range(N_JOBS)]
        code, _ = pods[0].end()
        assert code == 0
        for job in jobs:
            assert other.get(f"{job}/events").text.rpartition("event: ")[2].startswith("end\n")
            assert other.get(f"{job}/transcript", params={"format": "text"}).text.strip() == right


def test_bundle_on_a_volume(demo_dir, data_dir, tmp_path):
    """A pod waits for the bundle, and serves it from a volume that it cannot change."""
    objects, volume = render(FOLDER / "overlays" / "model-cache"), tmp_path / "models"
    shutil.copytree(demo_dir, volume / "2pass-zh")
    with running_pod(objects, 0, Given(claims={"paraserve-models": volume})) as pod:
        pod.wait_until_ready()
        models = httpx2.get(f"{pod.url}/v1/models", trust_env=False).json()["data"]
        assert "2pass-zh" in {model["id"] for model in models}
        audio = (data_dir / "zh_date.wav").read_bytes()
        assert httpx2.post(f"{pod.url}/transcribe", content=audio, timeout=60, trust_env=False).json()["text"]
        root = Path(f"/proc/{pod.pid}/root")
        with pytest.raises(OSError, match="Read-only file system"):
            (root / "models" / "new").touch()
        assert "cannot write" not in pod.errors.read_text("utf-8")
