"""A process of PyTorch, and our end of its socket."""

import os
import select
import signal
import socket
import subprocess
import time
import weakref
from collections.abc import Sequence
from typing import Any

from paraserve.errors import InferenceError
from paraserve.inference.models.recognizers.pytorch.torch_messages import (
    ERROR,
    READY,
    DamagedMessageError,
    Request,
    Utterance,
    read_utterances,
    receive,
    send_request,
)
from paraserve.types import Samples

TRANSFER_TIMEOUT_S = 10.0
"""Time for one message to pass. The process reads at any time, and writes only small answers."""
EXIT_TIMEOUT_S = 5.0
OFFLINE = (
    ("HF_HUB_OFFLINE", "1"),
    ("TRANSFORMERS_OFFLINE", "1"),
    ("HF_HUB_DISABLE_TELEMETRY", "1"),
    ("TOKENIZERS_PARALLELISM", "false"),
    # Weights are numbers alone: without this a checkpoint may name functions to call.
    ("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1"),
)


class NotReadyError(Exception):
    """The process says why it cannot do what it was started for."""


FAILURES = (TimeoutError, EOFError, OSError, NotReadyError)
"""What can become of a process: it takes too long, ended, broke off, or says why it cannot."""


class TorchChild:
    """One process and our end of its socket. It ends with ours, with `end`, or when nobody holds this object.

    Args:
        command: its command line.
        threads: CPU threads of its libraries.

    Raises:
        OSError: there is no process, memory or descriptor to be had.
    """

    def __init__(self, command: Sequence[str], threads: int) -> None:
        self.is_ready = False
        self._socket, theirs = socket.socketpair()
        with theirs:
            try:
                # A process group of its own: Ctrl-C in the terminal is for the server, which still drains.
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env=_environment(threads),
                    process_group=0,
                )
            except OSError:
                self._socket.close()
                raise
        self._socket.settimeout(TRANSFER_TIMEOUT_S)
        self._finalizer = weakref.finalize(self, _end, self._process, self._socket)

    @property
    def process_id(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """True while the process runs."""
        return self._process.poll() is None

    def await_ready(self, deadline_s: float) -> Any:
        """Wait until the process has done what it does first, and return what it says of it.

        Raises:
            NotReadyError: it could not. The message says why.
            TimeoutError, EOFError, OSError: see `FAILURES`.
        """
        kind, value = self._receive(deadline_s)
        if kind != READY:
            raise NotReadyError(str(value))
        self.is_ready = True
        return value

    def send(self, request: Request, segments: Sequence[Samples]) -> None:
        """Send a request. Raises OSError if the process is gone or takes nothing."""
        try:
            send_request(self._socket, request, segments)
        except TimeoutError as error:
            raise DamagedMessageError("it reads nothing") from error

    def await_results(self, deadline_s: float) -> list[Utterance]:
        """Wait for the answer to a request.

        Raises:
            InferenceError: FunASR refused the batch.
            TimeoutError, EOFError, OSError: see `FAILURES`.
        """
        kind, value = self._receive(deadline_s)
        if kind == ERROR:
            raise InferenceError(f"FunASR: {value}")
        return read_utterances(value)

    def _receive(self, deadline_s: float) -> tuple[bytes, Any]:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        left_s = deadline_s - time.monotonic()
        if not poll.poll(None if left_s == float("inf") else max(0.0, left_s * 1000)):
            raise TimeoutError
        try:
            kind, value, _ = receive(self._socket)
        except TimeoutError as error:
            raise DamagedMessageError("a message that stops in the middle") from error
        return kind, value

    def end(self, error: Exception | None = None) -> str:
        """Kill the process, and return why it was to be ended."""
        reason = str(error)
        if isinstance(error, TimeoutError):
            reason = "it takes too long"
        elif isinstance(error, EOFError | OSError) and not isinstance(error, DamagedMessageError):
            reason = self._exit_reason()
        self._finalizer()
        return reason

    def _exit_reason(self) -> str:
        """Return how a process ended that closed its socket."""
        try:
            status = self._process.wait(EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return "it closed its connection"
        if status >= 0:
            return f"it ended with exit status {status}"
        name = signal.Signals(-status).name
        return f"it was ended by {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")


def _end(process: "subprocess.Popen[bytes]", connection: socket.socket) -> None:
    connection.close()
    process.kill()
    process.wait()


def _environment(threads: int) -> dict[str, str]:
    """Return our environment without the server's settings, which may be secrets, and with the hubs' clients off."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PARASERVE_")}
    return {**inherited, **dict(OFFLINE), "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
