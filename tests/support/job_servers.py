"""A supervisor of server processes that hear loud bursts and take their time; with arguments, one of those processes.

Environment: `FAKE_PACE_S`, the time that a segment takes. Processes that are killed all the time are started again at
once, and what they have claimed is free soon.
"""

import os
import sys

from paraserve.runtime.jobs.webhooks import webhook_sender
from paraserve.runtime.jobs.working import attempt
from paraserve.server.processes import supervisor
from paraserve.server.processes.worker import run_worker
from paraserve.settings import Settings
from support.loud_engine import LoudEngine

DELIVERY_LEASE_S = 2.0
POST_TIMEOUT_S = 15.0

if __name__ == "__main__":
    if len(sys.argv) > 1:
        attempt.REPORT_S = 0.1
        webhook_sender.LEASE_MARGIN_S = DELIVERY_LEASE_S - POST_TIMEOUT_S
        sys.exit(run_worker(lambda *_: LoudEngine(pace_s=float(os.environ["FAKE_PACE_S"]))))
    supervisor.FREE_RESTARTS = sys.maxsize
    sys.exit(supervisor.Supervisor(Settings(port=0), (sys.executable, __file__)).run())
