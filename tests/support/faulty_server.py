"""A server on a fake engine with a fault of choice, for a soak to find: `SOAK_FAULT` is `none`, `drop` or `leak`."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from paraserve.server.app import create_app
from paraserve.server.processes.server import run_app
from paraserve.server.telemetry.logging import configure_logging
from paraserve.settings import Settings
from paraserve.types import SAMPLE_RATE, Hypothesis, Samples, Token
from support.fakes import FakeEngine, text_of

DROPPED = 50
"""The segment whose text is lost."""
LEAK_BYTES = 400_000
"""Kept of each segment."""


def hears(samples: Samples) -> Hypothesis:
    """What every fake engine hears."""
    text = text_of(samples)
    return Hypothesis((Token(text, 0, len(samples) * 1000 // SAMPLE_RATE, 0.5),), (0,), text)


def dropping() -> Callable[[Samples], Hypothesis]:
    """One segment has no text."""
    n = 0

    def hear(samples: Samples) -> Hypothesis:
        nonlocal n
        n += 1
        return Hypothesis((), (), "") if n == DROPPED else hears(samples)

    return hear


def leaking() -> Callable[[Samples], Hypothesis]:
    """Something of each segment is kept for ever."""
    kept: list[bytes] = []

    def hear(samples: Samples) -> Hypothesis:
        kept.append(b"x" * LEAK_BYTES)
        return hears(samples)

    return hear


def main() -> None:
    """Serve on the port of the settings."""
    settings = Settings()
    configure_logging(settings.log_level, settings.log_format)
    hear = {"none": hears, "drop": dropping(), "leak": leaking()}[os.environ["SOAK_FAULT"]]
    sys.exit(run_app(create_app(settings, FakeEngine(hears=hear)), settings))


if __name__ == "__main__":
    main()
