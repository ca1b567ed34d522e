"""Get open speech for a server with the embedded bundle, while it serves: a package, a model, and both loaded.

`scripts/serve` runs it as `open_speech.py PID SETTINGS`: the server's process, and its settings as JSON. It says
everything on stderr, and ends with the server.
"""

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2

from paraserve.catalog.package_programs import UNREACHABLE

ROOT = Path(__file__).resolve().parents[1]
EMBEDDED = "demo"
POLL_S = 0.5
SERVICE_UNAVAILABLE = 503
STEP_PERCENT = 20
"""A line for each so many percent."""
WHAT_NEXT = "Start again when that has changed, or see paraserve models recommend. --embedded leaves this out"


class GivenUpError(Exception):
    """There will be no open speech, for a reason in words."""


class Server:
    """The server: its process, and its routes of administration."""

    def __init__(self, pid: int, settings: dict[str, Any]) -> None:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings["host"], settings["host"])
        self._pid = pid
        self._url = f"{'https' if settings['certfile'] else 'http'}://{host}:{settings['port']}/v1/admin/models"
        # Straight to this machine, whatever proxy the environment names. The certificate may be signed by nobody.
        self._http = httpx2.Client(trust_env=False, verify=False, timeout=30)

    def is_alive(self) -> bool:
        """Tell whether the server's process runs."""
        try:
            os.kill(self._pid, 0)
        except OSError:
            return False
        return True

    def wait(self) -> None:
        """Sleep for a moment. Ends this program if the server has ended."""
        if not self.is_alive():
            sys.exit()
        time.sleep(POLL_S)

    def ask(self, method: str = "GET", path: str = "") -> dict[str, Any]:
        """Return an answer, and wait for it while the server starts."""
        while True:
            with contextlib.suppress(httpx2.TransportError):
                answer = self._http.request(method, self._url + path)
                if answer.is_success:
                    return answer.json()
                if answer.status_code != SERVICE_UNAVAILABLE:
                    raise GivenUpError(answer.json()["error"]["message"])
            self.wait()


def main() -> None:
    """Run unless somebody has chosen a model."""
    pid, settings = int(sys.argv[1]), json.loads(sys.argv[2])
    if settings["bundle"] != EMBEDDED or settings.get("models") or settings["model_dir"]:
        return
    try:
        check(settings)
        server = Server(pid, settings)
        with one_at_a_time(server):
            get_open_speech(server)
    except GivenUpError as error:
        say(f"open speech: {error}. {WHAT_NEXT}")


def check(settings: dict[str, Any]) -> None:
    """Give up if this program cannot administer the server."""
    if settings["api_keys_file"]:
        raise GivenUpError("the server wants API keys")
    if settings["uds"] or not settings["port"]:
        raise GivenUpError("the server has no port that is known before it starts")
    if settings["workers"] > 1:
        raise GivenUpError("with several workers nobody knows which of them answers")


def get_open_speech(server: Server) -> None:
    """Install what the model needs, and let the server pull and load it."""
    known = server.ask()
    name = known["recommended"]
    model = next(model for model in known["data"] if model["name"] == name)
    if model["is_loaded"]:
        return
    if not model["is_here"] or model["missing_packages"]:
        say(
            f"open speech: the embedded bundle knows few words, so {name} ({model['megabytes']:.0f} MB, once, "
            f"{len(model['languages'])} languages) is fetched while it serves; --embedded leaves it out"
        )
    for package in model["missing_packages"]:
        install(package, server)
    pull = server.ask("POST", f"/{name}/pull")
    shown = 0
    while pull["state"] in {"pulling", "loading"}:
        percent = int(100 * pull["done_bytes"] / max(1, pull["total_bytes"]))
        if pull["state"] == "pulling" and percent >= shown + STEP_PERCENT:
            shown = percent // STEP_PERCENT * STEP_PERCENT
            say(f"open speech: {name}: {pull['done_bytes'] / 1e6:.0f} of {pull['total_bytes'] / 1e6:.0f} MB")
        server.wait()
        pull = server.ask()["pull"]
    if pull["state"] != "done":
        raise GivenUpError(pull["error"]["message"])
    say(f"open speech: {name} is loaded. Speak freely")


def install(package: str, server: Server) -> None:
    """Install a package that the model needs into the virtual environment."""
    say(f"open speech: installing {package}, which runs the model")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "-c", "constraints.txt", package]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                output, _ = pip.communicate(timeout=POLL_S)
                break
            if not server.is_alive():
                pip.terminate()
    if pip.returncode and UNREACHABLE.search(output):
        raise GivenUpError(f"no package index is reached, so {package} cannot be installed: a network is needed once")
    if pip.returncode:
        lines = [line for line in output.splitlines() if line.startswith("ERROR")]
        raise GivenUpError(f"{package} cannot be installed: {lines[-1] if lines else 'pip failed'}")


@contextlib.contextmanager
def one_at_a_time(server: Server) -> Iterator[None]:
    """Wait until no other server of this checkout installs into the virtual environment."""
    with Path(sys.prefix, "open-speech.lock").open("w") as lock:
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            server.wait()
        yield


def say(line: str) -> None:
    """Print a line among those of the server."""
    print(f"paraserve: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
