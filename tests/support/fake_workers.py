"""A supervisor of `fake_worker`. `FAKE_HEARTBEAT_TIMEOUT_S` in the environment is its timeout.

Its workers are forked, which saves the two seconds of their imports. With `FAKE_START=exec` they are started like
those of `paraserve serve`: only then do they share their metrics, which prometheus-client decides at its import.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from paraserve.server.processes import worker_process
from paraserve.server.processes.supervisor import HEARTBEAT_TIMEOUT_S, Supervisor
from paraserve.settings import Settings
from support import fake_worker

MODULE = "support.fake_worker"
MAX_DESCRIPTORS = 1024
HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class ForkedWorker(subprocess.Popen):
    """What `start_worker` starts, but that the child becomes the worker where it would load a program."""

    def __init__(self, command: Sequence[str], pass_fds: Sequence[int], **options: Any) -> None:
        become = partial(_become_worker, command, pass_fds, options["env"])
        super().__init__(command, pass_fds=pass_fds, preexec_fn=become, **options)


def _become_worker(command: Sequence[str], descriptors: Sequence[int], environment: dict[str, str]) -> None:
    first = 3
    for kept in (*sorted(descriptors), MAX_DESCRIPTORS):  # the others are the supervisor's, and what Popen waits for
        os.closerange(first, kept)
        first = kept + 1
    for number in HANDLED:
        signal.signal(number, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = list(command[command.index(MODULE) :])
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    os._exit(fake_worker.main())


def main() -> None:
    """Supervise until SIGINT or SIGTERM."""
    tests = str(Path(__file__).parents[1])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (tests, os.environ.get("PYTHONPATH", ""))))
    if os.environ.get("FAKE_START") != "exec":
        names = {"Popen": ForkedWorker, "PIPE": subprocess.PIPE, "DEVNULL": subprocess.DEVNULL}
        worker_process.subprocess = SimpleNamespace(**names)
    timeout_s = float(os.environ.get("FAKE_HEARTBEAT_TIMEOUT_S", HEARTBEAT_TIMEOUT_S))
    command = (sys.executable, "-m", MODULE)
    sys.exit(Supervisor(Settings(port=0), command, timeout_s).run())
