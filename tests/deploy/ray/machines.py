"""A Ray cluster whose machines are network namespaces of this one, on one bridge. Needs root."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

BRIDGE = "rayb0"
NETWORK = "10.77.0"
RAY_PORT = 6379
START_S = 180
TOKEN = "a1" * 32


@dataclass(frozen=True)
class Machine:
    """A network namespace with a Ray node in it."""

    number: int

    @property
    def namespace(self) -> str:
        return f"ray{self.number}"

    @property
    def address(self) -> str:
        return f"{NETWORK}.{self.number}"

    def command(self, *args: str | Path) -> list[str]:
        """Return the command line that runs a program there."""
        return ["ip", "netns", "exec", self.namespace, *map(str, args)]

    def kill(self) -> None:
        """End all its processes at once, without warning."""
        found = subprocess.run(["ip", "netns", "pids", self.namespace], capture_output=True, text=True, check=True)
        for pid in map(int, found.stdout.split()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def processes_of(machine: Machine, name: str) -> list[int]:
    """Return the processes of a machine in whose command line the name is."""
    found = subprocess.run(["ip", "netns", "pids", machine.namespace], capture_output=True, text=True, check=True)
    pids = []
    for pid in map(int, found.stdout.split()):
        with contextlib.suppress(OSError):
            if name in Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace"):
                pids.append(pid)
    return pids


@contextlib.contextmanager
def cluster(n: int, folder: Path) -> Iterator[list[Machine]]:
    """Start a cluster of `n` machines with a CPU each; the first one is its head."""
    machines = [Machine(number) for number in range(1, n + 1)]
    with _network(machines), contextlib.ExitStack() as running:
        for machine in machines:
            running.callback(machine.kill)
            _start(machine, folder)
        _wait_for(machines[0], n)
        yield machines


def _start(machine: Machine, folder: Path) -> None:
    is_head = machine.number == 1
    role = ["--head", f"--port={RAY_PORT}"] if is_head else [f"--address={NETWORK}.1:{RAY_PORT}"]
    command = machine.command(
        Path(sys.executable).with_name("ray"),
        "start",
        *role,
        f"--node-ip-address={machine.address}",
        "--num-cpus=1",
        "--num-gpus=0",
        f"--object-store-memory={80 * 1024**2}",
        *(["--include-dashboard=false", f"--temp-dir={folder}"] if is_head else []),
        "--block",
    )
    with (folder / f"{machine.namespace}.log").open("wb") as log:
        subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, env=environment())
    if is_head:
        _wait_for(machine, 1)


def environment() -> dict[str, str]:
    """Return the variables of programs of the cluster: none of them is let in without the token."""
    ray = {"USAGE_STATS_ENABLED": "0", "AUTH_MODE": "token", "AUTH_TOKEN": TOKEN, "worker_niceness": "0"}
    return os.environ | {f"RAY_{name}": value for name, value in ray.items()}


def _wait_for(head: Machine, n_nodes: int) -> None:
    connect = f"import ray; ray.init(address='{head.address}:{RAY_PORT}', log_to_driver=False)"
    code = f"{connect}; print(sum(node['Alive'] for node in ray.nodes()))"
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        done = subprocess.run(
            head.command(sys.executable, "-c", code), capture_output=True, text=True, env=environment(), check=False
        )
        if done.stdout.strip().endswith(str(n_nodes)):
            return
        time.sleep(1)
    raise TimeoutError(f"{n_nodes} machines did not come together: {done.stderr[-2000:]}")


@contextlib.contextmanager
def _network(machines: Sequence[Machine]) -> Iterator[None]:
    with contextlib.ExitStack() as made:
        made.callback(_ip, "link", "delete", BRIDGE)
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("link", "set", BRIDGE, "up")
        for machine in machines:
            made.callback(_ip, "netns", "delete", machine.namespace)
            _ip("netns", "add", machine.namespace)
            outer, inner = f"rayo{machine.number}", f"rayi{machine.number}"
            _ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", machine.namespace)
            _ip("link", "set", outer, "master", BRIDGE, "up")
            _ip("-n", machine.namespace, "address", "add", f"{machine.address}/24", "dev", inner)
            _ip("-n", machine.namespace, "link", "set", inner, "up")
            _ip("-n", machine.namespace, "link", "set", "lo", "up")
        yield


def _ip(*args: str) -> None:
    subprocess.run(["ip", *args], check=True, capture_output=True)
