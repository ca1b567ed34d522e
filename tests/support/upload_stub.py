"""A server of uploads without recognition: the text of a recording is "heard: " and its bytes."""

import contextlib
import json
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DURATION_MS = 90_000
"""Of every recording."""


@dataclass
class UploadStub:
    """What was sent, in the order of arrival, and what is to be answered.

    A recording whose bytes are in `held` is answered once that is set. `statuses` are those of the first answers,
    which want the client to come again at once.
    """

    texts: list[str] = field(default_factory=list)
    held: dict[str, threading.Event] = field(default_factory=dict)
    statuses: deque[int] = field(default_factory=deque)

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """The server's URL."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"stub": self}))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    stub: UploadStub

    def log_message(self, *args: object) -> None:
        """Nothing is logged."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        part = body.partition(b'name="file"')[2].partition(b"\r\n\r\n")[2]
        text = part.partition(b"\r\n--")[0].decode()
        self.stub.texts.append(text)
        if text in self.stub.held:
            self.stub.held[text].wait(20)
        status, answer = (422, {"error": {"message": "refused"}}) if "bad" in text else (200, _transcript(text))
        if self.stub.statuses:
            status, answer = self.stub.statuses.popleft(), {"error": {"message": "later", "code": "overloaded"}}
        data = json.dumps(answer).encode()
        with contextlib.suppress(ConnectionError):
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(data)


def _transcript(text: str) -> dict[str, object]:
    timing = dict.fromkeys(("queue_ms", "decode_ms", "inference_ms"), 0)
    audio = dict.fromkeys(("duration_ms", "audio_received_ms", "audio_processed_ms"), DURATION_MS)
    return {"text": f"heard: {text}", "language": None, "sentences": [], "timing": timing, **audio}
