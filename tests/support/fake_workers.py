"""Several server processes on `FakeEngine`, supervised; with arguments, one of them."""

import os
import sys

from fakes import FakeEngine
from paraserve.server.processes.supervisor import SILENCE_S, Supervisor
from paraserve.server.processes.worker import run_worker
from paraserve.settings import Settings

if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(run_worker(lambda *_: FakeEngine()))
    silence_s = float(os.environ.get("FAKE_SILENCE_S", SILENCE_S))
    sys.exit(Supervisor(Settings(port=0), (sys.executable, __file__), silence_s).run())
