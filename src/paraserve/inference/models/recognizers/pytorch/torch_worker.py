"""Our end of the process of PyTorch: it is started, asked in turn, and replaced when it crashes or hangs."""

import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from paraserve.errors import InferenceError, InferenceTimeoutError, ModelLoadError
from paraserve.inference.models.recognizers.pytorch.torch_child import FAILURES, TorchChild
from paraserve.inference.models.recognizers.pytorch.torch_messages import Request, Utterance, read_loaded
from paraserve.types import Samples

PROGRAM = "paraserve.inference.models.recognizers.pytorch.torch_process"
LOAD_TIMEOUT_S = 600.0
"""Time to import PyTorch and to read the largest checkpoint from a slow disk."""
REST_S = 10.0
"""Time between two starts of a process that does not come up, so that each request does not wait for another one."""


def worker_command(checkpoint: Path, device: str, threads: int, memory_bytes: int) -> list[str]:
    """Return the command line of the process.

    Args:
        checkpoint: the model's folder.
        device: "cpu" or "cuda:N".
        threads: CPU threads of one run.
        memory_bytes: limit on a GPU's memory; 0 = none.
    """
    return [sys.executable, "-P", "-m", PROGRAM, str(checkpoint), device, str(threads), str(memory_bytes)]


class TorchWorker:
    """A process with one model. Calls from several threads take turns, so that its memory is that of one batch.

    The process ends with ours, with `close`, or when nobody holds this object any more.

    Args:
        command: its command line.
        threads: CPU threads of one run.
        run_timeout_s: longest time of a call, the wait for its turn included. 0 = no limit.

    Raises:
        ModelLoadError: the process could not load its model. The message says why.
    """

    def __init__(self, command: Sequence[str], threads: int = 1, run_timeout_s: float = 0.0) -> None:
        self._command = list(command)
        self._threads = threads
        self._run_timeout_s = run_timeout_s or float("inf")
        self._turn = threading.Lock()
        self._n_late = 0
        self._failure = ""
        self._failed_s = float("-inf")
        self._child = self._start()
        try:
            self.model = read_loaded(self._child.await_ready(time.monotonic() + LOAD_TIMEOUT_S))
        except FAILURES as error:
            raise ModelLoadError(f"PyTorch cannot load the model: {self._child.end(error)}") from error

    def run(self, request: Request, segments: Sequence[Samples]) -> list[Utterance]:
        """Return one result for each segment (float32, mono, 16 kHz).

        A process that has died since the last call is replaced without a word. One that dies or hangs now costs this
        call, and is replaced as well.

        Raises:
            InferenceTimeoutError: the call took longer than it may.
            InferenceError: FunASR refused the batch, or the process died.
        """
        deadline_s = time.monotonic() + self._run_timeout_s
        if not self._turn.acquire(timeout=min(self._run_timeout_s, threading.TIMEOUT_MAX)):
            raise InferenceTimeoutError(f"PyTorch was busy for {self._run_timeout_s:g} s")
        try:
            self._await_ready(deadline_s)
            return self._ask(request, segments, deadline_s)
        finally:
            self._turn.release()

    def close(self) -> None:
        """End the process. Later calls start another."""
        self._child.end()

    @property
    def process_id(self) -> int:
        """Number of the process that runs now, or ran last."""
        return self._child.process_id

    def _start(self) -> TorchChild:
        self._n_late = 0
        try:
            return TorchChild(self._command, self._threads)
        except OSError as error:
            raise ModelLoadError(f"the process of PyTorch cannot be started: {error.strerror}") from error

    def _await_ready(self, deadline_s: float) -> None:
        if not self._child.is_alive:
            self._restart()
        if self._child.is_ready:
            return
        try:
            self._child.await_ready(deadline_s)
        except TimeoutError as error:
            raise InferenceTimeoutError("PyTorch is loading the model again") from error
        except FAILURES as error:
            self._failure, self._failed_s = self._child.end(error), time.monotonic()
            raise InferenceError(f"PyTorch cannot load the model again: {self._failure}") from error

    def _restart(self) -> None:
        if time.monotonic() < self._failed_s + REST_S:
            raise InferenceError(f"PyTorch cannot load the model again: {self._failure}")
        self._child.end()
        try:
            self._child = self._start()
        except ModelLoadError as error:
            self._failure, self._failed_s = error.message, time.monotonic()
            raise InferenceError(error.message) from error

    def _ask(self, request: Request, segments: Sequence[Samples], deadline_s: float) -> list[Utterance]:
        begun_s = time.monotonic()
        try:
            self._drop_late_results(deadline_s)
            self._child.send(request, segments)
            self._n_late += 1
            utterances = self._child.await_results(deadline_s)
        except TimeoutError as error:
            # A call that waited long for its turn has little time left, which is no fault of this run.
            if time.monotonic() - begun_s > self._run_timeout_s / 2:
                self._replace(error)
            raise InferenceTimeoutError(f"PyTorch gave no result in {self._run_timeout_s:g} s") from error
        except InferenceError:
            self._n_late = 0
            raise
        except (EOFError, OSError) as error:
            raise InferenceError(f"the process of PyTorch died: {self._replace(error)}") from error
        self._n_late = 0
        return utterances

    def _drop_late_results(self, deadline_s: float) -> None:
        """Wait for the results of runs that nobody waited for."""
        while self._n_late:
            with suppress(InferenceError):
                self._child.await_results(deadline_s)
            self._n_late -= 1

    def _replace(self, error: Exception) -> str:
        """End the process and start another, which loads while nobody waits. Return why the old one ended."""
        reason = self._child.end(error)
        # Without another one now, the next call tries again and says why.
        with suppress(ModelLoadError):
            self._child = self._start()
        return reason
