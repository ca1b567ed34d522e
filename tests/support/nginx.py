"""The project's nginx.conf, on other addresses and in the foreground."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

CONF = Path(__file__).resolve().parents[2] / "nginx.conf"
PLACES = ("listen 8080", "worker-1:10095", "worker-2:10095")
START_TIMEOUT_S, STOP_TIMEOUT_S = 60, 30


def nginx_command() -> list[str] | None:
    """The program, in the foreground; None where it is not installed."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    # Started by root, its processes would be those of another user, who cannot enter the folders of a test.
    user = "user root; " * (os.geteuid() == 0)
    return [found, "-g", f"{user}daemon off;"] if found else None


def free_ports(n: int) -> list[int]:
    """Ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def write_conf(folder: Path, ports: Sequence[int]) -> None:
    """Make `folder` a prefix for nginx, in whose nginx.conf only the ports are changed: its own, and two servers'."""
    text = CONF.read_text("utf-8")
    for place, port in zip(PLACES, ports, strict=True):
        assert text.count(place) == 1
        text = text.replace(place, f"{'listen ' * place.startswith('listen')}127.0.0.1:{port}")
    (folder / "nginx.conf").write_text(text, "utf-8")


def write_pods_conf(folder: Path, port: int, servers: Sequence[str]) -> None:
    """Make `folder` a prefix for nginx before any number of servers (`HOST:PORT`), as an ingress of a cluster is.

    The configuration of an nginx that runs is read again with `reload`. Sessions over its old processes go on as long
    as those of ingress-nginx.
    """
    write_conf(folder, (port, 0, 0))
    text = (folder / "nginx.conf").read_text("utf-8").replace("shutdown_timeout 30s", "shutdown_timeout 240s")
    line = "server 127.0.0.1:0 max_fails=2 fail_timeout=5s;"
    lines = "\n".join(line.replace("127.0.0.1:0", one) for one in servers)
    (folder / "nginx.conf").write_text(text.replace(line, lines, 1).replace(line, ""), "utf-8")


def reload(folder: Path) -> None:
    """Let the nginx of this prefix read its configuration again."""
    os.kill(int((folder / "nginx.pid").read_text("ascii")), signal.SIGHUP)


@contextmanager
def nginx_running(command: Sequence[str], folder: Path, port: int) -> Iterator[Path]:
    """nginx until the end of the block; gives its access log."""
    log = folder / "access.log"
    with log.open("w") as out, (folder / "error.log").open("w") as errors:
        process = subprocess.Popen([*command, "-p", folder, "-c", "nginx.conf"], stdout=out, stderr=errors)
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
