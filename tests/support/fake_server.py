"""A server process on `FakeEngine`: starts in a moment, and its text tells what it heard."""

import sys

from paraserve.server.app import create_app
from paraserve.server.processes.listening import bound_wyoming
from paraserve.server.processes.server import run_app
from paraserve.server.telemetry.logging import configure_logging
from paraserve.settings import Settings
from support.fakes import FakeEngine


def main() -> None:
    """Serve on a free port."""
    settings = Settings(port=0)
    configure_logging(settings.log_level, settings.log_format)
    with bound_wyoming(settings) as wyoming:
        sys.exit(run_app(create_app(settings, FakeEngine()), settings, None, wyoming))
