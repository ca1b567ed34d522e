"""The bill of materials of an image in CycloneDX 1.6. The same lock file and licences give the same bytes."""

import json
import os
import re
import tomllib
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from licences import Bundled
from lock_files import ROOT, LockedPackage

BUNDLE = ROOT / "models" / "demo"
NAMESPACE = uuid.UUID("8e5fd1ca-1a92-5b0e-9b4f-6b2d3a0f6c11")
"""Of serial numbers, which follow from the content."""


def write_bill(
    image: str, packages: Iterable[LockedPackage], licences: Mapping[str, str], bundled: Iterable[Bundled]
) -> str:
    """Return the bill of an image as JSON.

    Args:
        image: cpu or gpu.
        packages: what its lock file installs.
        licences: SPDX expression of each package, by name.
        bundled: libraries in wheels with a licence of their own.
    """
    own = _own()
    parts = [
        _package(one, licences[one.name], [lib for lib in bundled if lib.package == one.name]) for one in packages
    ]
    bom = Bom(components=[*parts, _bundle()])
    bom.metadata.component = own
    bom.metadata.properties.add(Property(name="paraserve:image", value=image))
    epoch_s = os.environ.get("SOURCE_DATE_EPOCH")
    bom.metadata.timestamp = datetime.fromtimestamp(int(epoch_s), UTC) if epoch_s else None  # type: ignore[assignment]
    bom.register_dependency(own, bom.components)
    bom.serial_number = uuid.UUID(int=0)
    bom.serial_number = uuid.uuid5(NAMESPACE, _text(bom))
    return _text(bom)


def project_version() -> str:
    """Return our version."""
    text = (ROOT / "src/paraserve/__init__.py").read_text("utf-8")
    return str(re.findall(r'^__version__ = "(.+)"$', text, re.M)[0])


def _text(bom: Bom) -> str:
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def _own() -> Component:
    licence = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["license"]
    return _component(ComponentType.APPLICATION, "paraserve", project_version(), licence, purl=True)


def _package(package: LockedPackage, licence: str, libraries: Iterable[Bundled]) -> Component:
    component = _component(ComponentType.LIBRARY, package.name, package.version, licence, purl=True)
    component.hashes = [_sha256(content) for content in package.sha256]
    component.components = [_library(library) for library in libraries]
    return component


def _library(library: Bundled) -> Component:
    component = _component(ComponentType.LIBRARY, library.name, None, library.licence)
    component.bom_ref.value = f"{library.package}:{library.name}"
    component.description = library.about
    return component


def _bundle() -> Component:
    """The embedded bundle of models, with each of its files."""
    manifest = json.loads((BUNDLE / "manifest.json").read_text("utf-8"))
    component = _component(ComponentType.MACHINE_LEARNING_MODEL, manifest["name"], str(manifest["version"]), "MIT")
    component.bom_ref.value = f"model:{manifest['name']}"
    component.description = f"Embedded speech recognition models: {manifest['knows']}"
    component.components = [_file(name, entry["sha256"]) for name, entry in manifest["files"].items()]
    return component


def _file(name: str, sha256: str) -> Component:
    return Component(type=ComponentType.FILE, name=name, hashes=[_sha256(sha256)], bom_ref=f"model-file:{name}")


def _component(kind: ComponentType, name: str, version: str | None, licence: str, *, purl: bool = False) -> Component:
    url = PackageURL("pypi", None, name, version) if purl else None
    return Component(
        type=kind,
        name=name,
        version=version,
        purl=url,
        bom_ref=str(url) if url else None,
        licenses=[LicenseFactory().make_from_string(licence)],
    )


def _sha256(content: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=content)
