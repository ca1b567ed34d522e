"""Write sbom.cpu.cdx.json, sbom.gpu.cdx.json and docs/licences.md, or with --check compare them with the lock files.

Writing asks the package index for the packages of the lock files, whose SHA-256 pip compares, and takes the licences
from their metadata. The check needs no network: names, versions and SHA-256 are those of the lock files, models and
our version are the present ones, and every licence is allowed.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from licences import UNKNOWN, LicenceRules, read_rules
from lock_files import PYTHONS, ROOT, LockedPackage, locked_packages, requirement_lines
from software_bill import write_bill

TABLE = ROOT / "docs" / "licences.md"
HEAD = """# Licences

paraserve is under the MIT licence. This is what its images install beside it, and under which licence. `scripts/sbom`
writes this page and both bills of materials from the metadata of the packages in the lock files. It fails on a
licence that `scripts/supply_chain/licences.toml` does not let in.

## Stricter than MIT, BSD and Apache

| package | licence | why it is here |
|---|---|---|
"""
BUNDLED_HEAD = """
## Libraries in wheels

Some wheels carry libraries whose licence is stricter than that of the package. Whoever passes an image on passes
these on, too, and has to keep to their licences.

| wheel | library | licence | |
|---|---|---|---|
"""
ALL_HEAD = """
## All packages

| package | licence | images |
|---|---|---|
"""
NO_ANSWER = 3


def main(arguments: list[str] | None = None) -> int:
    """Write or check; return 0, 1 for what has to be changed, or 3 where the package index does not answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--check", action="store_true", help="compare the files with the lock files, without a network"
    )
    parser.add_argument("--output", type=Path, default=ROOT, help="project to write to in place of this one")
    flags = parser.parse_args(arguments)
    rules = read_rules()
    locked = {image: locked_packages(image) for image in PYTHONS}
    try:
        licences = {
            image: _recorded(image) if flags.check else _fetched(packages, rules)
            for image, packages in locked.items()
        }
    except subprocess.CalledProcessError as error:
        print(f"The packages cannot be fetched, so their licences are not known:\n{error.stderr}", file=sys.stderr)
        return NO_ANSWER
    problems = [
        problem for image, packages in locked.items() for problem in _problems(packages, licences[image], rules)
    ]
    if not problems:
        files = _files(locked, licences, rules)
        problems = [] if not flags.check else [_stale(path) for path, text in files.items() if _differs(path, text)]
        if not flags.check:
            for path, text in files.items():
                (flags.output / path.relative_to(ROOT)).write_text(text, "utf-8")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def bill_path(image: str) -> Path:
    """Return the bill of materials of an image."""
    return ROOT / f"sbom.{image}.cdx.json"


def _files(
    locked: Mapping[str, list[LockedPackage]], licences: Mapping[str, Mapping[str, str]], rules: LicenceRules
) -> dict[Path, str]:
    bills = {
        bill_path(image): write_bill(image, packages, licences[image], rules.bundled)
        for image, packages in locked.items()
    }
    return {**bills, TABLE: _table(licences, rules)}


def _problems(packages: Iterable[LockedPackage], licences: Mapping[str, str], rules: LicenceRules) -> list[str]:
    found = [rules.problem(package.name, licences.get(package.name, UNKNOWN)) for package in packages]
    return [problem for problem in found if problem]


def _stale(path: Path) -> str:
    return f"{path.relative_to(ROOT)} does not agree with the lock files, the models or our version: run scripts/sbom"


def _differs(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text("utf-8") != text


def _recorded(image: str) -> dict[str, str]:
    """Licences by package, as the bill of materials has them."""
    if not bill_path(image).exists():
        return {}
    components = json.loads(bill_path(image).read_text("utf-8"))["components"]
    return {one["name"]: _expression(one["licenses"][0]) for one in components if one["type"] == "library"}


def _expression(choice: Mapping[str, Any]) -> str:
    if "expression" in choice:
        return str(choice["expression"])
    licence = choice["license"]
    return str(licence["id"] if "id" in licence else licence["name"])


def _fetched(packages: Iterable[LockedPackage], rules: LicenceRules) -> dict[str, str]:
    """Licences by package, from the metadata of the wheels, whose SHA-256 pip compares with the lock file's."""
    with tempfile.TemporaryDirectory() as name:
        folder, requirements = Path(name), Path(name) / "requirements.txt"
        requirements.write_text("\n".join(requirement_lines(packages)), "utf-8")
        flags = ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
        command = [sys.executable, "-m", "pip", "download", "--quiet", *flags, "--dest", folder, "-r", requirements]
        subprocess.run([*map(str, command)], check=True, capture_output=True, text=True)
        metadata = [_metadata(wheel) for wheel in folder.glob("*.whl")]
    return {canonicalize_name(str(one["Name"])): rules.licence_of(one) for one in metadata}


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        return message_from_bytes(archive.read(name))


def _table(licences: Mapping[str, Mapping[str, str]], rules: LicenceRules) -> str:
    everything = {name: licence for of_image in licences.values() for name, licence in of_image.items()}
    named = [
        f"| {name} | {one['licence']} | {one['why']} |" for name, one in rules.named.items() if name in everything
    ]
    bundled = [f"| {one.package} | {one.name} | {one.licence} | {one.about} |" for one in rules.bundled]
    images = {name: ", ".join(image for image in licences if name in licences[image]) for name in everything}
    rows = [f"| {name} | {everything[name]} | {images[name]} |" for name in sorted(everything)]
    return "".join([HEAD, *_lines(named), BUNDLED_HEAD, *_lines(bundled), ALL_HEAD, *_lines(rows)])


def _lines(rows: Iterable[str]) -> list[str]:
    return [f"{row}\n" for row in rows]


if __name__ == "__main__":
    sys.exit(main())
