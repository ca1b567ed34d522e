"""A server of jobs without recognition, for what real ones do rarely: break off, refuse, forget what they said.

A job's text is the size of its recording. Each job has `N_SENTENCES` sentences as events.
"""

import contextlib
import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from support.certificates import Certificate

N_SENTENCES = 5
CUT = "cut"
"""The connection ends in the middle of the request, or of the events."""
DROP = "drop"
"""The server does what it is asked for, and the connection ends before its answer."""


@dataclass
class JobsStub:
    """What the server is to do, and what happened.

    `faults`: what happens to each request in turn: CUT, DROP, a status to answer with, or None for nothing. Later
    ones succeed. `retry_after` is the header of its refusals. `asked` are the requests, `keys` the idempotency keys.
    `facts` are keys of the jobs that are submitted. While it `is_silent`, no events come.
    """

    faults: deque[str | int | None] = field(default_factory=deque)
    retry_after: str | None = "0"
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    states: deque[str] = field(default_factory=deque)
    facts: dict[str, object] = field(default_factory=dict)
    is_silent: bool = False

    def submit(self, key: str, size: int, **facts: object) -> dict[str, Any]:
        """The job of this key, a new one at its first time."""
        if key not in self.keys:
            self.keys[key] = job_id = f"job-{len(self.jobs) + 1}"
            self.jobs[job_id] = {
                "id": job_id,
                "state": "done",
                "size_bytes": size,
                "attempts": 1,
                **facts,
                **self.facts,
            }
        return self.jobs[self.keys[key]]

    @contextlib.contextmanager
    def running(self, *, certificate: Certificate | None = None) -> Iterator[str]:
        """The server's URL."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"stub": self}))
        server.daemon_threads = True
        scheme = "http"
        if certificate is not None:
            scheme, context = "https", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.certfile, certificate.keyfile)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"{scheme}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    stub: JobsStub
    protocol_version = "HTTP/1.1"
    fault: str | int | None = None

    def log_message(self, *args: object) -> None:
        """Nothing is logged."""

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            super().handle_one_request()

    def _serve(self) -> None:
        self.stub.asked.append((self.command, self.path))
        self.stub.heads.append({name.lower(): value for name, value in self.headers.items()})
        self.fault = self.stub.faults.popleft() if self.stub.faults else None
        body = self._body()
        if isinstance(self.fault, int):
            error = {"code": "overloaded" if self.fault == 503 else "refused_here", "message": "no", "param": "file"}
            head = {"Retry-After": self.stub.retry_after} if self.stub.retry_after else {}
            self._answer(self.fault, {"error": error}, **head)
            return
        parts = urlsplit(self.path)
        steps = parts.path.strip("/").split("/")
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if steps[1] == "uploads":
            self._upload(steps, body)
        elif self.fault == CUT and steps[-1] != "events":
            self.close_connection = True
        elif len(steps) == 2:
            self._collection(query, body)
        else:
            self._job(steps, query)

    do_GET = do_POST = do_PATCH = do_HEAD = do_DELETE = _serve  # noqa: N815

    def _body(self) -> bytes:
        n_bytes = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(n_bytes // 2 if self.fault == CUT else n_bytes)

    def _collection(self, query: dict[str, str], body: bytes) -> None:
        if self.command == "GET":
            ids = list(reversed(self.stub.jobs))
            first = ids.index(query["after"]) + 1 if "after" in query else 0
            page = ids[first : first + int(query["limit"])]
            more = page[-1] if first + len(page) < len(ids) else None
            self._answer(200, {"data": [self.stub.jobs[one] for one in page], "next": more})
            return
        key, kind = self.headers["Idempotency-Key"], self.headers["Content-Type"]
        if kind == "application/json":
            fields = json.loads(body)
            size = len(self.stub.uploads.get(fields.get("upload"), b""))
            self._answer(202, self.stub.submit(key, size, url=fields.get("url"), fields=fields))
            return
        boundary = b"--" + kind.partition("boundary=")[2].encode()
        parts = [part.partition(b"\r\n\r\n") for part in body.split(boundary)[1:-1]]
        recording = next(data for head, _, data in parts if b'name="file"' in head)
        names = [head.partition(b'name="')[2].partition(b'"')[0].decode() for head, _, _ in parts]
        filename = next(head for head, _, _ in parts if b"filename=" in head).partition(b'filename="')[2]
        texts = {name: data[:-2].decode("utf-8", "replace") for name, (_, _, data) in zip(names, parts, strict=True)}
        name = filename.partition(b'"')[0].decode()
        self._answer(202, self.stub.submit(key, len(recording) - 2, filename=name, fields=texts))

    def _job(self, steps: list[str], query: dict[str, str]) -> None:
        job = self.stub.jobs.get(steps[2])
        if job is None:
            error = {"code": "job_not_found", "message": f"no job {unquote(steps[2])}", "param": None}
            self._answer(404, {"error": error})
        elif self.command == "DELETE":
            job["state"] = "cancelled"
            if "purge" in query:
                del self.stub.jobs[steps[2]]
            self._answer(200, job)
        elif len(steps) == 3:
            state = self.stub.states.popleft() if self.stub.states else job["state"]
            self._answer(200, {**job, "state": state})
        elif steps[3] == "transcript":
            self._send(200, str(job["size_bytes"]).encode(), {})
        elif steps[3] == "deliveries":
            self._answer(200, {"data": [{"id": "msg_1", "event": "job.done", "state": "delivered"}]})
        else:
            self._events(int(self.headers.get("Last-Event-ID") or 0))

    def _events(self, after: int) -> None:
        """Sentences behind a number. The fault CUT ends them in the middle of a line."""
        if after == N_SENTENCES:
            self._send(204, b"", {})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        while self.stub.is_silent:
            self.wfile.write(b": alive\n\n")
            time.sleep(0.05)
        for seq in range(after + 1, N_SENTENCES + 1):
            text = f"id: {seq}\nevent: sentence\ndata: {json.dumps({'index': seq - 1, 'text': f'{seq}.'})}\n\n"
            if self.fault == CUT and seq > after + 1:
                self.wfile.write(text[:-6].encode())
                return
            self.wfile.write(b": alive\n\n" + text.encode())
        self.wfile.write(b"event: end\ndata: {}\n\n")

    def _upload(self, steps: list[str], body: bytes) -> None:
        assert self.headers["Tus-Resumable"] == "1.0.0"
        if self.command == "POST":
            self.stub.uploads["up-1"] = bytearray()
            self._send(201, b"", {"Location": "http://elsewhere.example/v1/uploads/up-1"})
            return
        held = self.stub.uploads[steps[2]]
        if self.command == "PATCH":
            if int(self.headers["Upload-Offset"]) != len(held):
                self._send(409, b"", {})
                return
            held += body
            if self.fault == CUT:
                self.close_connection = True
                return
        self._send(200 if self.command == "HEAD" else 204, b"", {"Upload-Offset": str(len(held))})

    def _answer(self, status: int, body: dict[str, Any], **head: str) -> None:
        headers = {name.replace("_", "-"): value for name, value in head.items()}
        self._send(status, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        if self.fault == DROP:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
