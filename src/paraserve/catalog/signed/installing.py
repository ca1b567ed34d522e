"""Installation of packed bundles into the models folder: complete and checked, or not at all."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from paraserve.catalog.files import check_room, disk_errors, publish_folder
from paraserve.catalog.manifest import MANIFEST, SIGNATURE
from paraserve.catalog.signed.keys import PublicKeys
from paraserve.catalog.signed.packed_file import PackedBundle, open_packed
from paraserve.catalog.signed.signatures import check_signature
from paraserve.catalog.store import EMBEDDED, leftovers, locked
from paraserve.errors import PackedBundleError

UNPACKED = "unpacked"


def install(path: Path, models_dir: Path, keys: PublicKeys | None, on_wait: Callable[[str], None]) -> Path:
    """Install a packed bundle under the name that its manifest has, and return its folder.

    The signature is checked before a file is written, every SHA-256 before the bundle gets its name. Until then a
    bundle that has the name stays where it is, and for good where anything is wrong.

    Args:
        path: the packed bundle.
        models_dir: the folder of pulled bundles.
        keys: by one of which it has to be signed. None: signatures are not asked for.
        on_wait: called with the bundle's name before waiting for another process that pulls or installs it.

    Raises:
        BundleSignatureError: it is not signed by one of the keys.
        PackedBundleError: it is no packed bundle, is damaged, or has the name of an embedded one.
        DiskFullError: there is no room for it.
        ModelPullError: a file cannot be read or written.
    """
    with disk_errors(models_dir), open_packed(path) as packed:
        if keys is not None:
            check_signature(packed.place, packed.manifest, packed.signature, keys)
        name = packed.contents.name
        if name in EMBEDDED:
            raise PackedBundleError(f"{path} is named {name}, as a part of the installation: pack it with --name")
        root = models_dir / name
        with locked(name, models_dir, on_wait):
            partial, removed = leftovers(name, models_dir)
            folder = partial / UNPACKED
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            try:
                _unpack(packed, folder)
                publish_folder(folder, root, removed)
                shutil.rmtree(partial)  # with what a stopped pull of the bundle left
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                with suppress(OSError):
                    partial.rmdir()
        return root


def _unpack(packed: PackedBundle, folder: Path) -> None:
    check_room(packed.contents.n_bytes, folder)
    for name, pieces in packed.files():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.writelines(pieces)
    (folder / MANIFEST).write_bytes(packed.manifest)
    if packed.signature is not None:
        (folder / SIGNATURE).write_bytes(packed.signature)
