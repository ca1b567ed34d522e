"""A supervisor of server processes on `FakeEngine`; with arguments, one of those processes."""

import os
import sys

from fakes import FakeEngine
from paraserve.server.processes.supervisor import HEARTBEAT_TIMEOUT_S, Supervisor
from paraserve.server.processes.worker import run_worker
from paraserve.settings import Settings

if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(run_worker(lambda *_: FakeEngine()))
    timeout_s = float(os.environ.get("FAKE_HEARTBEAT_TIMEOUT_S", HEARTBEAT_TIMEOUT_S))
    sys.exit(Supervisor(Settings(port=0), (sys.executable, __file__), timeout_s).run())
