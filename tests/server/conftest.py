"""Real servers for the tests of the wire: the installed command in a process, or the application on a thread."""

import asyncio
import contextlib
import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

import httpx2
import psutil
import pytest
import structlog

from paraserve.cli.main import main
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.engine import Engine
from paraserve.runtime.scheduling.live_load import LiveLoad
from paraserve.server.app import create_app
from paraserve.server.processes.listening import bound_wyoming
from paraserve.server.processes.server import Server
from paraserve.server.telemetry.metrics import Metrics
from paraserve.settings import Settings
from support import fake_server as fake_server_program
from support import fake_workers
from support.api_description import api_description
from support.commands import ALONE, READY, STOP_TIMEOUT_S, SUPERVISED, clean_environment
from support.fakes import FakeEngine
from support.forked_program import ForkedProgram

START_TIMEOUT_S = 60
SETTLE_TIMEOUT_S = 60
TIMEOUT_S = 120
DECODE_CHILDREN = Settings.model_fields["decode_workers"].default
MAX_DESCRIPTORS = 16 + DECODE_CHILDREN
"""An idle server has 14, one for each decode child, and one for the connection that asks."""
SAMPLE_NAMES = (
    "zh_phone", "zh_date", "zh_number", "zh_home", "en_digits", "en_date", "en_weather", "zh_en", "mixed_long",
)  # fmt: skip


@dataclass(frozen=True)
class Client:
    """Calls of one server, each over a connection of its own.

    Every answer must be one that `/openapi.json` describes.
    """

    url: str
    http: httpx2.Client = field(repr=False)

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 0

    def get(self, path: str, method: str = "GET", **options) -> httpx2.Response:
        return self._request(method, path, **options)

    def post(
        self, path: str, data: bytes, *, name: str = "recording", part: str = "file", **fields
    ) -> httpx2.Response:
        """A multipart upload; a keyword is a form field."""
        return self._request("POST", path, files={part: (name, data)}, data=fields)

    def post_raw(self, path: str, data: bytes, *, headers=None, **query) -> httpx2.Response:
        """The recording as the body."""
        return self._request("POST", path, content=data, headers=headers or {}, params=query)

    def metric(self, name: str) -> float:
        """The value of a sample. One with labels is shown from its first count on."""
        line = re.search(rf"^{name} (\S+)$", self.get("/metrics").text, re.MULTILINE)
        return 0.0 if line is None and "{" in name else float(line[1])

    def _request(self, method: str, path: str, **options) -> httpx2.Response:
        answer = self.http.request(method, self.url + path, **options)
        api_description().check(answer)
        return answer


@dataclass(frozen=True)
class AppClient(Client):
    """Calls of the application on a thread of this process."""

    loop: asyncio.AbstractEventLoop = field(repr=False)

    def n_tasks(self) -> int:
        """Tasks of its event loop."""
        return len(asyncio.all_tasks(self.loop))


def http_client() -> httpx2.Client:
    """Shared by threads; a new connection for each call, so that none stays open on the server."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx2.Client(timeout=TIMEOUT_S, limits=limits, headers={"connection": "close"}, trust_env=False)


@dataclass(frozen=True)
class ServerProcess(Client):
    """`paraserve serve` with a log file and a folder for temporary files of its own.

    A supervisor's only children are its workers.
    """

    process: "subprocess.Popen[str] | ForkedProgram"
    log_path: Path
    temp_dir: Path
    is_supervised: bool

    @property
    def log(self) -> str:
        return self.log_path.read_text("utf-8")

    @property
    def worker(self) -> psutil.Process:
        """The process that serves, where there is one: the supervisor's child, or the process itself."""
        process = psutil.Process(self.process.pid)
        workers = process.children() if self.is_supervised else []
        return next((worker for worker in workers if not has_ended(worker)), process)

    def wait_for_log(self, text: str) -> None:
        """A request is logged after it is answered."""
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while text not in self.log:
            assert time.monotonic() < deadline, f"not in the log: {text}"
            time.sleep(0.02)

    def resources(self) -> dict[str, object]:
        """What must be as before once all requests are answered."""
        process, links = self.worker, []
        for link in Path(f"/proc/{process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                links.append(str(link.readlink()))
        return {
            "in progress": self.metric("paraserve_uploads_in_progress"),
            "temporary files": sorted(path.name for path in self.temp_dir.iterdir()),
            "unlinked files": [link for link in links if "(deleted)" in link],
            "too many children": max(0, len(process.children()) - DECODE_CHILDREN),
            "too many descriptors": max(0, process.num_fds() - MAX_DESCRIPTORS),
        }

    def assert_settled(self) -> None:
        """All resources come back within seconds, and the server answers."""
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while any(self.resources().values()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not any(self.resources().values()), self.resources()
        assert self.get("/livez").status_code == 200

    def wait(self, timeout_s: float) -> int:
        """The exit code."""
        return self.process.wait(timeout_s)


def has_ended(process: psutil.Process) -> bool:
    """Whether nothing of a process is left but its exit code."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() == psutil.STATUS_ZOMBIE
    return True


@contextlib.contextmanager
def server_process(
    folder: Path,
    *args: object,
    program: Callable[[], None] = main,
    command: Sequence[str] = (),
    **environment: str,
) -> Iterator[ServerProcess]:
    """A server on a free port.

    Args:
        folder: for its log, its jobs and its temporary files.
        args: more flags.
        program: what a forked process runs. The command `paraserve` is told to serve without a supervisor.
        command: what is started in its place, such as `SUPERVISED`.
        environment: more variables.
    """
    temp_dir, log_path = folder / "tmp", folder / "server.log"
    temp_dir.mkdir(parents=True, exist_ok=True)
    variables = clean_environment(**{"TMPDIR": str(temp_dir), "XDG_DATA_HOME": str(folder / "share"), **environment})
    if command:
        process = _started([*command, *map(str, args)], variables, log_path)
    else:
        process = ForkedProgram(program, [*(ALONE if program is main else ()), *map(str, args)], variables, log_path)
    try:
        with http_client() as http:
            url, is_supervised = _printed_address(process, log_path), program is fake_workers.main or bool(command)
            yield ServerProcess(url, http, process, log_path, temp_dir, is_supervised)
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        finally:
            process.kill()
            process.stdout.close()


def _started(command: Sequence[str], environment: dict[str, str], log_path: Path) -> "subprocess.Popen[str]":
    with log_path.open("w", encoding="utf-8") as log:
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)


def _printed_address(process: "subprocess.Popen[str] | ForkedProgram", log_path: Path) -> str:
    killer = threading.Timer(START_TIMEOUT_S, process.kill)
    killer.start()
    try:
        for line in process.stdout:
            if READY in line:
                return line.rsplit(READY, 1)[1].strip()
    finally:
        killer.cancel()
    raise RuntimeError(f"exit code {process.wait()}: {log_path.read_text('utf-8')}")


@contextlib.contextmanager
def app_server(settings: Settings, engine: Engine, load: LiveLoad | None = None) -> Iterator[AppClient]:
    """The application with the given engine, on a thread and a free port. What it logs is thrown away.

    `load` stands in for the load that the engine would report.
    """
    metrics = Metrics()
    metrics.live_load = load or metrics.live_load
    app, with_port = create_app(settings, engine, metrics), settings.model_copy(update={"port": 0})
    with structlog.testing.capture_logs(), bound_wyoming(settings) as wyoming:
        server = Server(app, with_port, wyoming_sockets=wyoming)
        thread = threading.Thread(target=server.run)
        try:
            _start(server, thread)
            host, port = server.servers[0].sockets[0].getsockname()[:2]
            with http_client() as http:
                yield AppClient(f"http://{host}:{port}", http, server.servers[0].get_loop())
        finally:
            server.should_exit = True
            thread.join(STOP_TIMEOUT_S)
    assert not thread.is_alive()


def _start(server: Server, thread: threading.Thread) -> None:
    """Start a server and wait until it listens. It starts no decode child ahead, which would take 0.3 s of CPU.

    The first recording that needs a child waits for one.
    """
    with patch.object(DecodePool, "start"):
        thread.start()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not server.started and thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert server.started


@pytest.fixture(scope="session")
def server(demo_dir, tmp_path_factory) -> Iterator[ServerProcess]:
    """A server on the embedded bundle with default settings."""
    with server_process(tmp_path_factory.mktemp("server"), "--bundle", demo_dir, command=SUPERVISED) as running:
        yield running


@pytest.fixture(scope="session")
def process_factory() -> Callable[..., contextlib.AbstractContextManager[ServerProcess]]:
    """`server_process`, for fixtures of other scopes."""
    return server_process


@pytest.fixture
def start_server(demo_dir, tmp_path) -> Iterator[Callable[..., ServerProcess]]:
    """Starts a server with other settings (`max_uploads=3`); it ends with the test."""
    with contextlib.ExitStack() as stack:

        def start(bundle: Path = demo_dir, **settings: object) -> ServerProcess:
            environment = {f"PARASERVE_{name.upper()}": str(value) for name, value in settings.items()}
            return stack.enter_context(server_process(tmp_path / "server", "--bundle", bundle, **environment))

        yield start


@pytest.fixture
def start_fake_server(tmp_path) -> Iterator[Callable[..., ServerProcess]]:
    """Starts a process on `FakeEngine` with other settings; it ends with the test."""
    with contextlib.ExitStack() as stack:

        def start(**settings: object) -> ServerProcess:
            environment = {f"PARASERVE_{name.upper()}": str(value) for name, value in settings.items()}
            folder = tmp_path / f"server{time.monotonic_ns()}"
            return stack.enter_context(server_process(folder, program=fake_server_program.main, **environment))

        yield start


@pytest.fixture(scope="module")
def start_shared_server(tmp_path_factory) -> Iterator[Callable[..., ServerProcess]]:
    """Like `start_fake_server`, for servers that the tests of a module share."""
    with contextlib.ExitStack() as stack:

        def start(**settings: object) -> ServerProcess:
            environment = {f"PARASERVE_{name.upper()}": str(value) for name, value in settings.items()}
            folder = tmp_path_factory.mktemp("server")
            return stack.enter_context(server_process(folder, program=fake_server_program.main, **environment))

        yield start


@dataclass(frozen=True)
class Sample:
    """A committed recording with what is said in it."""

    path: Path
    text: str
    tokens: list[str] = field(repr=False)
    start_ms: list[int] = field(repr=False)

    @property
    def data(self) -> bytes:
        return self.path.read_bytes()


@pytest.fixture(scope="session")
def samples(data_dir) -> dict[str, Sample]:
    """The sample recordings by name."""
    records = json.loads((data_dir / "samples.json").read_text("utf-8"))
    assert set(records) == {f"{name}.wav" for name in SAMPLE_NAMES}
    return {
        Path(name).stem: Sample(data_dir / name, one["text"], one["tokens"], one["start_ms"])
        for name, one in records.items()
    }


@pytest.fixture(params=SAMPLE_NAMES)
def sample(request, samples) -> Sample:
    """Each of the sample recordings."""
    return samples[request.param]


def assert_error(answer: httpx2.Response, status: int, code: str, *, param: str | None = None) -> dict[str, object]:
    """The one error shape, with a request id that the header repeats."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code", "request_id"}
    assert (error["code"], error["param"]) == (code, param), error
    assert error["type"] == ("server_error" if status >= 500 else "invalid_request_error")
    assert error["message"]
    assert error["request_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text
    return error


@pytest.fixture(scope="session")
def is_error() -> Callable[..., dict[str, object]]:
    return assert_error


@pytest.fixture(scope="session")
def serve_app() -> Callable[..., contextlib.AbstractContextManager[AppClient]]:
    """Starts the application with an engine: `with serve_app(engine, max_uploads=3) as client`."""

    def start(
        engine: Engine, load: LiveLoad | None = None, **settings
    ) -> contextlib.AbstractContextManager[AppClient]:
        return app_server(Settings(**settings), engine, load)

    return start


@pytest.fixture
def engine() -> FakeEngine:
    """Of `fake_server`."""
    return FakeEngine()


@pytest.fixture
def fake_server(serve_app, engine) -> Iterator[Client]:
    """The application on a fake engine."""
    with serve_app(engine, max_live=400) as running:
        yield running
