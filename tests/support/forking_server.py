"""Starts servers of jobs by forking, which takes little time: each line of stdin has the environment of one, in JSON.

Their engine hears loud bursts, and a segment takes it `FAKE_PACE_S`. What a server has claimed is free soon after it
was killed. A line of stdout tells the process id of each, and one its address.
"""

import json
import os
import signal
import sys

from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.webhooks import webhook_sender
from paraserve.runtime.jobs.working import attempt
from paraserve.server.app import create_app
from paraserve.server.processes.server import run_app
from paraserve.server.telemetry.logging import configure_logging
from paraserve.settings import Settings
from support.loud_engine import LoudEngine

IMPORTED = JobStore
DELIVERY_LEASE_S, POST_TIMEOUT_S = 2.0, 15.0


def serve(environment: dict[str, str]) -> int:
    """Be a server until it is ended."""
    os.environ.update(environment)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    attempt.REPORT_S = 0.1
    webhook_sender.LEASE_MARGIN_S = DELIVERY_LEASE_S - POST_TIMEOUT_S
    settings = Settings(port=0)
    configure_logging(settings.log_level, settings.log_format)
    return run_app(create_app(settings, LoudEngine(pace_s=float(os.environ["FAKE_PACE_S"]))), settings)


if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that are killed
    for line in sys.stdin:
        child = os.fork()
        if not child:
            os._exit(serve(json.loads(line)))
        print(f"pid {child}", flush=True)
