"""Recordings in folders."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path

from paraserve.inference.audio.file_signatures import HEAD_BYTES, file_format

_SUFFIXES = (
    "3g2 3gp aac ac3 aif aiff amr ape asf au avi awb caf dss eac3 flac flv m2ts m4a m4b m4v mka mkv mov mp2 mp3 mp4 "
    "mpeg mpg mts mxf oga ogg ogv opus qcp shn sox spx tta voc w64 wav wave weba webm wma wmv wv"
)
SUFFIXES = frozenset(f".{name}" for name in _SUFFIXES.split())
"""Ends of names of recordings. Other files are recordings if they begin like one."""
NO_SOUND = frozenset(("ZIP", "data URL", "RIFF"))
"""Formats of `file_format` that hold no recording, or something else than sound as well."""
OnError = Callable[[OSError], None]


@dataclass(frozen=True, slots=True)
class Found:
    """A recording. `below` is its folder, from the one that was named on."""

    name: str
    below: str = ""


def find_recordings(names: Sequence[str], on_error: OnError) -> list[Found]:
    """Return the recordings that are named, are in folders that are named, or match patterns such as `a/**/b*`.

    In folders, files and folders whose name begins with a dot are left out, and links to folders. They come in the
    order of their names. `on_error` is called for each folder that cannot be read.
    """
    found = (one for name in names for path in _matches(name) for one in _below(path, on_error))
    return list({os.path.abspath(one.name): one for one in found}.values())  # noqa: PTH100 - quicker by far


def _matches(name: str) -> list[str]:
    if not has_magic(name) or os.path.lexists(name):
        return [name]
    return sorted(glob(name, recursive=True)) or [name]  # noqa: PTH207 - the pattern may be an absolute one


def _below(path: str, on_error: OnError) -> Iterator[Found]:
    if not os.path.isdir(path):  # noqa: PTH112 - as it was named, "-" and URLs too
        yield Found(path)
        return
    root = Path(path)
    for folder, folders, files in os.walk(root, onerror=on_error):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            file = Path(folder, name)
            if not name.startswith(".") and _is_recording(file, on_error):
                yield Found(str(file), str(file.parent.relative_to(root)))


def _is_recording(path: Path, on_error: OnError) -> bool:
    if not path.is_file():
        return False
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        on_error(error)
        return False
    is_wav = head[:4] == b"RIFF" and head[8:12] == b"WAVE"
    return is_wav or (file_format(head) or "ZIP") not in NO_SOUND
