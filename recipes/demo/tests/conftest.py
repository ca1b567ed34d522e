"""Fixtures of the recipe's tests. Each runs a step on seconds of data, once, after the steps that it needs."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import stand_ins
import text_packages

ROOT = Path(__file__).resolve().parents[3]

Step = Callable[..., str]
"""(name, option, ...) -> what the step prints."""


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work folder, with stand-ins for what steps would fetch: voices and packages of text."""
    folder = tmp_path_factory.mktemp("work")
    stand_ins.write_voices(folder)
    text_packages.write_packages(folder / "text")
    return folder


@pytest.fixture(scope="session")
def help_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stand-in for the LibreOffice help."""
    folder = tmp_path_factory.mktemp("help")
    text_packages.write_libreoffice_help(folder)
    return folder


@pytest.fixture(scope="session")
def step(work: Path, help_folder: Path) -> Step:
    """Runs a step as a user does and checks that it ends well."""

    def run(*arguments: object) -> str:
        command = [sys.executable, "-m", "demo_recipe", *map(str, arguments)]
        environment = os.environ | {"TRAIN_WORK": str(work), "LIBREOFFICE_HELP": str(help_folder)}
        done = subprocess.run(command, check=False, cwd=work, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def speech(step: Step, work: Path) -> Path:
    """Some ten seconds of the domain."""
    step("domain-speech", "--hours", 0.003, "--shard-s", 8, "--seed", 61, "--out", work / "speech")
    return work / "speech"


@pytest.fixture(scope="session")
def outside_speech(step: Step, work: Path) -> Path:
    """Some six seconds outside the domain, in a folder of folders."""
    step("outside-speech", "--minutes", 0.1, "--seed", 74, "--out", work / "extra" / "other")
    return work / "extra" / "other"


@pytest.fixture(scope="session")
def recogniser(step: Step, work: Path, speech: Path, outside_speech: Path) -> Path:
    """Folder of the recogniser after a step or two of training."""
    printed = step("train-asr", "--minutes", 0.05, "--speech", outside_speech.parent)
    assert "parameters, mel map 0.0" in printed
    return work / "asr"


@pytest.fixture(scope="session")
def recogniser_context(step: Step, recogniser: Path, outside_speech: Path) -> Path:
    """Folder of the recogniser with its confusions and context layers."""
    step("token-confusions", "--batches", 1, "--speech", outside_speech.parent)
    step("train-context", "--minutes", 0.01)
    return recogniser


@pytest.fixture(scope="session")
def recogniser_graph(step: Step, recogniser_context: Path) -> Path:
    """Folder of the recogniser with its graphs."""
    step("export-asr")
    return recogniser_context


@pytest.fixture(scope="session")
def streaming(step: Step, work: Path, recogniser: Path, outside_speech: Path) -> Path:
    """Folder of the streaming recogniser after a step or two of training, with confusions and context layers."""
    step("train-stream", "--minutes", 0.05, "--speech", outside_speech.parent)
    step("token-confusions", "--stream", "--batches", 1, "--speech", outside_speech.parent)
    step("train-context", "--stream", "--minutes", 0.01)
    return work / "asr-online"


@pytest.fixture(scope="session")
def streaming_graphs(step: Step, streaming: Path) -> tuple[Path, str]:
    """Folder of the streaming recogniser with its graphs, and what the export printed."""
    return streaming, step("export-stream")


@pytest.fixture(scope="session")
def detector(step: Step, work: Path, speech: Path) -> Path:
    """Folder of the voice detector after two steps of training, quantised."""
    step("train-vad", "--steps", 2)
    step("quantize", work / "vad" / "model.onnx")
    return work / "vad"


@pytest.fixture(scope="session")
def punctuation(step: Step, work: Path) -> Path:
    """Work folder with both punctuation models after a step or two of training."""
    step("train-punc", "--minutes", 0.01)
    return work


@pytest.fixture(scope="session")
def bundle(
    step: Step, work: Path, recogniser_graph: Path, streaming_graphs: Path, detector: Path, punctuation: Path
) -> Path:
    """The bundle of all that was trained here."""
    step("bundle", "--out", work / "bundle")
    return work / "bundle"


@pytest.fixture(scope="session")
def evaluation_sets(step: Step, work: Path, speech: Path) -> Path:
    """Two held-out sentences of each language, and some seconds outside the domain."""
    for lang in ("zh", "en", "mix"):
        out = work / "eval" / f"heldout_{lang}"
        step("eval-speech", "--set", "heldout", "--lang", lang, "--count", 2, "--speech", speech, "--out", out)
    out = work / "eval" / "other"
    step("outside-speech", "--held-out", "--minutes", 0.1, "--seed", 2028, "--out", out)
    return work / "eval"
