"""The store of bundles on disk: it finds them by name or folder, and removes them. It makes no requests.

A bundle is a folder with `asr/` and optionally `asr-online/ vad/ punc/ punc-online/`, each in FunASR's file layout.
A pulled bundle is `NAME/` in the models folder, complete and with a manifest; the names of unfinished ones begin with
a dot.
"""

import fcntl
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import IO

from paraserve.catalog.entries import CATALOG, NAME, Catalog, read_catalog
from paraserve.catalog.manifest import MANIFEST, Origin, read_origins
from paraserve.catalog.stopping import pause
from paraserve.errors import ModelLoadError
from paraserve.user_folders import cache_folder, expanded

EMBEDDED = ("demo",)
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
"""Pattern of a model's id on a hub: owner/name."""
LOCK_POLL_S = 0.1
"""Interval between two attempts to get a lock that another process has."""


def models_folder(chosen: str = "") -> Path:
    """Return the folder of pulled bundles: the chosen one, or the one in the user's cache folder."""
    if chosen:
        return expanded(chosen).absolute()
    return cache_folder() / "models"


def known_bundles(models_dir: Path) -> Catalog:
    """Read the project's catalog, with the additions and replacements of the models folder's.

    Raises:
        ModelLoadError: a catalog cannot be read.
    """
    return read_catalog(_packed(CATALOG), models_dir / CATALOG)


def pulled_bundles(models_dir: Path) -> dict[str, Path]:
    """Return the bundles in the models folder by name: pulled ones, and folders that a user put there."""
    if not models_dir.is_dir():
        return {}
    folders = (path for path in sorted(models_dir.iterdir()) if path.is_dir())
    return {path.name: path for path in folders if re.fullmatch(NAME, path.name) and _is_bundle(path)}


def bundle_root(name_or_dir: str, models_dir: Path) -> Path:
    """Return the folder of a bundle, searched in this order: embedded, pulled, any folder.

    Raises:
        ModelLoadError: it is not on this machine; says how to pull it if it is in the catalog.
    """
    if name_or_dir in EMBEDDED:
        return _embedded_root(name_or_dir)
    for root in (_named(models_dir, name_or_dir), expanded(name_or_dir)):
        if name_or_dir and root is not None and root.is_dir():
            return root
    if expanded(name_or_dir).is_file():
        raise ModelLoadError(f"{name_or_dir} is a file. Install a packed bundle: paraserve models pull {name_or_dir}")
    catalog = known_bundles(models_dir)
    if name_or_dir in catalog.bundles:
        raise ModelLoadError(_how_to_pull(f"bundle {name_or_dir}", name_or_dir))
    known = ", ".join((*EMBEDDED, *catalog.bundles))
    raise ModelLoadError(f"bundle not found: {name_or_dir!r} is neither a folder nor one of: {known}")


def is_embedded(root: Path) -> bool:
    """Return whether this is the folder of a bundle that is part of the installation."""
    return any(root.resolve() == _packed(name).resolve() for name in EMBEDDED)


def part_folder(value: str, part: str, models_dir: Path) -> Path:
    """Return the folder of one model.

    Args:
        value: a folder, the name of a bundle that has this part, or a hub id. A hub id names a folder below the
            models folder, as FunASR's own downloads do, or a model of the catalog that has been pulled with a bundle.
        part: "asr", "vad", ...
        models_dir: the folder of pulled bundles.

    Raises:
        ModelLoadError: it is not on this machine; says how to pull it if it is in the catalog.
    """
    if value in EMBEDDED:
        return _part_of(_embedded_root(value), part)
    folder = expanded(value)
    if folder.is_dir():
        return folder
    bundle = _named(models_dir, value)
    if bundle is not None and bundle.is_dir():
        return _part_of(bundle, part)
    if HUB_ID.fullmatch(value):
        return _by_hub_id(value, models_dir)
    if value in known_bundles(models_dir).bundles:
        raise ModelLoadError(_how_to_pull(f"model {value}", value))
    raise ModelLoadError(f"model folder not found: {value}")


def is_missing_hub_part(value: str | None, part: str, models_dir: Path) -> bool:
    """Return whether `value` is a hub id of a model that is not on this machine, and no folder of a user."""
    if value is None or not HUB_ID.fullmatch(value) or expanded(value).exists():
        return False
    try:
        part_folder(value, part, models_dir)
    except ModelLoadError:
        return True
    return False


def remove(name: str, models_dir: Path) -> bool:
    """Delete a pulled bundle and the rest of an unfinished pull; return False if there was neither.

    Raises:
        ModelLoadError: the bundle is embedded, or is being pulled.
        OSError: it cannot be deleted.
    """
    if name in EMBEDDED:
        raise ModelLoadError(f"{name} is part of the installation and cannot be removed")
    root = _named(models_dir, name)
    if root is None or not any(path.exists() for path in (root, *leftovers(name, models_dir))):
        return False
    with locked(name, models_dir, _refuse_to_wait):
        partial, removed = leftovers(name, models_dir)
        shutil.rmtree(removed, ignore_errors=True)
        if root.exists():
            # A half-deleted folder must not keep a name under which serve finds it.
            shutil.rmtree(root.rename(removed))
        shutil.rmtree(partial, ignore_errors=True)
    return True


@contextmanager
def locked(
    name: str, models_dir: Path, on_wait: Callable[[str], None], stop: Event | None = None
) -> Iterator[None]:  # fmt: skip
    """Hold the lock of a bundle against other processes. The system releases the lock of a killed process.

    Args:
        name: the bundle.
        models_dir: the folder of pulled bundles; created if missing.
        on_wait: called with the name before waiting for another process; may raise to refuse the wait.
        stop: ends the wait when it is set. None: nothing does.

    Raises:
        PullStoppedError: `stop` was set before the other process ended.
        OSError: the folder cannot be written.
    """
    models_dir.mkdir(parents=True, exist_ok=True)
    with (models_dir / f".{name}.lock").open("w") as lock:
        if not _is_free(lock):
            on_wait(name)
        while not _is_free(lock):
            pause(LOCK_POLL_S, stop or Event())
        yield


def leftovers(name: str, models_dir: Path) -> tuple[Path, Path]:
    """Return the hidden folders of an unfinished pull and of an unfinished removal of a bundle."""
    return models_dir / f".{name}.partial", models_dir / f".{name}.removed"


def origins_of(root: Path) -> dict[str, Origin]:
    """Return the origin of each part, as `read_origins` does; empty if the manifest is missing or damaged."""
    try:
        return read_origins(root)
    except ModelLoadError:
        return {}


def _is_free(lock: IO[str]) -> bool:
    """Take the lock if no other process has it. One that is held already stays so."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _refuse_to_wait(name: str) -> None:
    raise ModelLoadError(f"{name} is being pulled by another process")


def _named(models_dir: Path, name: str) -> Path | None:
    """Folder that a bundle of that name has; None if it is no valid name."""
    return models_dir / name if re.fullmatch(NAME, name) else None


def _part_of(bundle: Path, part: str) -> Path:
    if (bundle / part).is_dir():
        return bundle / part
    there = ", ".join(sorted(path.name for path in bundle.iterdir() if path.is_dir()))
    raise ModelLoadError(f"bundle {bundle.name} has no {part}/, only: {there}")


def _by_hub_id(hub_id: str, models_dir: Path) -> Path:
    if (models_dir / hub_id).is_dir():
        return models_dir / hub_id
    catalog = known_bundles(models_dir)
    for root in pulled_bundles(models_dir).values():
        for part, origin in origins_of(root).items():
            model = catalog.models.get(origin.model)
            if model is not None and model.has_hub_id(hub_id):
                return root / part
    bundles = catalog.bundles_with(hub_id)
    if bundles:
        raise ModelLoadError(_how_to_pull(f"model {hub_id}", bundles[0]))
    raise ModelLoadError(f"there is no folder {hub_id}, and the catalog has no such model: give its folder")


def _how_to_pull(what: str, bundle: str) -> str:
    return f"{what} is not on this machine yet: paraserve models pull {bundle}"


def _is_bundle(folder: Path) -> bool:
    return (folder / MANIFEST).is_file() or (folder / "asr").is_dir()


def _packed(name: str) -> Path:
    """A file or folder of models/: in an installed wheel inside the package, in a checkout beside src/."""
    package = Path(__file__).resolve().parents[1]
    packed = package / "bundles" / name
    return packed if packed.exists() else package.parents[1] / "models" / name


def _embedded_root(name: str) -> Path:
    root = _packed(name)
    if root.is_dir():
        return root
    raise ModelLoadError(f"the embedded bundle {name!r} is not in this installation: expected {root}")
