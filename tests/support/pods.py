"""A pod of deploy/kubernetes without a cluster, with the manifest's command, rights, volumes, limits and times.

It has namespaces of its own for its network, processes, mounts and messages, and control groups where this machine
has them to give. It has no seccomp profile.
"""

import contextlib
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from support.kubernetes_manifests import Manifest, amount, server, template
from support.pod_root import NOTHING, Given, start_commands

GROUPS = Path("/sys/fs/cgroup")
PERIOD_US = 100_000
PROGRAMS = ("ip", "nsenter", "unshare", "setpriv", "chroot", "taskset")


@dataclass(frozen=True)
class Pod:
    """A container that runs.

    Attributes:
        container: the server's part of the manifest.
        address: of the pod, which this machine reaches.
        pid: of the container's first process, as this machine counts.
        process: ends with the container's exit code.
        groups: its control groups, none where this machine has none to give.
        errors: file of what it wrote to stderr.
    """

    container: Manifest
    grace_s: float
    address: str
    pid: int
    process: "subprocess.Popen[bytes]"
    groups: tuple[Path, ...]
    errors: Path

    @property
    def url(self) -> str:
        """Of the server."""
        return f"http://{self.address}:{self.container['ports'][0]['containerPort']}"

    def probe(self, name: str) -> bool:
        """Ask as kubelet does. `name`: such as `readinessProbe`."""
        probe = self.container[name]
        try:
            with urllib.request.urlopen(self.url + probe["httpGet"]["path"], timeout=probe["timeoutSeconds"]):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def wait_until_ready(self) -> None:
        """Return when the startup probe has succeeded.

        Raises:
            RuntimeError: the container ended, or the probe failed as often as it may.
        """
        probe = self.container["startupProbe"]
        for _ in range(probe["failureThreshold"]):
            if self.probe("startupProbe"):
                return
            if self.process.poll() is not None:
                raise RuntimeError(f"the container ended with {self.process.returncode}: {self.errors.read_text()}")
            time.sleep(probe["periodSeconds"])
        raise RuntimeError(f"not ready: {self.errors.read_text()}")

    def end(self) -> tuple[int, float]:
        """End it as kubelet does: the pause of preStop, SIGTERM, and SIGKILL at the end of the grace period.

        Returns the exit code, and the seconds from SIGTERM on.
        """
        pause_s = self.container["lifecycle"]["preStop"]["sleep"]["seconds"]
        time.sleep(pause_s)
        os.kill(self.pid, signal.SIGTERM)
        started = time.monotonic()
        try:
            code = self.process.wait(self.grace_s - pause_s)
        except subprocess.TimeoutExpired:
            os.kill(self.pid, signal.SIGKILL)
            code = self.process.wait()
        return code, time.monotonic() - started


def why_not_here() -> str:
    """Return why this machine cannot run a pod, or nothing."""
    missing = [
        name for name in ("ip", "nsenter", "unshare", "setpriv", "chroot", "taskset") if shutil.which(name) is None
    ]
    if os.geteuid() != 0 or missing:
        return f"needs root and {', '.join(missing) or 'nothing else'}"
    tried = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "true"], capture_output=True, check=False
    )
    return tried.stderr.decode()


@contextlib.contextmanager
def running_pod(objects: list[Manifest], number: int, given: Given = NOTHING) -> Iterator[Pod]:
    """Run the Deployment's pod, its init containers first. At the end of the block it is killed if it still runs.

    Args:
        objects: what kustomize has rendered.
        number: another one for each pod at once, up to 60.
        given: its Secrets and volumes.
    """
    name, container = f"ps{secrets.token_hex(4)}", server(objects)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address = stack.enter_context(_network(name, number))
        groups = stack.enter_context(_control_groups(name, container["resources"]["limits"]))
        for before in template(objects).get("initContainers", ()):
            _run("sh", "-ec", _isolated(name, groups, before, start_commands(folder, objects, before, given)))
        command = _isolated(name, groups, container, start_commands(folder, objects, container, given))
        errors = folder / "stderr"
        with errors.open("wb") as stderr:
            process = subprocess.Popen(["sh", "-ec", command], stdout=stderr, stderr=stderr)
        pid = _first_process(process, errors)
        stack.callback(_kill, process, pid)
        grace_s = template(objects)["terminationGracePeriodSeconds"]
        yield Pod(container, grace_s, address, pid, process, groups, errors)


def _isolated(name: str, groups: Sequence[Path], container: Manifest, inside: str) -> str:
    """Return the command that runs others in the pod's network and control groups, and in new namespaces."""
    join = "".join(f"echo $$ > {group}/cgroup.procs; " for group in groups)
    affinity = "" if groups else f"taskset --cpu-list 0-{int(container['resources']['limits']['cpu']) - 1} "
    # Not `ip netns exec`, which hides the control groups.
    new = f"nsenter --net=/run/netns/{name} unshare --mount --pid --ipc --uts --fork"
    return f"{join}exec {affinity}{new} sh -ec {shlex.quote(inside)}"


def _first_process(process: "subprocess.Popen[bytes]", errors: Path) -> int:
    while process.poll() is None:
        if children := psutil.Process(process.pid).children():
            return children[0].pid
        time.sleep(0.01)
    raise RuntimeError(errors.read_text())


def _kill(process: "subprocess.Popen[bytes]", pid: int) -> None:
    """Kill the container's first process, if it still runs: all others end with it."""
    if process.poll() is None:
        os.kill(pid, signal.SIGKILL)
    process.wait()


def gateway(number: int) -> str:
    """Return the address by which pod `number` reaches this machine."""
    return f"{_net()}.{number * 4 + 1}"


def _net() -> str:
    """Return the first three numbers of this process' addresses."""
    return f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 250}"


@contextlib.contextmanager
def _network(name: str, number: int) -> Iterator[str]:
    """A network namespace with one way out, to this machine; gives the address in it."""
    here, there = gateway(number), f"{_net()}.{number * 4 + 2}"
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        _run("ip", "address", "add", f"{here}/30", "dev", name)
        _run("ip", "link", "set", name, "up")
        inside = ("ip", "-n", name)
        _run(*inside, "address", "add", f"{there}/30", "dev", "eth0")
        _run(*inside, "link", "set", "eth0", "up")
        _run(*inside, "link", "set", "lo", "up")
        _run(*inside, "route", "add", "default", "via", here)
        yield there
    finally:
        _run("ip", "netns", "delete", name)


@contextlib.contextmanager
def _control_groups(name: str, limits: Mapping[str, str]) -> Iterator[tuple[Path, ...]]:
    """Control groups, of version 2 or 1, with the limits of CPU and memory; none where that is not allowed."""
    quota, memory = int(amount(limits["cpu"]) * PERIOD_US), int(amount(limits["memory"]))
    if (GROUPS / "cgroup.controllers").is_file():
        values = {GROUPS / name / "cpu.max": f"{quota} {PERIOD_US}", GROUPS / name / "memory.max": str(memory)}
    else:
        values = {
            GROUPS / "cpu" / name / "cpu.cfs_quota_us": str(quota),
            GROUPS / "memory" / name / "memory.limit_in_bytes": str(memory),
        }
    groups = tuple(dict.fromkeys(file.parent for file in values))
    try:
        yield groups if _made(values) else ()
    finally:
        for group in groups:
            _remove(group)


def _made(values: Mapping[Path, str]) -> bool:
    """Make control groups by writing their limits; False where this machine does not allow it."""
    try:
        if (enabled := GROUPS / "cgroup.subtree_control").is_file():
            enabled.write_text("+cpu +memory")
        for file, value in values.items():
            file.parent.mkdir(exist_ok=True)
            file.write_text(value)
    except OSError:
        return False
    return True


def _remove(group: Path) -> None:
    """The processes of a group may take a moment to be gone."""
    for _ in range(1000):
        if not group.exists():
            return
        with contextlib.suppress(OSError):
            group.rmdir()
        time.sleep(0.01)
    raise RuntimeError(f"{group} still has processes")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
