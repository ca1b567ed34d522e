"""The application on Ray Serve, on a machine of its own, as `serve run` starts it there."""

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from paraserve.deploy.serve.private_hooks import DRAIN_PERIOD, HAPROXY_MODE
from support.ray_cluster.machines import RAY_PORT, Machine, cluster, environment, processes_of

PORT, REPLICA_PORTS = 8000, range(30_000, 30_040)
DEPLOY_S, ANSWER_S = 400, 120
DRAIN_PERIOD_S = 2
PATIENCE = {f"RAY_SERVE_PROXY_{check}_TIMEOUT_S": str(DEPLOY_S) for check in ("READY_CHECK", "HEALTH_CHECK")}
"""On a busy machine HAProxy needs longer to start than the 5 s that Serve gives it."""
REPLICA = "ray::ServeReplica"


@dataclass(frozen=True)
class ServeApp:
    """The application behind the HAProxy of its machine."""

    machine: Machine
    variables: Mapping[str, str]

    @property
    def url(self) -> str:
        """Of the HAProxy."""
        return f"http://{self.machine.address}:{PORT}"

    @property
    def live_url(self) -> str:
        """The same for live clients."""
        return self.url.replace("http", "ws", 1)

    def try_to_deploy(self, **args: object) -> "subprocess.CompletedProcess[str]":
        """Deploy it with these arguments, in place of what is there."""
        words = [f"{name}={value}" for name, value in args.items()]
        where = ["--address", f"{self.machine.address}:{RAY_PORT}", "--non-blocking"]
        command = [Path(sys.executable).with_name("serve"), "run", *where, "paraserve.deploy.ray:app", *words]
        return subprocess.run(
            self.machine.command(*command),
            env=environment(**self.variables),
            capture_output=True,
            text=True,
            timeout=DEPLOY_S,
            check=False,
        )

    def deploy(self, **args: object) -> None:
        """Deploy it with these arguments; returns once all replicas answer.

        Serve gives its first HAProxy a minute to start, which is short on a busy machine.
        """
        done = self.try_to_deploy(**args)
        if done.returncode != 0 and "HAProxyManager" in done.stderr:
            done = self.try_to_deploy(**args)
        assert done.returncode == 0, done.stderr[-6000:]

    @property
    def replicas(self) -> list[psutil.Process]:
        """The processes of replicas, the oldest first."""
        found = [psutil.Process(pid) for pid in processes_of(self.machine, REPLICA)]
        return sorted(found, key=psutil.Process.create_time)

    def metric(self, name: str) -> float:
        """Sum over the replicas."""
        return sum(self.metric_of_each(name))

    def metric_of_each(self, name: str) -> list[float]:
        """The figure of each replica, from the port that Serve gave it."""
        return [float(re.search(rf"^{name} (\S+)", text, re.MULTILINE)[1]) for text in self._all_metrics()]

    def _all_metrics(self) -> Iterator[str]:
        for port in REPLICA_PORTS:
            try:
                with urllib.request.urlopen(
                    f"http://{self.machine.address}:{port}/metrics", timeout=ANSWER_S
                ) as answer:
                    yield answer.read().decode()
            except ConnectionRefusedError:
                pass
            except urllib.error.URLError as error:
                if not isinstance(error.reason, ConnectionRefusedError):
                    raise


def uploaded(url: str, recording: Path, timeout_s: float = ANSWER_S) -> str:
    """The text of a recording."""
    with urllib.request.urlopen(
        urllib.request.Request(f"{url}/transcribe", recording.read_bytes()), timeout=timeout_s
    ) as answer:
        return json.load(answer)["text"]


@contextmanager
def serve_machine(folder: Path, n_cpus: int = 4) -> Iterator[ServeApp]:
    """A cluster of one machine, with nothing deployed."""
    variables = {HAPROXY_MODE: "1", DRAIN_PERIOD: str(DRAIN_PERIOD_S)} | PATIENCE
    with cluster(1, folder, n_cpus, **variables) as machines:
        yield ServeApp(machines[0], variables)
