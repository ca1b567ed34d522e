"""A server process on `FakeEngine`, for the supervisor in `fake_workers.py`.

When a file of this name appears in the folder `FAKE_FAULTS`, each process whose number the file has, or each if it is
empty, has a fault from then on:

- `hang`: recognition never ends
- `block`: the event loop stands
- `crash`: the process ends, when it starts as well
"""

import asyncio
import os
import sys
import threading
import time
from pathlib import Path

from paraserve.server.processes.worker import run_worker
from support.fakes import FakeEngine


class FaultyEngine(FakeEngine):
    """Meets the faults that it is asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        threading.Thread(target=self._look, daemon=True).start()

    async def recognize(self, audio, options, lane=None):
        self.loop = asyncio.get_running_loop()
        return await super().recognize(audio, options)

    def _look(self) -> None:
        while True:
            if self._has("crash"):
                os._exit(7)
            self.is_held = self._has("hang")
            if self.is_held:
                (self.folder / f"{os.getpid()} hangs").touch()
            if self._has("block"):
                self.loop.call_soon_threadsafe(time.sleep, 1000)
                return
            time.sleep(0.05)

    def _has(self, fault: str) -> bool:
        try:
            numbers = (self.folder / fault).read_text("utf-8").split()
        except FileNotFoundError:
            return False
        return not numbers or str(os.getpid()) in numbers


def main() -> int:
    """Serve until the end; return the exit code."""
    return run_worker(lambda *_: FaultyEngine(Path(os.environ.get("FAKE_FAULTS", "/nonexistent"))))


if __name__ == "__main__":
    sys.exit(main())
