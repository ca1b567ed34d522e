"""Recordings of people, from where a machine can get them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from paraserve.catalog.store import models_folder

PACKAGE = "pocketsphinx-testdata"
FOLDER = "usr/share/pocketsphinx/test/data/librivox"
LINE = re.compile(r"<s> (.*) </s> \((.*)\)")


@pytest.fixture(scope="session")
def read_aloud() -> dict[Path, str]:
    """Sentences of a novel, read by a volunteer of LibriVox: recording to text, from a Debian package."""
    folder = Path("/") / FOLDER
    if not folder.is_dir():
        folder = _unpacked(models_folder().with_name("test-recordings")) / FOLDER
    lines = (folder / "transcription").read_text("utf-8").splitlines()
    return {folder / f"{match[2]}.wav": match[1] for match in map(LINE.fullmatch, lines) if match}


def _unpacked(cache: Path) -> Path:
    """The package's files, kept outside the checkout; needs apt, but not root where apt has its lists."""
    root = cache / PACKAGE
    if root.is_dir():
        return root
    if shutil.which("apt-get") is None:
        pytest.skip(f"no {PACKAGE} here, and no apt-get to fetch it")
    making = cache / f"{PACKAGE}.partial"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    done = _apt_get("download", PACKAGE, folder=making)
    if done.returncode and os.geteuid() == 0:
        _apt_get("update", folder=making)
        done = _apt_get("download", PACKAGE, folder=making)
    packages = list(making.glob("*.deb"))
    if not packages:
        pytest.skip(f"{PACKAGE} cannot be fetched : {done.stderr.strip()[-200:]}")
    subprocess.run(["dpkg-deb", "-x", packages[0], making], check=True)
    making.rename(root)
    return root


def _apt_get(*args: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
