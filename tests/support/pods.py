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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from support.kubernetes_manifests import Manifest, amount, server, template
from support.pod_root import start_commands

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
def running_pod(
    objects: list[Manifest], number: int, files: Mapping[str, Mapping[str, str]] | None = None
) -> Iterator[Pod]:
    """Run the Deployment's pod until the end of the block. It is killed there if it still runs.

    Args:
        objects: what kustomize has rendered.
        number: another one for each pod at once, up to 60.
        files: content of the files of each Secret, by the Secret's name.
    """
    name, container = f"ps{secrets.token_hex(4)}", server(objects)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address = stack.enter_context(_network(name, number))
        groups = stack.enter_context(_control_groups(name, container["resources"]["limits"]))
        inside = start_commands(folder, objects, files or {})
        join = "".join(f"echo $$ > {group}/cgroup.procs; " for group in groups)
        affinity = "" if groups else f"taskset --cpu-list 0-{int(container['resources']['limits']['cpu']) - 1} "
        new = "unshare --mount --pid --ipc --uts --fork --kill-child"
        # Not `ip netns exec`, which hides the control groups.
        command = f"{join}exec {affinity}nsenter --net=/run/netns/{name} {new} sh -ec {shlex.quote(inside)}"
        errors = folder / "stderr"
        with errors.open("wb") as stderr:
            process = subprocess.Popen(["sh", "-ec", command], stdout=stderr, stderr=stderr)
        stack.callback(process.wait)
        stack.callback(process.kill)
        pid = _first_process(process, errors)
        grace_s = template(objects)["terminationGracePeriodSeconds"]
        yield Pod(container, grace_s, address, pid, process, groups, errors)


def _first_process(process: "subprocess.Popen[bytes]", errors: Path) -> int:
    while process.poll() is None:
        if children := psutil.Process(process.pid).children():
            return children[0].pid
        time.sleep(0.01)
    raise RuntimeError(errors.read_text())


@contextlib.contextmanager
def _network(name: str, number: int) -> Iterator[str]:
    """A network namespace with one way out, to this machine; gives the address in it."""
    net = f"10.{200 + os.getpid() % 50}.{number // 60 + os.getpid() // 50 % 250}.{number % 60 * 4}"
    here, there = (f"{net.rpartition('.')[0]}.{int(net.rpartition('.')[2]) + n}" for n in (1, 2))
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        _run("ip", "address", "add", f"{here}/30", "dev", name)
        _run("ip", "link", "set", name, "up")
        inside = ("ip", "-n", name)
        _run(*inside, "address", "add", f"{there}/30", "dev", "eth0")
        _run(*inside, "link", "set", "eth0", "up")
        _run(*inside, "link", "set", "lo", "up")
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
    made: list[Path] = []
    try:
        with contextlib.suppress(OSError):
            for group in dict.fromkeys(file.parent for file in values):
                group.mkdir()
                made.append(group)
            for file, value in values.items():
                file.write_text(value)
            yield tuple(made)
            return
        yield ()
    finally:
        for group in made:
            _remove(group)


def _remove(group: Path) -> None:
    """The processes of a group may take a moment to be gone."""
    for _ in range(500):
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.01)
    raise RuntimeError(f"{group} still has processes")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
