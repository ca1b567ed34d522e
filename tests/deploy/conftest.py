"""The project's nginx.conf in front of two real servers on free ports."""

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.commands import PROGRAM, READY, STOP_TIMEOUT_S, clean_environment

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 60


@dataclass
class Worker:
    """One server; it can be stopped, killed and started again on its port."""

    port: int
    process: "subprocess.Popen[str] | None" = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Of the server itself, past nginx."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it listens."""
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--port", str(self.port)],
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert READY in self.process.stdout.readline()

    def kill(self) -> None:
        """As a crash of the machine does."""
        served = psutil.Process(self.process.pid).children()
        self.process.kill()
        for process in served:
            process.kill()
        self._end()

    def stop(self) -> int:
        """As an orchestrator does; the exit code."""
        self.process.terminate()
        return self._end()

    def metric(self, name: str) -> float:
        """Sum over labels."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        samples = (s for family in text_string_to_metric_families(text) for s in family.samples)
        return sum(sample.value for sample in samples if sample.name == name)

    def _end(self) -> int:
        process, self.process = self.process, None
        process.stdout.close()
        return process.wait(STOP_TIMEOUT_S)


@dataclass(frozen=True)
class Cluster:
    """nginx, and the servers behind it."""

    url: str
    workers: tuple[Worker, Worker]
    access_log: Path


@pytest.fixture(scope="session")
def nginx() -> list[str]:
    """The program, in the foreground."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("no nginx here (Debian: apt install nginx-light)")
    # Started by root, its processes would be those of another user, who cannot enter the folders of a test.
    user = "user root; " * (os.geteuid() == 0)
    return [found, "-g", f"{user}daemon off;"]


@pytest.fixture(scope="session")
def free_ports() -> list[int]:
    """Three ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(3)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@pytest.fixture(scope="session")
def nginx_folder(free_ports, tmp_path_factory) -> Path:
    """A prefix for nginx with the project's nginx.conf, in which only the addresses are changed."""
    folder, text = tmp_path_factory.mktemp("nginx"), (ROOT / "nginx.conf").read_text("utf-8")
    places = ("listen 8080", "worker-1:10095", "worker-2:10095")
    for place, port in zip(places, free_ports, strict=True):
        assert text.count(place) == 1
        text = text.replace(place, f"{'listen ' * place.startswith('listen')}127.0.0.1:{port}")
    (folder / "nginx.conf").write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def cluster(nginx, nginx_folder, free_ports) -> Iterator[Cluster]:
    """Both servers up, nginx before them."""
    workers = (Worker(free_ports[1]), Worker(free_ports[2]))
    with ExitStack() as stack:
        for worker in workers:
            worker.start()
            stack.callback(lambda worker=worker: worker.process and worker.kill())
        log = stack.enter_context(_running(nginx, nginx_folder, free_ports[0]))
        yield Cluster(f"http://127.0.0.1:{free_ports[0]}", workers, log)


@contextmanager
def _running(nginx: list[str], folder: Path, port: int) -> Iterator[Path]:
    """nginx until the end of the block; gives its access log."""
    log = folder / "access.log"
    with log.open("w") as out, (folder / "error.log").open("w") as errors:
        process = subprocess.Popen([*nginx, "-p", folder, "-c", "nginx.conf"], stdout=out, stderr=errors)
        try:
            _wait_for(port, process)
            yield log
        finally:
            process.terminate()
            process.wait(STOP_TIMEOUT_S)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nginx does not listen on {port}, exit code {process.poll()}")
