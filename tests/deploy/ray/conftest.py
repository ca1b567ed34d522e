"""Tests with Ray, in an environment of their own: scripts/ray.sh makes it, and `scripts/test --full` runs them."""

from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PATIENCE_S = 1800
"""For one test: on a busy machine a worker takes a minute to start."""

collect_ignore_glob = [] if find_spec("ray") else ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These tests are of the full tier, and may take long."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.full)
            item.add_marker(pytest.mark.timeout(PATIENCE_S))
