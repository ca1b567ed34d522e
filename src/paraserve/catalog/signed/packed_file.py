"""A bundle in one file: an uncompressed tar archive of the manifest, its signature, and the files in order of names.

There is one archive for a bundle: no other members, no links, devices, other types or other order. So a reader knows
at each place what has to come, and takes nothing else.
"""

import hashlib
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from paraserve.catalog.manifest import MANIFEST, SIGNATURE
from paraserve.catalog.signed.contents import Contents, read_contents
from paraserve.errors import PackedBundleError

SUFFIX = ".psb"
BLOCK_BYTES = tarfile.BLOCKSIZE
PIECE_BYTES = 1 << 20
MAX_MANIFEST_BYTES = 16 << 20
MAX_SIGNATURE_BYTES = 64 << 10
REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE)


@dataclass(slots=True)
class _Reader:
    """Reads the members of an archive one after another, and forward only."""

    file: IO[bytes]
    place: str
    ahead: tarfile.TarInfo | None = field(default=None, init=False)

    def head(self) -> tarfile.TarInfo | None:
        """Return the head of the next member, None at the end of the archive. It stays the next one."""
        if self.ahead is None:
            block = self.exactly(BLOCK_BYTES)
            if block != bytes(BLOCK_BYTES):
                self.ahead = self._parsed(block)
        return self.ahead

    def content(self, name: str, n_bytes: int) -> Iterator[bytes]:
        """Yield the content of the next member in pieces, which has to be this one.

        Raises:
            PackedBundleError: another member stands there, or the archive ends.
        """
        head = self.head()
        if head is None or (head.name, head.size) != (name, n_bytes):
            found = "the end" if head is None else f"{head.name[:100]!r} of {head.size} bytes"
            raise PackedBundleError(f"{self.place}: {found} stands where {name!r} of {n_bytes} bytes has to be")
        self.ahead = None
        for start in range(0, n_bytes, PIECE_BYTES):
            yield self.exactly(min(PIECE_BYTES, n_bytes - start))
        self.exactly(-n_bytes % BLOCK_BYTES)

    def end(self) -> None:
        """Read the end of the archive.

        Raises:
            PackedBundleError: something else is there.
        """
        rest = self.file.read(tarfile.RECORDSIZE + 1) if self.head() is None else b"more"
        if rest.strip(b"\0") or len(rest) > tarfile.RECORDSIZE:
            raise PackedBundleError(f"{self.place} goes on behind the last file of its manifest")

    def exactly(self, n_bytes: int) -> bytes:
        """Return so many bytes.

        Raises:
            PackedBundleError: the file ends before.
        """
        data = self.file.read(n_bytes)
        if len(data) < n_bytes:
            raise PackedBundleError(f"{self.place} is cut off")
        return data

    def _parsed(self, block: bytes) -> tarfile.TarInfo:
        try:
            head = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.TarError, ValueError):
            raise PackedBundleError(f"{self.place} is no packed bundle, or is damaged") from None
        if head.type not in REGULAR:
            raise PackedBundleError(f"{self.place} holds {head.name[:100]!r}, which is no regular file")
        return head


@dataclass(slots=True)
class PackedBundle:
    """An open packed bundle: its manifest and signature as they are, what they list, and the files once, in order."""

    place: str
    manifest: bytes
    signature: bytes | None
    contents: Contents
    _reader: _Reader

    def files(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Yield each path with its content in pieces, whose SHA-256 is compared with the manifest at their end.

        Raises:
            PackedBundleError: what comes is not what the manifest says. Raised within the pieces as well.
        """
        for name in sorted(self.contents.files):
            yield name, self._checked(name)
        self._reader.end()

    def check(self) -> list[str]:
        """Read all files and return their paths.

        Raises:
            PackedBundleError: what is there is not what the manifest says.
        """
        names = []
        for name, pieces in self.files():
            for _ in pieces:
                pass
            names.append(name)
        return names

    def _checked(self, name: str) -> Iterator[bytes]:
        expected, digest = self.contents.files[name], hashlib.sha256()
        for piece in self._reader.content(name, expected.bytes):
            digest.update(piece)
            yield piece
        if digest.hexdigest() != expected.sha256:
            raise PackedBundleError(f"{self.place}: {name}: SHA-256 differs from the manifest: altered or damaged")


@contextmanager
def open_packed(path: Path) -> Iterator[PackedBundle]:
    """Open a packed bundle and read its manifest and signature.

    Raises:
        PackedBundleError: it is none.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        reader = _Reader(file, str(path))
        manifest = _small(reader, MANIFEST, MAX_MANIFEST_BYTES)
        signature = _small(reader, SIGNATURE, MAX_SIGNATURE_BYTES)
        if manifest is None:
            raise PackedBundleError(f"{path} is no packed bundle: it does not begin with {MANIFEST}")
        yield PackedBundle(str(path), manifest, signature, read_contents(str(path), manifest), reader)


def _small(reader: _Reader, name: str, max_bytes: int) -> bytes | None:
    """Content of the next member if it is of this name, else None."""
    head = reader.head()
    if head is None or head.name != name:
        return None
    if not 0 <= head.size <= max_bytes:
        raise PackedBundleError(f"{reader.place}: {name} of {head.size} bytes: more than {max_bytes}")
    return b"".join(reader.content(name, head.size))
