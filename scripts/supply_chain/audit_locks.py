"""Ask a service of advisories (OSV) about every package that the lock files install.

Exit codes: 0 nothing is known against them, 1 something is, 3 the service did not answer, so nothing is known at all.
Advisories in accepted_advisories.toml pass until the day that stands there.
"""

import argparse
import datetime as dt
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lock_files import PYTHONS, locked_packages, requirement_lines

ACCEPTED = Path(__file__).with_name("accepted_advisories.toml")
OSV_URL = "https://api.osv.dev/v1/query"
FINDINGS, NO_ANSWER = 1, 3


@dataclass(frozen=True, slots=True)
class Advisory:
    """Something that is known against a version of a package."""

    package: str
    version: str
    ids: tuple[str, ...]
    fixed_in: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """An advisory of one package that passes until a day."""

    id: str
    package: str
    reason: str
    until: dt.date


def main(arguments: list[str] | None = None) -> int:
    """Ask, print what is found, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", nargs="?", choices=[*PYTHONS], help="one image.  [default: all]")
    parser.add_argument("--osv-url", default=OSV_URL, help="another service with OSV's interface")
    parser.add_argument("--accepted", type=Path, default=ACCEPTED, help="file of accepted advisories")
    parser.add_argument(
        "--today", type=dt.date.fromisoformat, default=dt.datetime.now(dt.UTC).date(), help="YYYY-MM-DD"
    )
    flags = parser.parse_args(arguments)
    images = [flags.image] if flags.image else [*PYTHONS]
    accepted = [Accepted(**entry) for entry in tomllib.loads(flags.accepted.read_text("utf-8"))["accepted"]]
    lines = sorted({line for image in images for line in requirement_lines(locked_packages(image))})
    report, errors = _ask(lines, flags.osv_url)
    if report is None:
        print(f"No answer from {flags.osv_url}, so nothing is known about the packages:\n{errors}", file=sys.stderr)
        return NO_ANSWER
    advisories = list(_advisories(report))
    refused = [text for advisory in advisories if (text := _refusal(advisory, accepted, flags.today))]
    for text in refused:
        print(text)
    n_packages = len(report["dependencies"])
    print(f"{n_packages} packages, {len(advisories)} advisories, {len(advisories) - len(refused)} accepted")
    return FINDINGS if refused else 0


def _ask(lines: Sequence[str], osv_url: str) -> tuple[Mapping[str, Any] | None, str]:
    """Return pip-audit's report, or None and what it said in its place."""
    with tempfile.TemporaryDirectory() as name:
        requirements, report = Path(name) / "requirements.txt", Path(name) / "report.json"
        requirements.write_text("\n".join(lines), "utf-8")
        options = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--cache-dir", name]
        options += [
            "--vulnerability-service",
            "osv",
            "--osv-url",
            osv_url,
            "--format",
            "json",
            "--output",
            str(report),
        ]
        command = [sys.executable, "-m", "pip_audit", *options, "--requirement", str(requirements)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if not report.exists() or not report.read_text("utf-8").strip():
            return None, done.stderr.strip().rpartition("\n")[2]
        return json.loads(report.read_text("utf-8")), ""


def _advisories(report: Mapping[str, Any]) -> Iterator[Advisory]:
    for one in report["dependencies"]:
        for found in one.get("vulns", ()):
            ids = (found["id"], *found.get("aliases", ()))
            yield Advisory(one["name"], one["version"], ids, tuple(found["fix_versions"]))


def _refusal(advisory: Advisory, accepted: Iterable[Accepted], today: dt.date) -> str | None:
    """Text about an advisory; None if it is accepted."""
    passing = [one for one in accepted if one.package == advisory.package and one.id in advisory.ids]
    if any(today <= one.until for one in passing):
        return None
    ids, fixed = ", ".join(advisory.ids), ", ".join(advisory.fixed_in) or "none"
    past = "".join(f", accepted until {one.until}" for one in passing)
    return f"{advisory.package} {advisory.version}: {ids}, fixed in: {fixed}{past}"


if __name__ == "__main__":
    sys.exit(main())
