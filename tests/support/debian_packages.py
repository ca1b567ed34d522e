"""Files of Debian packages, unpacked outside the checkout where they are not installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from paraserve.catalog.store import models_folder


def program_of(package: str, name: str) -> str:
    """The path of a program: what is installed, else that of the package. Skips the test where neither is there."""
    return shutil.which(name) or str(unpacked(package, models_folder().with_name("test-programs")) / "usr/bin" / name)


def unpacked(package: str, cache: Path) -> Path:
    """The package's files below `cache`. It needs apt, but not root where apt has its lists."""
    root = cache / package
    if root.is_dir():
        return root
    if shutil.which("apt-get") is None:
        pytest.skip(f"no {package} here, and no apt-get to fetch it")
    making = cache / f"{package}.partial"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    done = _apt_get("download", package, folder=making)
    if done.returncode and os.geteuid() == 0:
        _apt_get("update", folder=making)
        done = _apt_get("download", package, folder=making)
    packages = list(making.glob("*.deb"))
    if not packages:
        pytest.skip(f"{package} cannot be fetched : {done.stderr.strip()[-200:]}")
    subprocess.run(["dpkg-deb", "-x", packages[0], making], check=True)
    making.rename(root)
    return root


def _apt_get(*args: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
