"""Extras of this package that models need, and the packages of them that are missing."""

import importlib
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from types import MappingProxyType

MODULES: Mapping[str, str] = MappingProxyType({"whisper": "faster_whisper", "funasr": "funasr"})
"""Extra of this package, and the module that it brings."""
PACKAGES: Mapping[str, str] = MappingProxyType({"whisper": "faster-whisper", "funasr": "funasr"})
"""Extra of this package, and the package that pip installs for it."""


def missing_packages(extras: Iterable[str]) -> list[str]:
    """Return the packages that pip has to install for extras that are not here. A running server sees new ones."""
    importlib.invalidate_caches()
    return [PACKAGES[extra] for extra in extras if find_spec(MODULES[extra]) is None]


def how_to_install(packages: Iterable[str]) -> str:
    """Return the command that installs packages into this environment."""
    return f"pip install {' '.join(packages)}"
