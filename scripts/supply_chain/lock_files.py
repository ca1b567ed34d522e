"""What a lock file installs into its image: names, versions, and SHA-256 of the files that it accepts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from packaging.markers import Marker
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = MappingProxyType({"cpu": "3.11.14", "gpu": "3.12.3"})
"""Images by name, and the Python of each."""
ENTRY = re.compile(r"^([\w.-]+)==([\w.+!-]+)(?: ; ([^\\\n]+))?((?: \\\n +--hash=sha256:[0-9a-f]{64})+)", re.M)
SHA256 = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """A package that is installed, and the SHA-256 of any of its files."""

    name: str
    version: str
    sha256: tuple[str, ...]


def lock_path(image: str) -> Path:
    """Return the lock file of an image."""
    return ROOT / f"requirements.{image}.lock"


def locked_packages(image: str) -> list[LockedPackage]:
    """Return what the lock file installs into the image, on 64-bit Linux, by name."""
    environment = _environment(PYTHONS[image])
    found = ENTRY.findall(lock_path(image).read_text("utf-8"))
    packages = [
        LockedPackage(canonicalize_name(name), version, tuple(sorted(SHA256.findall(hashes))))
        for name, version, marker, hashes in found
        if not marker or Marker(marker).evaluate(dict(environment))
    ]
    return sorted(packages, key=lambda package: package.name)


def requirement_lines(packages: Iterable[LockedPackage]) -> list[str]:
    """Return packages as lines of a requirements file, with their SHA-256 and without conditions."""
    return [f"{one.name}=={one.version} {' '.join(f'--hash=sha256:{sha}' for sha in one.sha256)}" for one in packages]


def _environment(python: str) -> Mapping[str, str]:
    return {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "sys_platform": "linux",
    }
