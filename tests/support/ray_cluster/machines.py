"""A Ray cluster whose machines are network namespaces of this one, on one bridge. Needs root."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

RUN = f"{os.getpid():x}"
"""In all names, so that what an earlier run has left is in nobody's way."""
TESTS = Path(__file__).resolve().parents[2]
BRIDGE = f"rayb{RUN}"
NETWORK = "10.77.0"
HERE = 254
"""This machine, which stands outside the cluster."""
RAY_PORT = 6379
START_S = 300
STARTS = 5
TOKEN = "a1" * 32
WAIT = """
import sys, time, ray
while not ray.is_initialized():
    try:
        ray.init(address=sys.argv[1], log_to_driver=False)
    except ConnectionError:
        time.sleep(0.5)
while sum(node["Alive"] for node in ray.nodes()) < int(sys.argv[2]):
    time.sleep(0.2)
"""


@dataclass(frozen=True)
class Machine:
    """A network namespace with a Ray node in it."""

    number: int
    run: str = RUN

    @property
    def namespace(self) -> str:
        return f"ray{self.run}-{self.number}"

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
def cluster(n: int, folder: Path, n_cpus: int = 1, **variables: str) -> Iterator[list[Machine]]:
    """Start a cluster of `n` machines with so many CPUs each; the first one is its head. It reaches this machine."""
    machines = [Machine(number) for number in range(1, n + 1)]
    with _network(machines), contextlib.ExitStack() as running:
        for machine in machines:
            node = _start(machine, folder, n_cpus, environment(**variables))
            running.callback(node.wait)
            running.callback(machine.kill)
        yield machines


def _start(machine: Machine, folder: Path, n_cpus: int, variables: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    is_head = machine.number == 1
    role = ["--head", f"--port={RAY_PORT}"] if is_head else [f"--address={NETWORK}.1:{RAY_PORT}"]
    command = machine.command(
        Path(sys.executable).with_name("ray"),
        "start",
        *role,
        f"--node-ip-address={machine.address}",
        f"--num-cpus={n_cpus}",
        "--num-gpus=0",
        f"--object-store-memory={80 * 1024**2}",
        *(["--include-dashboard=false", f"--temp-dir={folder}"] if is_head else []),
        "--block",
    )
    with (folder / f"{machine.namespace}.log").open("wb") as log:
        for _ in range(STARTS):
            node = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, env=variables)
            if _is_there(machine, node):
                return node
            machine.kill()
            node.wait()
    raise TimeoutError((folder / f"{machine.namespace}.log").read_text("utf-8", "replace")[-2000:])


def environment(**variables: str) -> dict[str, str]:
    """Return the variables of programs of the cluster: none of them is let in without the token."""
    ray = {"USAGE_STATS_ENABLED": "0", "AUTH_MODE": "token", "AUTH_TOKEN": TOKEN, "worker_niceness": "0"}
    ray |= {"worker_register_timeout_seconds": str(START_S)}
    paths = os.pathsep.join((str(TESTS), os.environ.get("PYTHONPATH", "")))
    return os.environ | {f"RAY_{name}": value for name, value in ray.items()} | {"PYTHONPATH": paths} | variables


def _is_there(machine: Machine, node: "subprocess.Popen[bytes]") -> bool:
    """Wait until the head knows the machine. False if its node gives up: Ray waits 30 s, which are short at times."""
    head = Machine(1)
    command = head.command(sys.executable, "-c", WAIT, f"{head.address}:{RAY_PORT}", str(machine.number))
    looking = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + START_S
    while looking.poll() is None and node.poll() is None and time.monotonic() < until:
        time.sleep(0.2)
    looking.kill()
    return looking.wait() == 0


@contextlib.contextmanager
def _network(machines: Sequence[Machine]) -> Iterator[None]:
    with contextlib.ExitStack() as made:
        made.callback(_ip, "link", "delete", BRIDGE)
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("link", "set", BRIDGE, "up")
        _ip("address", "add", f"{NETWORK}.{HERE}/24", "dev", BRIDGE)
        for machine in machines:
            made.callback(_ip, "netns", "delete", machine.namespace)
            _ip("netns", "add", machine.namespace)
            outer, inner = f"rayo{RUN}-{machine.number}", f"rayi{RUN}-{machine.number}"
            _ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", machine.namespace)
            _ip("link", "set", outer, "master", BRIDGE, "up")
            _ip("-n", machine.namespace, "address", "add", f"{machine.address}/24", "dev", inner)
            _ip("-n", machine.namespace, "link", "set", inner, "up")
            _ip("-n", machine.namespace, "link", "set", "lo", "up")
        yield


def _ip(*args: str) -> None:
    subprocess.run(["ip", *args], check=True, capture_output=True)
