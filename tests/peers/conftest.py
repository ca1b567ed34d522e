"""Other people's clients as they are published, each in a virtual environment of its own, and a server for them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from support.certificates import Certificate, self_signed
from support.commands import paraserve, server
from support.turns import file_lock

ENVIRONMENTS = Path(__file__).resolve().parents[2] / "build" / "peers"
"""Kept between runs; build/ is not committed."""
INSTALL_TIMEOUT_S = 280


@pytest.fixture(scope="session")
def client_python() -> Callable[[str], Path]:
    """Makes an environment with one package; returns its interpreter. Skips where that is not possible."""

    def install(requirement: str) -> Path:
        folder = ENVIRONMENTS / requirement.replace("==", "-")
        with file_lock(_lock_of(folder)):
            if not (folder / "complete").exists():
                _make_environment(folder, requirement)
        return folder / "bin" / "python"

    return install


def _lock_of(folder: Path) -> Path:
    """A file to lock, so that one process of tests at a time makes the folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder.with_name(f"{folder.name}.lock")


def _make_environment(folder: Path, requirement: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, capture_output=True)
    options = ("--python", folder / "bin" / "python", "--quiet", "--disable-pip-version-check")
    _install("pip", [sys.executable, "-m", "pip", *options, "install"], [requirement], folder)


def _install(program: str, command: list[object], requirements: Sequence[str], folder: Path) -> None:
    """Install packages into the folder, and note that it is complete."""
    try:
        done = subprocess.run(
            [*command, *requirements], capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"{program} did not install {requirements[0]} in {INSTALL_TIMEOUT_S} s")
    if done.returncode != 0:
        pytest.skip(f"{program} cannot install {requirements[0]}: {done.stderr.strip().splitlines()[-1]}")
    (folder / "complete").touch()


@pytest.fixture(scope="session")
def node_folder() -> Callable[..., Path]:
    """Installs packages of npm; returns a folder whose programs find them. Skips where that is not possible."""

    def install(*requirements: str) -> Path:
        folder = ENVIRONMENTS / "+".join(one.lstrip("@").replace("/", "-") for one in requirements)
        with file_lock(_lock_of(folder)):
            if not (folder / "complete").exists():
                _make_node_folder(folder, requirements)
        return folder

    return install


def _make_node_folder(folder: Path, requirements: Sequence[str]) -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node or npm is not installed")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    options = ("--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts")
    _install("npm", ["npm", "install", *options], requirements, folder)


@pytest.fixture(scope="session")
def server_address() -> Iterator[str]:
    """127.0.0.1:PORT of a server on the embedded bundle, without TLS."""
    with server() as url:
        yield url.removeprefix("http://")


@pytest.fixture(scope="session")
def tls_server_address(certificate) -> Iterator[str]:
    """The same with TLS."""
    with server("--certfile", certificate.certfile, "--keyfile", certificate.keyfile) as url:
        yield url.removeprefix("https://")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Certificate:
    """One that nobody vouches for."""
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def reference(data_dir) -> dict[str, str]:
    """What `paraserve transcribe` says of each sample recording, by its name."""
    names = sorted(path.name for path in data_dir.glob("*.wav"))
    done = paraserve("transcribe", *(data_dir / name for name in names), "--format", "json")
    texts, decoder, rest = [], json.JSONDecoder(), done.stdout.strip()
    while rest:
        transcript, end = decoder.raw_decode(rest)
        texts.append(transcript["text"])
        rest = rest[end:].lstrip()
    return dict(zip(names, texts, strict=True))


@pytest.fixture(scope="session")
def run_client() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs a client to its end; a minute is far more than any needs, so one that hangs fails."""

    def run(*command: object, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        return subprocess.run(
            list(map(str, command)), capture_output=True, text=True, timeout=60, cwd=cwd, env=environment, check=False
        )

    return run
