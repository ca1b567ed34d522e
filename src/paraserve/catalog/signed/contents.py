"""What a manifest of unknown origin lists: nothing in it is believed before it is checked."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from paraserve.catalog.entries import NAME
from paraserve.catalog.manifest import MANIFEST, SIGNATURE
from paraserve.errors import PackedBundleError

MAX_NAME_BYTES = 255
MAX_FILE_BYTES = (8 << 30) - 1
"""What the size of a member of a tar archive can say (USTAR)."""


class _File(BaseModel):
    model_config = ConfigDict(frozen=True)

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    bytes: Annotated[StrictInt, Field(ge=0, le=MAX_FILE_BYTES)]


class Contents(BaseModel):
    """Name of a bundle, and SHA-256 and size of each file by its path, which lies below the bundle."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(pattern=f"^{NAME}$", max_length=100)]
    files: Mapping[str, _File]

    @property
    def n_bytes(self) -> int:
        """Size of all files together."""
        return sum(file.bytes for file in self.files.values())


def read_contents(place: str, manifest: bytes) -> Contents:
    """Read a manifest strictly. `place` is that of the bundle, for messages.

    Raises:
        PackedBundleError: it is damaged, or lists a path that is none below the bundle.
    """
    try:
        contents = Contents.model_validate_json(manifest)
    except ValidationError as error:
        detail = error.errors()[0]
        where = ".".join(map(str, detail["loc"]))[:MAX_NAME_BYTES]
        raise PackedBundleError(f"{place}: damaged {MANIFEST}: {where}: {detail['msg']}") from None
    for name in contents.files:
        if not _is_below(name) or any(str(parent) in contents.files for parent in PurePosixPath(name).parents):
            raise PackedBundleError(f"{place}: {MANIFEST} lists {name[:MAX_NAME_BYTES]!r}, which no bundle can have")
    return contents


def _is_below(name: str) -> bool:
    """Whether this is the one spelling of a path below a folder, and not of the manifest or its signature."""
    path = PurePosixPath(name)
    is_plain = name.isprintable() and "\\" not in name and 0 < len(name.encode("utf-8", "replace")) <= MAX_NAME_BYTES
    is_own = name in {MANIFEST, SIGNATURE}
    return is_plain and not is_own and not path.is_absolute() and ".." not in path.parts and str(path) == name != "."
