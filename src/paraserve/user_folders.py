"""Folders of the user who runs a command, also where that user has no home."""

import os
import tempfile
from pathlib import Path

from paraserve.errors import ParaserveError


def expanded(path: str | Path) -> Path:
    """Return a path whose leading ~ is a home folder.

    Raises:
        ParaserveError: there is no such home.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ParaserveError(f"{path}: this user has no home folder: give the whole path") from None


def cache_folder() -> Path:
    """Return our folder in the user's cache folder (`XDG_CACHE_HOME`), else one of this user's temporary folder."""
    chosen = os.environ.get("XDG_CACHE_HOME")
    if chosen:
        return expanded(chosen) / "paraserve"
    try:
        return Path("~/.cache/paraserve").expanduser()
    except RuntimeError:
        return Path(tempfile.gettempdir()) / f"paraserve-{os.getuid()}"


def data_folder() -> Path:
    """Return our folder in the user's data folder (`XDG_DATA_HOME`). What is in it is kept.

    Raises:
        ParaserveError: this user has no home.
    """
    chosen = os.environ.get("XDG_DATA_HOME")
    return expanded(chosen or "~/.local/share").absolute() / "paraserve"


def folder_warning() -> str | None:
    """Return a sentence for a user without a home.

    Raises:
        ParaserveError: another user has made the folder that would be used instead.
    """
    try:
        Path.home()
    except RuntimeError:
        folder = cache_folder()
    else:
        return None
    if os.environ.get("XDG_CACHE_HOME"):
        return None
    _claim(folder)
    return f"this user has no home folder: {folder} holds models and prepared graphs (or set XDG_CACHE_HOME)"


def _claim(folder: Path) -> None:
    """Make a folder for this user alone, which nobody else could have filled: what is in it is run."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        return  # it cannot be written, nor is there anything in it
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o022 or folder.is_symlink():
        raise ParaserveError(f"{folder} belongs to another user: set HOME or XDG_CACHE_HOME")
