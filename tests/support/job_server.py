"""Servers of jobs that a test may kill, clients that never lose a job, and who receives their webhooks."""

import contextlib
import json
import os
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import psutil

RETRY_S = 0.05
SETTLE_S = 120


def kill(process: psutil.Process) -> None:
    """End a process as the kernel does for want of memory."""
    with contextlib.suppress(psutil.NoSuchProcess):
        os.kill(process.pid, signal.SIGKILL)


def kill_all(pid: int) -> None:
    """End a process and all that it has started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            kill(one)


@dataclass
class Receiver:
    """Receives webhooks: `ids` are those of the messages by job and kind."""

    ids: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    url: str = ""

    @contextlib.contextmanager
    def listening(self) -> "Iterator[Receiver]":
        """The receiver, at work."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.ids[body["data"]["id"], body["type"]].append(self.headers["webhook-id"])
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}/hook"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@dataclass
class Submitter:
    """Hands recordings over, one after the other, each until it is accepted. `accepted` has the recording by job."""

    url: str
    recordings: list[bytes]
    callback_url: str = ""
    accepted: dict[str, int] = field(default_factory=dict)
    n_retries: int = 0
    n_begun: int = 0

    def submit(self, http: httpx2.Client) -> str:
        """Submit the next recording with a key of its own, until an answer comes; return the job's id."""
        number, self.n_begun = self.n_begun, self.n_begun + 1
        headers = {"Idempotency-Key": f"{id(self)}-{number}"}
        params = {"callback_url": self.callback_url} if self.callback_url else {}
        place = number % len(self.recordings)
        deadline = time.monotonic() + SETTLE_S
        while True:
            with contextlib.suppress(httpx2.TransportError):
                answer = http.post(
                    f"{self.url}/v1/jobs", content=self.recordings[place], headers=headers, params=params
                )
                if answer.status_code == 202:
                    self.accepted[answer.json()["id"]] = place
                    return answer.json()["id"]
                assert answer.status_code == 503, answer.text
            assert time.monotonic() < deadline
            self.n_retries += 1
            time.sleep(RETRY_S)

    @contextlib.contextmanager
    def at_work(self, pause_s: float) -> Iterator[None]:
        """Submit all the time, with pauses, until the end of the context."""
        is_over = threading.Event()
        failures: list[BaseException] = []

        def work() -> None:
            try:
                with client() as http:
                    while not is_over.wait(pause_s):
                        self.submit(http)
            except BaseException as error:  # noqa: BLE001 - raised below
                failures.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()
        assert not failures, failures


def client() -> httpx2.Client:
    """Requests that do not wait for a server that was killed."""
    return httpx2.Client(timeout=10, trust_env=False, headers={"connection": "close"})


def all_jobs(http: httpx2.Client, url: str) -> list[dict]:
    """Every job that the database has."""
    found, after = [], None
    while True:
        page = http.get(f"{url}/v1/jobs", params={"limit": 100, **({"after": after} if after else {})}).json()
        found += page["data"]
        after = page["next"]
        if after is None:
            return found


def all_ended(http: httpx2.Client, url: str, timeout_s: float = SETTLE_S) -> list[dict]:
    """Every job, once all of them have ended."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = http.get(f"{url}/v1/jobs", params={"state": "queued,running", "limit": 1})
        if answer.status_code == 200 and not answer.json()["data"]:
            return all_jobs(http, url)
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)


def told_sentences(http: httpx2.Client, url: str, job_id: str) -> list[dict]:
    """The sentences of the events of a job that has ended."""
    text = http.get(f"{url}/v1/jobs/{job_id}/events").text
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.strip().split("\n\n")]
    return [json.loads(block["data"]) for block in blocks if block.get("event") == "sentence"]
