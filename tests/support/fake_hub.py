"""A server that speaks ModelScope's and Hugging Face's interfaces for one model, and fails when it is told to."""

import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

from paraserve.catalog.entries import Catalog

MODEL = "owner/a-model"
REVISION = "v1.0"
PAGE = 2
"""Files on a page of Hugging Face's list."""
WANTED = ["model_quant.onnx|model.onnx", "config.yaml", "seg_dict?"]
"""What a model of these tests is made of, as `files` in a catalog."""


@dataclass(frozen=True)
class Answer:
    """How one request for a file is answered, beside what is right."""

    status: int = 0
    cut_after: int | None = None
    content: bytes | None = None
    ignore_range: bool = False
    wait: threading.Event | None = None
    """Comes after `cut_after` bytes, or before a status: the answer goes on when it is set."""


Answers: TypeAlias = Callable[[], Answer | None]


@dataclass
class FakeHub:
    """What the server has, does, and was asked for."""

    files: dict[str, bytes]
    url: str = ""
    listed: dict[str, dict[str, object]] = field(default_factory=dict)
    """Fields of the lists that are not true, by file."""
    answers: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    """For the next requests of a file."""
    always: dict[str, Answer] = field(default_factory=dict)
    """For all requests of a file, when `answers` has no more."""
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    """Files (lists as "list") asked for, with the range."""
    lists: list[bytes] = field(default_factory=list)
    """Sent in the place of the next lists of files."""
    sent: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Bytes sent of each file."""

    def entry(self, name: str) -> dict[str, object]:
        """What the lists say of a file."""
        content = self.files[name]
        true = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        return true | self.listed.get(name, {})

    def asked(self, name: str) -> list[str | None]:
        """The ranges asked for of a file."""
        return [range_ for asked, range_ in self.requests if asked == name]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        path = unquote(url.path)
        if path == f"/api/v1/models/{MODEL}/repo/files" and query["Revision"] == REVISION:
            self._modelscope_list()
        elif path == f"/api/v1/models/{MODEL}/repo" and query["Revision"] == REVISION:
            self._file(query["FilePath"])
        elif path == f"/api/models/{MODEL}/tree/{REVISION}":
            self._huggingface_list(int(query.get("cursor", 0)))
        elif path.startswith(f"/{MODEL}/resolve/{REVISION}/"):
            self._redirect(path.removeprefix(f"/{MODEL}/resolve/{REVISION}/"))
        elif path.startswith("/content/"):
            self._file(path.removeprefix("/content/"))
        else:
            self._answer(404, b'{"Code": 10010205001, "Success": false}')

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""

    def _modelscope_list(self) -> None:
        self.hub.requests.append(("list", None))
        files = [{"Path": "folder", "Type": "tree", "Size": 0, "Sha256": ""}]
        for name in self.hub.files:
            entry = self.hub.entry(name)
            files.append({"Path": name, "Type": "blob", "Size": entry["size"], "Sha256": entry["sha256"]})
        true = json.dumps({"Code": 200, "Data": {"Files": files}, "Success": True}).encode()
        self._answer(200, self.hub.lists.pop() if self.hub.lists else true)

    def _huggingface_list(self, start: int) -> None:
        self.hub.requests.append(("list", None))
        entries: list[dict[str, object]] = [{"type": "directory", "path": "folder", "oid": "0", "size": 0}]
        for name in self.hub.files:
            entry = self.hub.entry(name)
            lfs = {"lfs": {"oid": entry["sha256"], "size": entry["size"]}} if entry["sha256"] else {}
            entries.append({"type": "file", "path": name, "oid": "1", "size": entry["size"]} | lfs)
        more = start + PAGE < len(entries)
        next_page = f'<{self.hub.url}{urlsplit(self.path).path}?cursor={start + PAGE}>; rel="next"'
        self._answer(200, json.dumps(entries[start : start + PAGE]).encode(), {"Link": next_page} if more else {})

    def _redirect(self, name: str) -> None:
        self._answer(302, b"", {"Location": f"/content/{name}"})

    def _file(self, name: str) -> None:
        range_ = self.headers.get("Range")
        self.hub.requests.append((name, range_))
        queue = self.hub.answers[name]
        answer = queue.pop(0) if queue else self.hub.always.get(name, Answer())
        if answer.status or name not in self.hub.files:
            if answer.wait is not None:
                answer.wait.wait(60)
            self._answer(answer.status or 404, b"no")
            return
        content = self.hub.files[name] if answer.content is None else answer.content
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        start = 0
        if range_ and not answer.ignore_range and self.headers.get("If-Range", etag) == etag:
            start = int(range_.removeprefix("bytes=").removesuffix("-"))
        if start and start >= len(content):
            self._answer(416, b"")
            return
        self._send(name, content[start:], answer, {"ETag": etag}, 206 if start else 200)

    def _send(self, name: str, body: bytes, answer: Answer, headers: dict[str, str], status: int) -> None:
        self._head(status, len(body), headers)
        sent = body if answer.cut_after is None else body[: answer.cut_after]
        self.wfile.write(sent)
        self.wfile.flush()
        self.hub.sent[name] += len(sent)
        if answer.wait is not None:
            answer.wait.wait(60)
        if answer.cut_after is not None:
            self.close_connection = True

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self._head(status, len(body), headers or {})
        self.wfile.write(body)

    def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that is gone is what many tests are about."""


@contextmanager
def fake_hub(files: dict[str, bytes]) -> Iterator[FakeHub]:
    """A hub on a free port of the loopback."""
    hub = FakeHub(files)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def hub_source(kind: str = "modelscope", **fields: object) -> dict[str, object]:
    """The model of the hub, as a source in a catalog."""
    return {"kind": kind, "id": MODEL, "revision": REVISION} | fields


def catalog_of(*sources: dict[str, object], files: list[str] = WANTED, **fields: object) -> Catalog:
    """One bundle `bundle` of one model `model`, which has more fields."""
    model = {"megabytes": 1, "files": files, "sources": sources} | fields
    bundle = {"about": "for tests", "parts": {"asr": "model"}}
    return Catalog.model_validate({"models": {"model": model}, "bundles": {"bundle": bundle}})


def write_catalog(folder: Path, hub: FakeHub, name: str, *, source: str = "", more: str = "") -> None:
    """Write the catalog of a models folder: a bundle `name` whose parts are the folders on the hub.

    `source` are more lines of each source, `more` more lines of each model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = sorted({path.partition("/")[0] for path in hub.files})
    of_bundle = ", ".join(f"{part} = '{name}-{part}'" for part in parts)
    tables = [f"[bundles.{name}]\nabout = 'for tests'\nparts = {{ {of_bundle} }}\n"]
    for part in parts:
        files = [path.partition("/")[2] for path in hub.files if path.startswith(f"{part}/")]
        tables.append(
            f"[models.{name}-{part}]\nmegabytes = 5\nfiles = {json.dumps(files)}\n{more}\n"
            f"[[models.{name}-{part}.sources]]\nkind = 'modelscope'\nid = '{MODEL}'\nrevision = '{REVISION}'\n"
            f"folder = '{part}'\n{source}\n"
        )
    (folder / "catalog.toml").write_text("\n".join(tables))


def files_of_parts(bundle: Path, *parts: str) -> dict[str, bytes]:
    """Files of these parts of a bundle, for a hub that has a folder for each."""
    return {f"{part}/{path.name}": path.read_bytes() for part in parts for path in (bundle / part).iterdir()}


def files_in(root: Path) -> dict[str, bytes]:
    """Contents of all files below a folder."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
