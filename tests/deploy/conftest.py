"""The project's nginx.conf in front of two real servers on free ports."""

import os
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from paraserve.cli.main import main
from support.commands import ALONE, READY, STOP_TIMEOUT_S, clean_environment
from support.forked_program import ForkedProgram
from support.nginx import free_ports, nginx_command, nginx_running, write_conf


@dataclass
class Worker:
    """One server; it can be stopped, killed and started again on its port."""

    port: int
    data_dir: Path
    process: ForkedProgram | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Of the server itself, past nginx."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it listens."""
        words, environment = [*ALONE, "--port", str(self.port)], {"PARASERVE_DATA_DIR": str(self.data_dir)}
        self.process = ForkedProgram(main, words, clean_environment(**environment), os.devnull)
        assert READY in self.process.stdout.readline()

    def kill(self) -> None:
        """As a crash of the machine does."""
        self.process.kill()
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
    command = nginx_command()
    if command is None:
        pytest.skip("no nginx here (Debian: apt install nginx-light)")
    return command


@pytest.fixture(scope="session")
def ports() -> list[int]:
    """Of nginx and of the two servers."""
    return free_ports(3)


@pytest.fixture(scope="session")
def nginx_folder(ports, tmp_path_factory) -> Path:
    """A prefix for nginx with the project's nginx.conf, in which only the addresses are changed."""
    folder = tmp_path_factory.mktemp("nginx")
    write_conf(folder, ports)
    return folder


@pytest.fixture(scope="module")
def cluster(nginx, nginx_folder, ports, tmp_path_factory) -> Iterator[Cluster]:
    """Both servers up with the same jobs, nginx before them."""
    data_dir = tmp_path_factory.mktemp("data")
    workers = (Worker(ports[1], data_dir), Worker(ports[2], data_dir))
    with ExitStack() as stack:
        for worker in workers:
            worker.start()
            stack.callback(lambda worker=worker: worker.process and worker.kill())
        log = stack.enter_context(nginx_running(nginx, nginx_folder, ports[0]))
        yield Cluster(f"http://127.0.0.1:{ports[0]}", workers, log)
