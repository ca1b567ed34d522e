"""A supervisor of server processes on `FakeEngine`; with arguments, one of those processes.

Environment: `FAKE_HEARTBEAT_TIMEOUT_S`, and a folder `FAKE_FAULTS`. When a file of this name appears there, each
process whose number the file has, or each if it is empty, has a fault from then on:

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

from fakes import FakeEngine
from paraserve.server.processes.supervisor import HEARTBEAT_TIMEOUT_S, Supervisor
from paraserve.server.processes.worker import run_worker
from paraserve.settings import Settings


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


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(run_worker(lambda *_: FaultyEngine(Path(os.environ.get("FAKE_FAULTS", "/nonexistent")))))
    timeout_s = float(os.environ.get("FAKE_HEARTBEAT_TIMEOUT_S", HEARTBEAT_TIMEOUT_S))
    sys.exit(Supervisor(Settings(port=0), (sys.executable, __file__), timeout_s).run())
