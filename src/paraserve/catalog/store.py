"""Bundles and models by name or folder. Nothing here makes a request: what is not on disk is not there.

A bundle is a folder with `asr/` and optionally `asr-online/ vad/ punc/ punc-online/`, each in FunASR's file layout.
A pulled one is `NAME/` in the models folder, whole and with a manifest; what `pull` works on begins with a dot.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from paraserve.catalog.entries import CATALOG, NAME, Catalog, read_catalog
from paraserve.catalog.manifest import MANIFEST, Origin, read_origins
from paraserve.errors import ModelLoadError

EMBEDDED = ("demo",)
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
"""How model hubs name a model: owner/name."""


def models_folder(chosen: str = "") -> Path:
    """The folder of pulled bundles: the chosen one, or that in the user's cache folder."""
    if chosen:
        return Path(chosen).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "paraserve" / "models"


def known_bundles(models_dir: Path) -> Catalog:
    """The project's catalog, and that of the models folder over it.

    Raises:
        ModelLoadError: one of them cannot be read.
    """
    return read_catalog(_packed(CATALOG), models_dir / CATALOG)


def pulled_bundles(models_dir: Path) -> dict[str, Path]:
    """Bundles in the models folder by name: those of `pull`, and folders that a user put there."""
    if not models_dir.is_dir():
        return {}
    folders = (path for path in sorted(models_dir.iterdir()) if path.is_dir())
    return {path.name: path for path in folders if re.fullmatch(NAME, path.name) and _is_bundle(path)}


def bundle_root(name_or_dir: str, models_dir: Path) -> Path:
    """The folder of a bundle: embedded, pulled, or any folder, in this order.

    Raises:
        ModelLoadError: it is not on this machine; says how to get it if it is in the catalog.
    """
    if name_or_dir in EMBEDDED:
        return _embedded_root(name_or_dir)
    for root in (_named(models_dir, name_or_dir), Path(name_or_dir).expanduser()):
        if name_or_dir and root is not None and root.is_dir():
            return root
    catalog = known_bundles(models_dir)
    if name_or_dir in catalog.bundles:
        raise ModelLoadError(_how_to_pull(f"bundle {name_or_dir}", name_or_dir))
    known = ", ".join((*EMBEDDED, *catalog.bundles))
    raise ModelLoadError(f"bundle not found: {name_or_dir!r} is neither a folder nor one of: {known}")


def part_folder(value: str, part: str, models_dir: Path) -> Path:
    """The folder of one model: a folder, a bundle that has this part, or a hub id.

    A hub id names a folder below the models folder, where FunASR's own downloads are, or a model of the catalog that
    has been pulled with some bundle.

    Raises:
        ModelLoadError: it is not on this machine; says how to get it if it is in the catalog.
    """
    if value in EMBEDDED:
        return _part_of(_embedded_root(value), part)
    folder = Path(value).expanduser()
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


def remove(name: str, models_dir: Path) -> bool:
    """Delete a pulled bundle and what an unfinished pull left of it; returns whether there was anything.

    Raises:
        ModelLoadError: it is embedded, or being pulled.
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
            # A folder that is half deleted must not have a name that serve looks for.
            shutil.rmtree(root.rename(removed))
        shutil.rmtree(partial, ignore_errors=True)
    return True


@contextmanager
def locked(name: str, models_dir: Path, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a bundle against other processes; the system releases that of a killed one.

    Args:
        name: the bundle.
        models_dir: the folder of pulled bundles; made if it is not there.
        on_wait: called with the name before waiting for another process; may raise instead.

    Raises:
        OSError: the folder cannot be written.
    """
    models_dir.mkdir(parents=True, exist_ok=True)
    with (models_dir / f".{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait(name)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def leftovers(name: str, models_dir: Path) -> tuple[Path, Path]:
    """Folders of a bundle that are no models: of an unfinished pull, and of an unfinished removal."""
    return models_dir / f".{name}.partial", models_dir / f".{name}.removed"


def origins_of(root: Path) -> dict[str, Origin]:
    """As `read_origins`; empty for a folder whose manifest is missing or damaged."""
    try:
        return read_origins(root)
    except ModelLoadError:
        return {}


def _refuse_to_wait(name: str) -> None:
    raise ModelLoadError(f"{name} is being pulled by another process")


def _named(models_dir: Path, name: str) -> Path | None:
    """Where a bundle of that name would be; None if it cannot be a name."""
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
