"""A supervisor of `fake_worker.py`. `FAKE_HEARTBEAT_TIMEOUT_S` in the environment is its timeout."""

import os
import sys
from pathlib import Path

from paraserve.server.processes.supervisor import HEARTBEAT_TIMEOUT_S, Supervisor
from paraserve.settings import Settings

if __name__ == "__main__":
    timeout_s = float(os.environ.get("FAKE_HEARTBEAT_TIMEOUT_S", HEARTBEAT_TIMEOUT_S))
    command = (sys.executable, str(Path(__file__).with_name("fake_worker.py")))
    sys.exit(Supervisor(Settings(port=0), command, timeout_s).run())
