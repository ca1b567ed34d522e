"""Checkpoints of FunASR's own classes. `scripts/test --full` makes the environment that these tests need."""

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent

PATIENCE_S = 900
"""For one test: PyTorch takes a minute to start on a busy machine."""

collect_ignore_glob = [] if find_spec("funasr") and find_spec("torch") else ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder more time."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(PATIENCE_S))


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory) -> Callable[[str], Path]:
    """Folders by kind, each made once: "paraformer-timestamp", "sensevoice", ..., "nano", "nano-ctc"."""
    sys.path += [str(ROOT / "scripts" / "golden"), str(HERE)]
    from checkpoints import make_checkpoint, make_nano  # noqa: PLC0415 - PyTorch, slow
    from tiny_fitting import read_speech  # noqa: PLC0415

    root = tmp_path_factory.mktemp("zoo")
    speech = read_speech(ROOT / "tests" / "data")
    made: dict[str, Path] = {}

    def checkpoint(kind: str) -> Path:
        if kind not in made:
            folder = root / kind
            if kind.startswith("nano"):
                made[kind] = make_nano(folder, speech, has_ctc=kind == "nano-ctc")
            else:
                made[kind] = make_checkpoint(kind, folder, speech)
        return made[kind]

    return checkpoint
