"""Writing of packed bundles: of a folder, and with another signature."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING

from paraserve.catalog.files import disk_errors, written_file
from paraserve.catalog.manifest import MANIFEST, SIGNATURE, named_manifest, verify_bundle
from paraserve.catalog.signed.contents import read_contents
from paraserve.catalog.signed.packed_file import open_packed
from paraserve.catalog.signed.signatures import refuse_unlisted, signature_of
from paraserve.errors import PackedBundleError

if TYPE_CHECKING:
    from minisign import SecretKey


def pack(root: Path, target: Path, name: str = "") -> bool:
    """Write a bundle's folder into one file, the same bytes for the same bundle; return whether it is signed.

    Args:
        root: the folder, whose files are checked before.
        target: the file. One that is there is replaced when all is written.
        name: what the bundle is called where it is installed. Empty: as its manifest says, or like the folder. Under
            another name than the manifest's the signature, which is of that manifest, is left out.

    Raises:
        ModelLoadError: a file is missing, altered, not in the manifest, or has a path that no packed bundle can have.
        ModelPullError: a file cannot be read, or the target cannot be written.
    """
    with disk_errors(target.parent):
        verify_bundle(root)
        manifest, signature = _manifest(root, name)
        contents = read_contents(str(root), manifest)
        refuse_unlisted(root, contents.files)
        with written_file(target) as out, _archive(out) as archive:
            _add_heads(archive, manifest, signature)
            for path in sorted(contents.files):
                with (root / path).open("rb") as file:
                    _add(archive, path, contents.files[path].bytes, file)
    return signature is not None


def bundle_name(root: Path) -> str:
    """Return the name of a bundle: as its manifest says, or like the folder.

    Raises:
        ModelLoadError: the manifest is damaged.
        OSError: it cannot be read.
    """
    path = root / MANIFEST
    return read_contents(str(root), path.read_bytes()).name if path.exists() else root.resolve().name


def sign_packed(path: Path, key: "SecretKey") -> None:
    """Put a signature into a packed bundle, in place of one that may be there. All files are checked before.

    Raises:
        PackedBundleError: it is none, or damaged.
        ModelPullError: it cannot be read or written.
    """
    with disk_errors(path.parent):
        with open_packed(path) as packed:
            packed.check()
        with open_packed(path) as packed, written_file(path) as out, _archive(out) as archive:
            _add_heads(archive, packed.manifest, signature_of(packed.manifest, key))
            for name, pieces in packed.files():
                _add(archive, name, packed.contents.files[name].bytes, io.BufferedReader(_Pieces(pieces)))
                for _ in pieces:  # its digest is compared behind the last byte
                    pass


class _Pieces(io.RawIOBase):
    """A file of pieces."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__()
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read what is left of a piece, or of the next one; return 0 at the end."""
        self._rest = self._rest or memoryview(next(self._pieces, b""))
        n_bytes = min(len(buffer), len(self._rest))
        buffer[:n_bytes], self._rest = self._rest[:n_bytes], self._rest[n_bytes:]
        return n_bytes


def _manifest(root: Path, name: str) -> tuple[bytes, bytes | None]:
    """The manifest under this name, and the signature if it is of that."""
    path = root / MANIFEST
    own = path.read_bytes() if path.exists() else named_manifest(root, name or bundle_name(root))
    if name and read_contents(str(root), own).name != name:
        return named_manifest(root, name), None
    signature = root / SIGNATURE
    return own, signature.read_bytes() if path.exists() and signature.exists() else None


def _archive(out: IO[bytes]) -> tarfile.TarFile:
    return tarfile.TarFile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT)


def _add_heads(archive: tarfile.TarFile, manifest: bytes, signature: bytes | None) -> None:
    _add(archive, MANIFEST, len(manifest), io.BytesIO(manifest))
    if signature is not None:
        _add(archive, SIGNATURE, len(signature), io.BytesIO(signature))


def _add(archive: tarfile.TarFile, name: str, n_bytes: int, content: IO[bytes]) -> None:
    """Add a member whose head has no times, owners or modes of this machine."""
    head = tarfile.TarInfo(name)
    head.size = n_bytes
    try:
        archive.addfile(head, content)
    except ValueError as error:  # a path or a size that this form of tar cannot hold
        raise PackedBundleError(f"cannot pack {name}: {error}") from None
