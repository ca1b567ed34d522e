"""Servers of jobs that a test may kill, clients that never lose a job, and who receives their webhooks."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2

from support.commands import READY, clean_environment

TESTS = Path(__file__).parents[1]
RETRY_S = 0.05
SETTLE_S = 120


@dataclass(frozen=True)
class ForkedServer:
    """A server in a process of its own."""

    pid: int
    url: str

    def kill(self) -> None:
        """End it as the kernel does for want of memory."""
        os.kill(self.pid, signal.SIGKILL)


NOBODY = ForkedServer(0, "http://127.0.0.1:1")


@dataclass
class Forking:
    """Starts servers with the settings of `names` and those that are given. `servers` are those that run."""

    process: "subprocess.Popen[str]"
    names: dict[str, object] = field(default_factory=dict)
    servers: list[ForkedServer] = field(default_factory=list)

    @contextlib.contextmanager
    def of(self, **names: object) -> "Iterator[Forking]":
        """Servers with these settings, which are killed in the end."""
        group = Forking(self.process, names)
        try:
            yield group
        finally:
            for server in group.servers:
                server.kill()

    def start(self, **names: object) -> ForkedServer:
        """Start a server and wait until it listens."""
        settings = {f"PARASERVE_{name.upper()}": str(value) for name, value in {**self.names, **names}.items()}
        print(json.dumps(settings), file=self.process.stdin, flush=True)
        pid, url = 0, ""
        while not (pid and url):
            line = self.process.stdout.readline()
            assert line, "no server could be started"
            if line.startswith("pid "):
                pid = int(line[4:])
            elif READY in line:
                url = line.rsplit(READY, 1)[1].strip()
        self.servers.append(ForkedServer(pid, url))
        return self.servers[-1]

    def kill(self, server: ForkedServer) -> None:
        """End one of the servers."""
        self.servers.remove(server)
        server.kill()


@contextlib.contextmanager
def forking(log: Path, pace_s: float) -> Iterator[Forking]:
    """What starts servers. A segment takes `pace_s`."""
    environment = clean_environment(FAKE_PACE_S=str(pace_s), PYTHONPATH=f"{os.environ.get('PYTHONPATH', '')}:{TESTS}")
    program = (sys.executable, str(TESTS / "support" / "forking_server.py"))
    pipe = subprocess.PIPE
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(program, env=environment, stdin=pipe, stdout=pipe, stderr=errors, text=True) as process,
    ):
        try:
            yield Forking(process)
        finally:
            process.stdin.close()


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
                received = self.rfile.read(int(self.headers["Content-Length"]))
                if len(received) < int(self.headers["Content-Length"]):
                    return  # its sender was killed
                body = json.loads(received)
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
    """Hands recordings over to servers in turns, each until it is accepted. `accepted` has the recording by job."""

    servers: list[ForkedServer]
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
        deadline, problem = time.monotonic() + SETTLE_S, ""
        while True:
            try:
                url = random.choice([*self.servers] or [NOBODY]).url
                answer = http.post(f"{url}/v1/jobs", content=self.recordings[place], headers=headers, params=params)
                if answer.status_code == 202:
                    self.accepted[answer.json()["id"]] = place
                    return answer.json()["id"]
                assert answer.status_code == 503, answer.text
                problem = answer.text
            except httpx2.TransportError as error:
                problem = repr(error)
            assert time.monotonic() < deadline, problem
            self.n_retries += 1
            time.sleep(RETRY_S)

    def wait_for(self, count: int) -> None:
        """Wait until so many more are accepted."""
        wanted, deadline = len(self.accepted) + count, time.monotonic() + SETTLE_S
        while len(self.accepted) < wanted:
            assert time.monotonic() < deadline
            time.sleep(0.01)

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
    """Requests over a connection each, so that none is to a server that was killed."""
    return httpx2.Client(timeout=60, trust_env=False, headers={"connection": "close"})


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
