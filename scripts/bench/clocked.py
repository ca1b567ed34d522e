"""`paraserve` with a clock around onnxruntime's `session.run`.

    python clocked.py serve --port 0 ...

Each line on stdin is answered by a line of JSON on stdout, the clock's reading so far.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from paraserve.cli.main import main
from paraserve.inference.graphs import session  # before onnxruntime, whose telemetry it switches off

import onnxruntime  # isort: skip


class RunClock:
    """Time inside `session.run`, summed over threads: on the wall, and of the CPU of the thread that called."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.wall_s = 0.0
        self.cpu_s = 0.0
        self.runs = 0

    def install(self) -> None:
        """Counts from now on, for every session of this process."""
        for name in ("run", "run_with_iobinding"):
            original = getattr(onnxruntime.InferenceSession, name)
            setattr(onnxruntime.InferenceSession, name, self._timed(original))

    def reading(self) -> dict[str, float]:
        """Of this moment."""
        with self._lock:
            return {"wall_s": self.wall_s, "cpu_s": self.cpu_s, "runs": self.runs}

    def _timed(self, run: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return run(*args, **kwargs)
            finally:
                wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
                with self._lock:
                    self.wall_s += wall
                    self.cpu_s += cpu
                    self.runs += 1

        return timed


def answer(clock: RunClock) -> None:
    """Until stdin ends."""
    for _ in sys.stdin:
        print(json.dumps(clock.reading()), flush=True)


if __name__ == "__main__":
    assert session.runtime_version() == onnxruntime.__version__
    running = RunClock()
    running.install()
    threading.Thread(target=answer, args=(running,), daemon=True).start()
    main()
