"""Licences of packages: from what their metadata say to SPDX, and whether `licences.toml` lets them in."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from functools import cache
from pathlib import Path
from typing import Any

from license_expression import ExpressionError, Licensing, get_spdx_licensing
from packaging.utils import canonicalize_name

RULES = Path(__file__).with_name("licences.toml")
UNKNOWN = "LicenseRef-unknown"


@dataclass(frozen=True, slots=True)
class Bundled:
    """A library in a package's wheel whose licence is stricter than the package's."""

    package: str
    name: str
    licence: str
    about: str


@dataclass(frozen=True, slots=True)
class LicenceRules:
    """What `licences.toml` says."""

    allowed: frozenset[str]
    written: Mapping[str, str]
    from_files: Mapping[str, str]
    named: Mapping[str, Mapping[str, str]]
    bundled: tuple[Bundled, ...]

    def licence_of(self, metadata: Message) -> str:
        """Return the SPDX expression of a package, given its wheel's metadata; `UNKNOWN` where nothing tells."""
        classifiers = [name for name in metadata.get_all("Classifier", []) if name.startswith("License :: ")]
        said = [metadata["License-Expression"], metadata["License"]]
        said += [name.rsplit(" :: ", 1)[1] for name in classifiers]
        said.append(self.from_files.get(canonicalize_name(str(metadata["Name"]))))
        found = (self._spdx(text) for text in said if text)
        return next((expression for expression in found if expression), UNKNOWN)

    def problem(self, package: str, expression: str) -> str | None:
        """Return why a package may not be installed; None if it may."""
        named = self.named.get(package)
        if named is not None:
            expected = named["licence"]
            return None if expression == expected else f"{package}: {expression}, but it is named with {expected}"
        if self._is_allowed(licensing().parse(expression)):
            return None
        return f"{package}: {expression} is not allowed: see {RULES.name}"

    def _is_allowed(self, parsed: Any) -> bool:
        if not parsed.args:
            return str(parsed) in self.allowed
        parts = [self._is_allowed(part) for part in parsed.args]
        return any(parts) if isinstance(parsed, licensing().OR) else all(parts)

    def _spdx(self, text: str) -> str | None:
        candidate = self.written.get(text.strip(), text.strip())
        if "\n" in candidate:
            return None  # the whole text of a licence
        try:
            parsed = licensing().parse(candidate, validate=not candidate.startswith("LicenseRef-"))
        except ExpressionError:
            return None
        return str(parsed)


def read_rules() -> LicenceRules:
    """Read `licences.toml`."""
    content = tomllib.loads(RULES.read_text("utf-8"))
    bundled = tuple(Bundled(**entry) for entry in content["bundled"])
    allowed = frozenset(content["allowed"])
    return LicenceRules(allowed, content["written"], content["from_files"], content["named"], bundled)


@cache
def licensing() -> Licensing:
    """Return what knows the licences of SPDX."""
    return get_spdx_licensing()
